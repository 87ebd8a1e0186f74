"""What PyMC expects of a distribution: densities, checks, shapes, and a place in other models."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
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

LAW = {"alpha": 1.0, "beta": 3.0, "gamma": 2.5, "sigma": 0.3}
QUADRATIC = {name: LAW[name] for name in ("alpha", "beta", "gamma")}

REAL = Domain([-np.inf, 0.7, 1.3, 2.0, 2.9, 3.5, np.inf])
QUADRATIC_PARAMS = {
    "alpha": Domain([-np.inf, 0.0, 1.0, np.inf]),
    "beta": Domain([-np.inf, 2.5, 3.0, np.inf]),
    "gamma": Domain([0, 0.8, 2.0, 5.0, np.inf]),
}
NOISY_PARAMS = QUADRATIC_PARAMS | {"sigma": Domain([0, 0.2, 0.7, np.inf])}
BEST_PARAMS = NOISY_PARAMS | {"trials": Domain([0.5, 1.0, 7.0, 20.0, np.inf])}


NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def noisy(function, value, alpha, beta, gamma, sigma):
    """Return E[function((value − Q)/sigma)] over the noiseless score Q = alpha + … U^(2/gamma)."""
    # Panels that end where the noise does, so that no peak falls between the nodes.
    scores = value + sigma * np.array([-np.inf, -9, -4, -2, 0, 2, 4, 9, np.inf])
    edges = np.clip((scores - alpha) / (beta - alpha), 0, 1) ** (gamma / 2)
    # In the tenth root of U the score is smooth at U = 0 too.
    ends = edges ** (1 / 10)
    lengths = np.diff(ends)[:, None]
    root = ends[:-1, None] + lengths * (NODES + 1) / 2
    z = (value - alpha - (beta - alpha) * root ** (20 / gamma)) / sigma
    return float((function(z) * 10 * root**9 * WEIGHTS * lengths / 2).sum())


class NoisyReference:
    """The noisy quadratic by quadrature over U: no formula of the package."""

    @staticmethod
    def pdf(value, sigma, **law):
        return noisy(stats.norm.pdf, value, sigma=sigma, **law) / sigma

    @staticmethod
    def cdf(value, **law):
        return noisy(stats.norm.cdf, value, **law)

    @staticmethod
    def sf(value, **law):
        return noisy(stats.norm.sf, value, **law)

    @classmethod
    def ppf(cls, q, **law):
        if q in (0, 1):
            return -np.inf if q == 0 else np.inf
        return optimize.brentq(lambda y: cls.cdf(y, **law) - q, -10, 15, xtol=1e-11)


class QuadraticReference:
    """A power of a uniform number is a beta variable: SciPy's beta distribution."""

    @staticmethod
    def _beta(alpha, beta, gamma):
        return stats.beta(gamma / 2, 1, loc=alpha, scale=beta - alpha)

    @classmethod
    def pdf(cls, value, **law):
        return cls._beta(**law).pdf(value)

    @classmethod
    def cdf(cls, value, **law):
        return cls._beta(**law).cdf(value)

    @classmethod
    def sf(cls, value, **law):
        return cls._beta(**law).sf(value)

    @classmethod
    def ppf(cls, q, **law):
        return cls._beta(**law).ppf(q)


class BestReference:
    """The best of several independent noisy scores."""

    @staticmethod
    def pdf(value, trials, **law):
        rest = NoisyReference.sf(value, **law) ** (trials - 1)
        return trials * NoisyReference.pdf(value, **law) * rest

    @staticmethod
    def cdf(value, trials, **law):
        return -np.expm1(trials * np.log1p(-NoisyReference.cdf(value, **law)))

    @staticmethod
    def sf(value, trials, **law):
        return NoisyReference.sf(value, **law) ** trials

    @classmethod
    def ppf(cls, q, trials, **law):
        if q in (0, 1):
            return -np.inf if q == 0 else np.inf
        return NoisyReference.ppf(1 - (1 - q) ** (1 / trials), **law)


def mirrored(reference, name):
    """Return the function `name` of the concave form: −Y is convex with (−beta, −alpha)."""
    twin = {"pdf": "pdf", "cdf": "sf", "sf": "cdf", "ppf": "ppf"}[name]

    def function(first, alpha, beta, **law):
        if name == "ppf":
            return -reference.ppf(1 - first, alpha=-beta, beta=-alpha, **law)
        return getattr(reference, twin)(-first, alpha=-beta, beta=-alpha, **law)

    return function


def reference_function(reference, name, convex):
    function = getattr(reference, name) if convex else mirrored(reference, name)
    if name == "ppf":
        return lambda q, **law: function(q, **law)

    def log_function(value, **law):
        with np.errstate(divide="ignore"):
            return np.log(function(value, **law))

    return log_function


CASES = [
    pytest.param(ll.Quadratic, QuadraticReference, QUADRATIC_PARAMS, id="Quadratic"),
    pytest.param(ll.NoisyQuadratic, NoisyReference, NOISY_PARAMS, id="NoisyQuadratic"),
    pytest.param(ll.BestScore, BestReference, BEST_PARAMS, id="BestScore"),
]


@pytest.mark.parametrize("convex", [True, False])
@pytest.mark.parametrize(("distribution", "reference", "params"), CASES)
def test_densities_agree_with_references(distribution, reference, params, convex):
    oriented = SimpleNamespace(dist=partial(distribution.dist, convex=convex))
    for check, name in ((check_logp, "pdf"), (check_logcdf, "cdf"), (check_logccdf, "sf")):
        function = reference_function(reference, name, convex)
        check(oriented, REAL, params, function, n_samples=12)
    check_icdf(oriented, params, reference_function(reference, "ppf", convex), n_samples=6)


