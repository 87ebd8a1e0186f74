"""The contract of PyMC with a distribution: densities, draws, shapes, and use inside models."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
from pymc.logprob.utils import ParameterValueError
from pymc.testing import (
    BaseTestDistributionRandom,
    Domain,
    assert_support_point_is_expected,
    check_icdf,
    check_logccdf,
    check_logcdf,
    check_logp,
)
from scipy import optimize, stats

import leadline as ll
from leadline.distributions.tail_score import TailScore

QUADRATIC = {"alpha": 1.0, "beta": 3.0, "gamma": 2.5}
NOISY = QUADRATIC | {"sigma": 0.3}
BEST = NOISY | {"trials": 5}

REAL = Domain([-np.inf, 0.7, 1.3, 2.0, 2.9, 3.5, np.inf])
DOMAINS = {
    "alpha": Domain([-np.inf, 0.0, 1.0, np.inf]),
    "beta": Domain([-np.inf, 2.5, 3.0, np.inf]),
    "gamma": Domain([0, 0.8, 2.0, 5.0, np.inf]),
    "sigma": Domain([0, 0.2, 0.7, np.inf]),
    "trials": Domain([0.5, 1.0, 7.0, 20.0, np.inf]),
}
BOTH = pytest.mark.parametrize("convex", [True, False])


@pytest.fixture
def mode():
    """Return a mode that rewrites: thousands of values take longer without."""
    return "FAST_COMPILE"


NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def noisy(function, value, alpha, beta, gamma, sigma):
    """Return E[function((value − Q)/sigma)] over the noiseless score Q."""
    # Panels that end where the noise does, so that no peak falls between the nodes.
    scores = value + sigma * np.array([-np.inf, -9, -4, -2, 0, 2, 4, 9, np.inf])
    edges = np.clip((scores - alpha) / (beta - alpha), 0, 1) ** (gamma / 2)
    # In the tenth root of U the score is smooth at U = 0 too.
    ends = edges ** (1 / 10)
    lengths = np.diff(ends)[:, None]
    root = ends[:-1, None] + lengths * (NODES + 1) / 2
    z = (value - alpha - (beta - alpha) * root ** (20 / gamma)) / sigma
    return float((function(z) * 10 * root**9 * WEIGHTS * lengths / 2).sum())


class QuadraticReference:
    """SciPy's beta distribution: a power of a uniform number is a beta variable."""

    def __getattr__(self, name):
        def function(first, alpha, beta, gamma):
            scaled_beta = stats.beta(gamma / 2, 1, loc=alpha, scale=beta - alpha)
            return getattr(scaled_beta, name)(first)

        return function


class NoisyReference:
    """The noisy quadratic by quadrature over U: no formula of the package."""

    def pdf(self, value, sigma, **params):
        return noisy(stats.norm.pdf, value, sigma=sigma, **params) / sigma

    def cdf(self, value, **params):
        return noisy(stats.norm.cdf, value, **params)

    def sf(self, value, **params):
        return noisy(stats.norm.sf, value, **params)

    def ppf(self, q, **params):
        if q in (0, 1):
            return -np.inf if q == 0 else np.inf
        return optimize.brentq(lambda y: self.cdf(y, **params) - q, -10, 15, xtol=1e-11)


class BestReference:
    """The best of several independent noisy scores."""

    def pdf(self, value, trials, **params):
        one = NoisyReference()
        return trials * one.pdf(value, **params) * one.sf(value, **params) ** (trials - 1)

    def cdf(self, value, trials, **params):
        return -np.expm1(trials * np.log1p(-NoisyReference().cdf(value, **params)))

    def sf(self, value, trials, **params):
        return NoisyReference().sf(value, **params) ** trials

    def ppf(self, q, trials, **params):
        return NoisyReference().ppf(1 - (1 - q) ** (1 / trials), **params)


def reference_function(reference, name, convex):
    """Return `name` of the reference; in the concave form −Y is convex with (−beta, −alpha)."""
    twin = {"pdf": "pdf", "cdf": "sf", "sf": "cdf"}

    def quantile(q, alpha, beta, **params):
        if convex:
            return reference.ppf(q, alpha=alpha, beta=beta, **params)
        return -reference.ppf(1 - q, alpha=-beta, beta=-alpha, **params)

    def function(value, alpha, beta, **params):
        if convex:
            return getattr(reference, name)(value, alpha=alpha, beta=beta, **params)
        return getattr(reference, twin[name])(-value, alpha=-beta, beta=-alpha, **params)

    return quantile if name == "ppf" else function


