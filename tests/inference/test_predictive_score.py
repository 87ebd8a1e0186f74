"""Leave-one-out scores against exact ones, by brute force over a grid of optima."""

import dataclasses
import functools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from helpers import make_trials
from scipy.special import logsumexp

from leadline.data.prepare import prepare
from leadline.data.scale import SCALES
from leadline.distributions.kernels import noisy_quadratic
from leadline.inference.predictive_score import predictive_score
from leadline.inference.tail_fit import FittedTail
from leadline.models.priors import Priors

# Not 2, of which the density is flat: then many trials would tell nothing of the optimum.
SPREAD, GAMMA, SIGMA = 0.6, 2.4, 0.02
GRID = np.linspace(0.15, 0.25, 400)
SEED = np.random.SeedSequence(1)


@functools.cache
def compiled(function):
    y, alpha = pt.dmatrices("y", "alpha")
    return pytensor.function([y, alpha], function(y, alpha, alpha + SPREAD, GAMMA, SIGMA))


def evaluated(function, y, alpha):
    y, alpha = np.broadcast_arrays(y, alpha)
    return compiled(function)(y.copy(), alpha.copy())


def densities(search):
    """Return the log-density of each tail trial and log P(worse) at each optimum of the grid."""
    alpha = GRID[:, None]
    inside = evaluated(noisy_quadratic.logpdf, search.regime.loss[None, :], alpha)
    worse = evaluated(noisy_quadratic.logsf, np.array([[search.regime.threshold]]), alpha)
    return inside, worse[:, 0]


def posterior_of(search):
    """Return 4,000 draws of the optimum from its exact posterior, everything else known."""
    inside, worse = densities(search)
    n_worse = int(search.regime.group_trials.sum()) - search.regime.n_tail
    log_posterior = inside.sum(axis=1) + n_worse * worse
    weight = np.exp(log_posterior - logsumexp(log_posterior))
    u = (np.arange(4000) + 0.5) / 4000
    draws = np.interp(u, np.cumsum(weight), GRID)
    return np.random.default_rng(0).permutation(draws).reshape(4, 1000)


def fitted(search, alpha):
    shape = alpha.shape
    values = {
        "law_optimum": alpha,
        "law_spread": np.full(shape, SPREAD),
        "effective_dim": np.full(shape, GAMMA),
        "law_noise_sd": np.full(shape, SIGMA),
    }
    posterior = xr.Dataset({name: (("chain", "draw"), value) for name, value in values.items()})
    flat = alpha.reshape(-1, 1)
    better = evaluated(noisy_quadratic.logcdf, np.array([[search.regime.threshold]]), flat)
    loss = evaluated(noisy_quadratic.logpdf, search.regime.loss[None, :], flat) - better
    likelihood = {"loss": loss.reshape(*shape, -1)}
    return FittedTail(search, posterior, xr.Dataset(), likelihood, {})


class Fitter:
    """Fits exactly, and remembers which trials were left out."""

    def __init__(self):
        self.left_out = []

    def fit_without(self, search, trial, seed):
        self.left_out.append(trial)
        others = dataclasses.replace(search, regime=search.regime.without(trial))
        return fitted(search, posterior_of(others))


def exact_score(search, rows, edge):
    """Return the sum of log predictive densities, each trial left out on the grid."""
    inside, worse = densities(search)
    edge_worse = evaluated(noisy_quadratic.logsf, np.array([[edge]]), GRID[:, None])[:, 0]
    n_worse = int(search.regime.group_trials.sum()) - search.regime.n_tail
    total = inside.sum(axis=1) + n_worse * worse
    score = 0.0
    for trial, row in enumerate(search.regime.rows):
        others = total - inside[:, trial]
        target = inside[:, trial] if row in rows else edge_worse
        score += logsumexp(others + target) - logsumexp(others)
    others = total - worse
    return score + n_worse * (logsumexp(others + edge_worse) - logsumexp(others))


@pytest.fixture(scope="module")
def searches():
    trials = make_trials(n=80, n_failed=5)
    return [prepare(trials, Priors(), tail_fraction=f) for f in (0.15, 0.3, 0.5)]


def test_scores_are_those_of_exact_leave_one_out(searches):
    deepest = searches[0].regime
    for search in searches:
        tail = fitted(search, posterior_of(search))
        fitter = Fitter()
        found = predictive_score(tail, fitter, deepest.rows, deepest.threshold, 1.0, SEED)
        exact = exact_score(search, deepest.rows, deepest.threshold)
        # 4,000 draws: the largest of 80 terms has a standard error of about 0.01.
        assert found.elpd == pytest.approx(exact, abs=0.03)
        assert found.refitted == len(fitter.left_out) <= 2


def test_a_trial_that_weights_cannot_leave_out_is_left_out_by_fitting(searches):
    search = searches[1]
    alpha = posterior_of(search)
    # A few draws under which the first trial is next to impossible: weights with a heavy tail.
    alpha[:, :3] = search.regime.loss[0] + SIGMA * np.array([4.0, 6.0, 9.0])
    deepest, fitter = searches[0].regime, Fitter()
    tail = fitted(search, alpha)
    found = predictive_score(tail, fitter, deepest.rows, deepest.threshold, 1.0, SEED)
    assert found.refitted == len(fitter.left_out) > 0
    assert 0 in fitter.left_out
    exact = exact_score(search, deepest.rows, deepest.threshold)
    assert found.elpd == pytest.approx(exact, abs=0.5)


def test_scores_on_another_scale_are_densities_of_scores(searches):
    # On the log scale the same draws of another law; what must agree is the change of variable.
    trials = make_trials(n=80, n_failed=5)
    search = prepare(trials, Priors(), tail_fraction=0.3, scale=SCALES["log"])
    rows = search.regime.rows
    slope = -np.log(np.exp(search.regime.loss))
    np.testing.assert_allclose(search.regime.log_slope, slope, rtol=1e-12)
    # Next to no uncertainty: then leaving out changes nothing.
    alpha = -1.7 + 1e-6 * np.random.default_rng(0).standard_normal((4, 100))
    tail = fitted(search, alpha)
    score = predictive_score(tail, None, rows, search.regime.threshold, 1.0, SEED)
    n_worse = int(search.regime.group_trials.sum()) - search.regime.n_tail
    at = np.array([[-1.7]])
    density = evaluated(noisy_quadratic.logpdf, search.regime.loss[None, :], at) + slope
    worse = evaluated(noisy_quadratic.logsf, np.array([[search.regime.threshold]]), at)[0, 0]
    assert score.elpd == pytest.approx(density.sum() + n_worse * worse, rel=1e-4)
