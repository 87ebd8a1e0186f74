"""Leave-one-out scores against exact ones, by brute force over a grid of optima."""

import functools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from helpers import make_trials
from scipy.special import logsumexp

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import cut_tail, without_trial
from leadline.distributions.kernels import noisy_quadratic
from leadline.errors import LeadlineError
from leadline.inference.predictive_score import _seeds_log_volume, predictive_score

# Not 2, of which the density is flat: then many trials would not inform the optimum.
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


def tail_of_law(tails):
    """Return threshold, number of worse trials, and the rows of the tail."""
    threshold = float(tails["threshold"][0])
    n_worse = int(tails["group_trials"].sum()) - tails.sizes["tail_trial"]
    return threshold, n_worse, tails["row"].to_numpy()


def densities(tails):
    """Return the log-density of each tail trial and log P(worse) at each optimum of the grid."""
    alpha = GRID[:, None]
    inside = evaluated(noisy_quadratic.logpdf, tails["loss"].to_numpy()[None, :], alpha)
    worse = evaluated(noisy_quadratic.logsf, tails["threshold"].to_numpy()[:, None], alpha)
    return inside, worse[:, 0]


def posterior_of(tails):
    """Return 4,000 draws of the optimum from its exact posterior, everything else known."""
    inside, worse = densities(tails)
    log_posterior = inside.sum(axis=1) + tail_of_law(tails)[1] * worse
    weight = np.exp(log_posterior - logsumexp(log_posterior))
    u = (np.arange(4000) + 0.5) / 4000
    draws = np.interp(u, np.cumsum(weight), GRID)
    return np.random.default_rng(0).permutation(draws).reshape(4, 1000)


def fitted(tails, alpha):
    """Return a fit with these draws of the optimum, all of them independent."""
    shape, dims = alpha.shape, ("chain", "draw")
    law = {"alpha": alpha, "beta": alpha + SPREAD, "gamma": GAMMA, "sigma": SIGMA}
    quadratic = {
        name: ((*dims, "search"), np.broadcast_to(values, shape)[..., None])
        for name, values in law.items()
    }
    flat, edge = alpha.reshape(-1, 1), tails["threshold"].to_numpy()[:, None]
    better = evaluated(noisy_quadratic.logcdf, edge, flat)
    loss = evaluated(noisy_quadratic.logpdf, tails["loss"].to_numpy()[None, :], flat)
    likelihood = {"loss": ((*dims, "tail_trial"), (loss - better).reshape(*shape, -1))}
    fit = xr.DataTree.from_dict(
        {
            "noisy_quadratic": xr.Dataset(quadratic),
            "log_likelihood": xr.Dataset(likelihood),
            "tails": tails,
        }
    )
    fit.attrs["min_ess_bulk"] = float(alpha.size)
    return fit


class ExactSampler:
    """Samples exactly, and stores which trials were left out."""

    def __init__(self):
        self.left_out = []

    def sample_without(self, tails, trial, seed):
        self.left_out.append(trial)
        return fitted(tails, posterior_of(without_trial(tails, trial)))


def exact_score(tails, rows, edge):
    """Return the sum of log predictive densities, each trial left out on the grid."""
    inside, worse = densities(tails)
    edge_worse = evaluated(noisy_quadratic.logsf, np.array([[edge]]), GRID[:, None])[:, 0]
    _, n_worse, own = tail_of_law(tails)
    total = inside.sum(axis=1) + n_worse * worse
    score = 0.0
    for trial, row in enumerate(own):
        others = total - inside[:, trial]
        target = inside[:, trial] if row in rows else edge_worse
        score += logsumexp(others + target) - logsumexp(others)
    others = total - worse
    return score + n_worse * (logsumexp(others + edge_worse) - logsumexp(others))


@pytest.fixture(scope="module")
def searches():
    trials = make_trials(n=80, n_failed=5)
    return [cut_tail(trials, tail_fraction=fraction) for fraction in (0.15, 0.3, 0.5)]


def test_scores_are_those_of_exact_leave_one_out(searches):
    edge, _, rows = tail_of_law(searches[0])
    for tails in searches:
        sampler = ExactSampler()
        fit = fitted(tails, posterior_of(tails))
        elpd, refitted = predictive_score(fit, sampler, rows, edge, SEED)
        # 4,000 draws: the largest of 80 terms has a standard error of about 0.01.
        assert elpd == pytest.approx(exact_score(tails, rows, edge), abs=0.03)
        assert refitted == len(sampler.left_out) <= 2


def test_a_trial_that_weights_cannot_leave_out_is_left_out_by_fitting(searches):
    tails = searches[1]
    alpha = posterior_of(tails)
    # A few draws under which the first trial is next to impossible: weights with a heavy tail.
    alpha[:, :3] = float(tails["loss"][0]) + SIGMA * np.array([4.0, 6.0, 9.0])
    (edge, _, rows), sampler = tail_of_law(searches[0]), ExactSampler()
    elpd, refitted = predictive_score(fitted(tails, alpha), sampler, rows, edge, SEED)
    assert refitted == len(sampler.left_out) > 0
    assert 0 in sampler.left_out
    assert elpd == pytest.approx(exact_score(tails, rows, edge), abs=0.5)


def test_scores_on_another_scale_are_densities_of_scores():
    trials = make_trials(n=80, n_failed=5)
    tails = cut_tail(trials, tail_fraction=0.3, scale=SCALES["log"])
    edge, n_worse, rows = tail_of_law(tails)
    loss = tails["loss"].to_numpy()
    np.testing.assert_allclose(tails["log_slope"], -loss, rtol=1e-12)
    # Next to no uncertainty: then leaving out changes nothing.
    alpha = -1.7 + 1e-6 * np.random.default_rng(0).standard_normal((4, 100))
    elpd, _ = predictive_score(fitted(tails, alpha), None, rows, edge, SEED)
    at = np.array([[-1.7]])
    density = evaluated(noisy_quadratic.logpdf, loss[None, :], at) - loss
    worse = evaluated(noisy_quadratic.logsf, np.array([[edge]]), at)[0, 0]
    assert elpd == pytest.approx(density.sum() + n_worse * worse, rel=1e-4)


def test_the_volume_of_seeds_is_that_of_their_mean_and_variance():
    # On the scale a, variances are a² those of scores: m − 1 deviations are a volume of a^(m − 1),
    # mean and variance one of a · a².
    seeds = [0.02 * np.random.default_rng(m).standard_normal(m) for m in (1, 2, 3, 5)]
    scores = [list(x + own) for x, own in zip(np.arange(40) / 40, seeds * 10, strict=True)]
    tails = [
        cut_tail(ll.from_scores(list_of, direction="minimize"), tail_fraction=0.5, resolution=0)
        for list_of in (scores, [[8 * x for x in own] for own in scores])
    ]
    volume = [_seeds_log_volume(fitted(own, np.full((1, 2), 0.1))) for own in tails]
    m = tails[0]["replicates"].to_numpy()
    expected = np.where(m > 1, -(m - 3) * np.log(8), 0.0)
    np.testing.assert_allclose(volume[1] - volume[0], expected, atol=1e-9)


def test_too_few_draws_are_counted_in_the_error(searches):
    edge, _, rows = tail_of_law(searches[0])
    fit = fitted(searches[0], posterior_of(searches[0])[:2, :12])
    with pytest.raises(LeadlineError, match=r"25 .* 24"):
        predictive_score(fit, None, rows, edge, SEED)