CASES = pytest.mark.parametrize(
    ("distribution", "reference", "params"),
    [
        pytest.param(ll.Quadratic, QuadraticReference(), QUADRATIC, id="Quadratic"),
        pytest.param(ll.NoisyQuadratic, NoisyReference(), NOISY, id="NoisyQuadratic"),
        pytest.param(ll.BestScore, BestReference(), BEST, id="BestScore"),
    ],
)


@BOTH
@CASES
def test_densities_agree_with_references(distribution, reference, params, convex):
    oriented = SimpleNamespace(dist=partial(distribution.dist, convex=convex))
    domains = {name: DOMAINS[name] for name in params}
    for check, name in ((check_logp, "pdf"), (check_logcdf, "cdf"), (check_logccdf, "sf")):
        function = reference_function(reference, name, convex)

        def log_function(value, function=function, **values):
            with np.errstate(divide="ignore"):
                return np.log(function(value, **values))

        check(oriented, REAL, domains, log_function, n_samples=12)
    check_icdf(oriented, domains, reference_function(reference, "ppf", convex), n_samples=6)


@BOTH
@CASES
def test_draws_follow_the_reference(distribution, reference, params, convex):
    cdf = reference_function(reference, "cdf", convex)
    sample = pm.draw(distribution.dist(**params, convex=convex), draws=400, random_seed=1)
    # The reference on a grid, since a quadrature for each draw would take minutes.
    grid = np.linspace(sample.min() - 1e-9, sample.max() + 1e-9, 60)
    levels = np.array([cdf(y, **params) for y in grid])
    assert stats.kstest(np.interp(sample, grid, levels), "uniform").pvalue > 0.01


class TestQuadratic(BaseTestDistributionRandom):
    pymc_dist = ll.Quadratic
    pymc_dist_params = expected_rv_op_params = QUADRATIC
    checks_to_run = ["check_pymc_params_match_rv_op", "check_rv_size"]


class TestNoisyQuadratic(TestQuadratic):
    pymc_dist = ll.NoisyQuadratic
    pymc_dist_params = expected_rv_op_params = NOISY


class TestBestScore(TestQuadratic):
    pymc_dist = ll.BestScore
    pymc_dist_params = expected_rv_op_params = BEST


TAIL = (0.0, 1.0, 2.0, 0.1, 0.3)  # the last one is the threshold


def test_tail_score_is_a_truncated_noisy_quadratic():
    values = np.array([-0.1, 0.05, 0.2, 0.3])
    truncated = pm.Truncated.dist(ll.NoisyQuadratic.dist(*TAIL[:4]), upper=0.3)
    expected = pm.logp(truncated, values).eval()
    np.testing.assert_allclose(pm.logp(TailScore.dist(*TAIL), values).eval(), expected)
    assert pm.logp(TailScore.dist(*TAIL), 0.31).eval() == -np.inf


@pytest.mark.parametrize("resolution", [0.0, 0.05])
def test_a_given_tail_fraction_replaces_the_computed_one(resolution):
    params = (*TAIL, resolution)
    log_fraction = pm.logcdf(ll.NoisyQuadratic.dist(*TAIL[:4]), 0.3)
    plain, given = TailScore.dist(*params), TailScore.dist(*params, log_fraction)
    values = np.array([-0.025, 0.125, 0.275])
    np.testing.assert_array_equal(pm.logp(given, values).eval(), pm.logp(plain, values).eval())
    larger = TailScore.dist(*params, log_fraction + 1.0)
    np.testing.assert_allclose(
        pm.logp(larger, values).eval(), pm.logp(plain, values).eval() - 1.0, rtol=1e-12
    )
    draws = [pm.draw(variable, draws=20, random_seed=1) for variable in (plain, given)]
    np.testing.assert_array_equal(*draws)


def test_rounded_tail_score_adds_up_to_one_over_its_bins():
    width = 0.05
    # The bins end at the threshold; the lowest is 6 noise sds below the optimum.
    bins = 0.3 - width * (np.arange(19) + 0.5)
    density = np.exp(pm.logp(TailScore.dist(*TAIL, np.float64(width)), bins).eval())
    assert density.sum() * width == pytest.approx(1, abs=1e-8)
    fine = pm.logp(TailScore.dist(*TAIL, 1e-6), 0.1).eval()
    exact = pm.logp(TailScore.dist(*TAIL), 0.1).eval()
    assert fine == pytest.approx(exact, abs=1e-9)  # the bin's curvature is of order width²