class TestQuadratic(BaseTestDistributionRandom):
    pymc_dist = ll.Quadratic
    pymc_dist_params = QUADRATIC
    expected_rv_op_params = QUADRATIC
    checks_to_run = ["check_pymc_params_match_rv_op", "check_rv_size"]


class TestNoisyQuadratic(BaseTestDistributionRandom):
    pymc_dist = ll.NoisyQuadratic
    pymc_dist_params = LAW
    expected_rv_op_params = LAW
    checks_to_run = ["check_pymc_params_match_rv_op", "check_rv_size"]


class TestBestScore(BaseTestDistributionRandom):
    pymc_dist = ll.BestScore
    pymc_dist_params = LAW | {"trials": 5}
    expected_rv_op_params = LAW | {"trials": 5}
    checks_to_run = ["check_pymc_params_match_rv_op", "check_rv_size"]


@pytest.mark.parametrize("convex", [True, False])
@pytest.mark.parametrize(
    ("distribution", "law", "reference"),
    [
        (ll.Quadratic, QUADRATIC, QuadraticReference),
        (ll.NoisyQuadratic, LAW, NoisyReference),
        (ll.BestScore, LAW | {"trials": 5}, BestReference),
    ],
)
def test_draws_follow_the_law(distribution, law, reference, convex):
    cdf = reference.cdf if convex else mirrored(reference, "cdf")
    sample = pm.draw(distribution.dist(**law, convex=convex), draws=400, random_seed=1)
    # The reference on a grid, since a quadrature for each draw would take minutes.
    grid = np.linspace(sample.min() - 1e-9, sample.max() + 1e-9, 60)
    levels = np.array([cdf(y, **law) for y in grid])
    assert stats.kstest(np.interp(sample, grid, levels), "uniform").pvalue > 0.01


def test_tail_score_is_a_truncated_noisy_quadratic():
    law = (0.0, 1.0, 2.0, 0.1)
    values = np.array([-0.1, 0.05, 0.2, 0.3])
    truncated = pm.Truncated.dist(ll.NoisyQuadratic.dist(*law), upper=0.3)
    expected = pm.logp(truncated, values).eval()
    np.testing.assert_allclose(pm.logp(TailScore.dist(*law, 0.3), values).eval(), expected)
    assert pm.logp(TailScore.dist(*law, 0.3), 0.31).eval() == -np.inf


def test_rounded_tail_score_adds_up_to_one_over_its_cells():
    law = (0.0, 1.0, 2.0, 0.1)
    width = 0.05
    # The cells end at the threshold; the lowest is 6 noise sds below the optimum.
    cells = 0.3 - width * (np.arange(19) + 0.5)
    density = np.exp(pm.logp(TailScore.dist(*law, 0.3, np.float64(width)), cells).eval())
    assert density.sum() * width == pytest.approx(1, abs=1e-8)
    fine = pm.logp(TailScore.dist(*law, 0.3, 1e-6), 0.1).eval()
    exact = pm.logp(TailScore.dist(*law, 0.3), 0.1).eval()
    assert fine == pytest.approx(exact, abs=1e-9)  # the cell's curvature is of order width²


def test_rounded_tail_scores_are_drawn_on_their_grid():
    sample = pm.draw(TailScore.dist(0.0, 1.0, 2.0, 0.1, 0.3, 0.05), draws=500, random_seed=1)
    cells = (0.3 - sample) / 0.05 - 0.5
    np.testing.assert_allclose(cells, np.round(cells), atol=1e-9)
    assert cells.min() >= 0
    probability = np.exp(pm.logp(TailScore.dist(0.0, 1.0, 2.0, 0.1, 0.3, 0.05), 0.275).eval())
    share = (np.round(cells) == 0).mean()
    assert share == pytest.approx(probability * 0.05, abs=0.06)  # three standard errors


@pytest.mark.parametrize("convex", [True, False])
def test_best_of_one_trial_is_a_noisy_quadratic(convex):
    values = np.linspace(0.5, 3.5, 7)
    one = ll.BestScore.dist(**LAW, trials=1, convex=convex)
    np.testing.assert_allclose(
        pm.logp(one, values).eval(),
        pm.logp(ll.NoisyQuadratic.dist(**LAW, convex=convex), values).eval(),
        rtol=1e-12,
    )


def test_trials_may_differ_by_observation():
    trials = np.array([1, 10, 1000])
    together = pm.logp(ll.BestScore.dist(**LAW, trials=trials), 1.1).eval()
    apart = [pm.logp(ll.BestScore.dist(**LAW, trials=k), 1.1).eval() for k in trials]
    np.testing.assert_allclose(together, apart)


@pytest.mark.parametrize("wrapper", [pm.Censored, pm.Truncated])
def test_works_inside_other_distributions(wrapper):
    base = ll.NoisyQuadratic.dist(**LAW)
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


@pytest.mark.parametrize("convex", [True, False])
def test_support_points_have_finite_density(convex):
    for distribution, law in ((ll.Quadratic, QUADRATIC), (ll.NoisyQuadratic, LAW)):
        mean = 1 + 2 * 2.5 / 4.5 if convex else 3 - 2 * 2.5 / 4.5
        with pm.Model() as model:
            distribution("x", **law, convex=convex, size=(2,))
        assert_support_point_is_expected(model, np.full(2, mean))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta": 0.5}, "alpha < beta"),
        ({"gamma": -1.0}, "gamma > 0"),
        ({"sigma": 0.0}, "sigma > 0"),
    ],
)
def test_wrong_parameters_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        pm.logp(ll.NoisyQuadratic.dist(**(LAW | wrong)), 1.5).eval()