def test_rounded_tail_scores_are_drawn_on_their_grid():
    rounded = TailScore.dist(*TAIL, 0.05)
    sample = pm.draw(rounded, draws=500, random_seed=1)
    bins = (0.3 - sample) / 0.05 - 0.5
    np.testing.assert_allclose(bins, np.round(bins), atol=1e-9)
    assert bins.min() >= 0
    probability = np.exp(pm.logp(rounded, 0.275).eval())
    share = (np.round(bins) == 0).mean()
    assert share == pytest.approx(probability * 0.05, abs=0.06)  # three standard errors


def test_trials_may_differ_by_observation():
    trials = np.array([1, 10, 1000])
    together = pm.logp(ll.BestScore.dist(**NOISY, trials=trials), 1.1).eval()
    apart = [pm.logp(ll.BestScore.dist(**NOISY, trials=k), 1.1).eval() for k in trials]
    np.testing.assert_allclose(together, apart)


@pytest.mark.parametrize("wrapper", [pm.Censored, pm.Truncated])
def test_works_inside_other_distributions(wrapper):
    base = ll.NoisyQuadratic.dist(**NOISY)
    inside = wrapper.dist(base, lower=1.2, upper=2.0)
    sample = pm.draw(inside, draws=200, random_seed=1)
    assert sample.min() >= 1.2
    assert sample.max() <= 2.0
    density = pm.logp(inside, np.array([1.2, 1.5, 2.0, 2.1])).eval()
    assert np.isfinite(density[:3]).all()
    assert density[3] == -np.inf


def test_batched_parameters_and_dims_in_a_model_with_predictive_sampling():
    coords = {"task": ["a", "b", "c"], "seed": range(4)}
    with pm.Model(coords=coords) as model:
        optimum = pm.Normal("optimum", [0.0, 1.0, 2.0], 0.1, dims="task")
        ll.NoisyQuadratic(
            "score", optimum[:, None], optimum[:, None] + 1, 2.0, 0.05, dims=("task", "seed")
        )
        ll.Quadratic("expected", optimum, optimum + 1, 2.0, dims="task")
        prior = pm.sample_prior_predictive(draws=20, random_seed=1)["prior"]
    assert prior["score"].shape == (1, 20, 3, 4)
    assert prior["expected"].dims == ("chain", "draw", "task")
    assert (prior["expected"] >= prior["optimum"]).all()
    assert np.isfinite(model.compile_logp()(model.initial_point()))


@BOTH
def test_support_points_have_finite_density(convex):
    for distribution, params in ((ll.Quadratic, QUADRATIC), (ll.NoisyQuadratic, NOISY)):
        mean = 1 + 2 * 2.5 / 4.5 if convex else 3 - 2 * 2.5 / 4.5
        with pm.Model() as model:
            distribution("x", **params, convex=convex, size=(2,))
        assert_support_point_is_expected(model, np.full(2, mean))


@pytest.mark.parametrize("convex", [True, False])
@pytest.mark.parametrize(
    ("distribution", "params", "condition"),
    [
        (ll.Quadratic, (0.9, 0.1, 2.0), "alpha < beta"),
        (ll.NoisyQuadratic, (0.1, 0.1, 2.0, 0.02), "alpha < beta"),
        (ll.NoisyQuadratic, (0.1, 0.9, 0.0, 0.02), "gamma > 0"),
        (ll.NoisyQuadratic, (0.1, 0.9, 2.0, [0.1, -0.02]), "sigma > 0"),
        (ll.BestScore, (0.1, 0.9, 2.0, 0.02, 0), "trials >= 1"),
        (ll.BestScore, (0.1, float("nan"), 2.0, 0.02, 5), "alpha < beta"),
    ],
)
def test_numbers_outside_their_domain_are_refused_at_once(distribution, params, condition, convex):
    with pytest.raises(ParameterValueError, match=condition):
        distribution.dist(*params, convex=convex)
    with pm.Model(), pytest.raises(ParameterValueError, match=condition):
        distribution("x", *params, convex=convex, observed=0.3)


def test_a_random_bound_is_judged_where_it_is_drawn():
    with pm.Model() as model:
        upper = pm.Normal("upper", 0.5)
        ll.NoisyQuadratic("x", 0.1, upper, 2.0, 0.02, observed=0.3)
    assert model.compile_logp()({"upper": np.array(-1.0)}) == -np.inf
