"""One search: dimensions are summed out exactly, and the posterior is that of brute force.

The brute force uses neither PyTensor nor the formulas of the package: the density and the
distribution function of the noisy quadratic are sums over the quantiles of the noiseless score, the
priors are SciPy's, the threshold and the scale are worked out by hand.
"""

import itertools

import arviz as az
import numpy as np
import pytest
from helpers_models import Case, case
from scipy import stats
from scipy.special import log_softmax, logsumexp, softmax

import leadline as ll
from leadline.models import independent

# An exponential with mean 2 on gamma − 1, on the integers 1 to 3.
DIMENSIONS = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", ["single", "single_full"])
def test_the_integer_model_is_the_continuous_one_summed_over_dimensions(name):
    integer = case(f"{name}_integer")
    continuous = Case(independent, integer.tails, plain=True)
    for point in integer.points(4, width=1.5):
        terms, values = integer.terms(point), integer.values(point)
        given = {key: values[key] for key in ("gap", "noise_ratio", "reach")}
        each = [
            continuous.terms(given | {"effective_dim": np.array([gamma])}) for gamma in DIMENSIONS
        ]
        joint = [one["loss"].sum() + one["in_regime"].sum() for one in each]
        joint += log_softmax(-(DIMENSIONS - 1.0) / 2.0)
        # Narrow bins are differences of nearly equal probabilities, which costs digits.
        total = terms["loss"] + terms["in_regime"]
        assert total == pytest.approx(logsumexp(joint), rel=1e-10)
        if "seed_variance" in terms:
            expected = each[0]["seed_variance"]
            np.testing.assert_allclose(terms["seed_variance"], expected, rtol=1e-12)
        probability = values["effective_dim_probability"][0]
        np.testing.assert_allclose(probability, softmax(joint), rtol=1e-6, atol=1e-12)


MAX_DIM = 4.0
GAMMA = 1 + (MAX_DIM - 1) * (np.polynomial.legendre.leggauss(9)[0] + 1) / 2
GAMMA_WEIGHT = np.polynomial.legendre.leggauss(9)[1] * (MAX_DIM - 1) / 2
LOG_NOISE = np.linspace(np.log(6e-3), np.log(6), 24)
LOG_GAP = np.linspace(np.log(0.15), np.log(12), 64)
REACH = (np.arange(12) + 0.5) / 12
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


def expectation(function, distance, k, spread, sigma):
    """Return E[function((distance − D) / sigma)] for D = spread · U^(1/k), broadcasting."""
    steps = np.array([-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0])
    nearby = (distance[..., None] - sigma[..., None] * steps[::-1]) / spread[..., None]
    edges = np.clip(nearby, 0, 1) ** k[..., None]
    lengths = np.diff(edges, axis=-1)[..., None]
    u = edges[..., :-1, None] + lengths * (NODES + 1) / 2
    column = (..., None, None)
    z = (distance[column] - spread[column] * u ** (1 / k[column])) / sigma[column]
    inside = (function(z) * WEIGHTS * lengths / 2).sum(axis=(-1, -2))
    # Where D is far below `distance` the function has its limit at +∞.
    return inside + edges[..., 0] * function(np.inf)


def normal_pdf(z):
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


def moments(losses, replicates, sum_of_squares, n_by_replicates, threshold, noise_scale):
    """Return mean and sd of optimum, effective dimension and noise sd by summing over the grid."""
    scale = threshold - np.median(losses)
    inside = {m: int((replicates == m).sum()) for m in n_by_replicates}
    total, sums = 0.0, np.zeros((2, 3))
    logs, values, weights = [], [], []
    for gamma, log_noise in itertools.product(range(len(GAMMA)), LOG_NOISE):
        gap, reach = np.meshgrid(np.exp(LOG_GAP), REACH, indexing="ij")
        sigma = noise_scale * np.exp(log_noise)
        # From the edge, two sds of the noise above the threshold.
        below_edge = (scale + sigma / 2) * gap
        depth = below_edge - 2 * sigma
        k = np.full_like(gap, GAMMA[gamma] / 2)
        spread = below_edge * reach ** (-1 / k)
        log_p = stats.expon.logpdf(GAMMA[gamma] - 1, scale=2)
        log_p += stats.norm.logpdf(log_noise, -1.2, 1)
        log_p = log_p + stats.norm.logpdf(np.log(gap), 0.693, 1)
        tail = {}
        for m, n in n_by_replicates.items():
            sd = np.full_like(gap, sigma / np.sqrt(m))
            tail[m] = expectation(stats.norm.cdf, depth, k, spread, sd)
            log_p = log_p + stats.binom.logpmf(inside[m], n, np.clip(tail[m], 0, 1))
        for loss, m, squares in zip(losses, replicates, sum_of_squares, strict=True):
            sd = np.full_like(gap, sigma / np.sqrt(m))
            distance = depth - (threshold - loss)
            density = expectation(normal_pdf, distance, k, spread, sd) / sd
            with np.errstate(divide="ignore"):
                log_p = log_p + np.log(density) - np.log(tail[m])
            if m > 1:
                log_p = log_p + stats.chi2.logpdf(squares / sigma**2, m - 1) - 2 * log_noise
        logs.append(log_p)
        values.append((threshold - depth, GAMMA[gamma], sigma))
        weights.append(GAMMA_WEIGHT[gamma])
    top = max(log_p.max() for log_p in logs)
    for log_p, value, weight in zip(logs, values, weights, strict=True):
        mass = weight * np.exp(log_p - top)
        total += mass.sum()
        for i, parameter in enumerate(value):
            sums[:, i] += (mass * parameter).sum(), (mass * np.square(parameter)).sum()
    mean = sums[0] / total
    return mean, np.sqrt(sums[1] / total - mean**2)


def plain_search():
    """Return 30 scores to minimise, two of them failures, and what lies beyond the threshold."""
    rng = np.random.default_rng(3)
    loss = 0.2 + rng.random(28) + 0.05 * rng.standard_normal(28)
    trials = ll.from_scores([*loss, np.nan, np.inf], direction="minimize")
    ordered = np.sort(loss)
    ones = np.ones(12, dtype=int)
    threshold = (ordered[11] + ordered[12]) / 2
    # The best fifth are fewer than the eight of the smallest tail.
    unit = (ordered[7] + ordered[8]) / 2 - np.median(ordered[:8])
    return trials, (ordered[:12], ones, 0.0 * ones, {1: 30}, threshold, unit), 12 / 30, 1.0


def replicated_search():
    """Return 24 scores to maximise, the first 10 with three seeds each."""
    rng = np.random.default_rng(4)
    expected = rng.random(24) ** 1.3
    seeds = [3] * 10 + [1] * 14
    scores = [-(q + 0.04 * rng.standard_normal(m)) for q, m in zip(expected, seeds, strict=True)]
    trials = ll.from_scores([list(s) for s in scores], direction="maximize")
    losses = np.array([-s.mean() for s in scores])
    order = np.argsort(losses)
    rows, after = order[:9], order[9]
    squares = np.array([((scores[i] - scores[i].mean()) ** 2).sum() for i in rows])
    threshold = (losses[rows[-1]] + losses[after]) / 2
    replicates = np.array(seeds)[rows]
    counts = {1: 14, 3: 10}
    ordered = np.sort(losses)
    unit = (ordered[7] + ordered[8]) / 2 - np.median(ordered[:8])
    return trials, (losses[rows], replicates, squares, counts, threshold, unit), 9 / 24, -1.0


@pytest.mark.parametrize(
    "search", [plain_search, pytest.param(replicated_search, marks=pytest.mark.slow)]
)
def test_posterior_agrees_with_brute_force(search):
    trials, data, tail_fraction, sign = search()
    tree = ll.fit(
        trials,
        tail_fraction=tail_fraction,
        priors=ll.Priors(max_effective_dim=MAX_DIM),
        resolution=0,
        draws=2000,
        random_seed=1,
        progressbar=False,
    )
    mean, sd = moments(*data)
    mean[0] *= sign
    table = az.summary(tree, var_names=["optimum", "effective_dim", "noise_sd"], round_to="none")
    # Four Monte Carlo standard errors and a hundredth of an sd for the grid.
    assert (np.abs(table["mean"] - mean) < 4 * table["mcse_mean"] + 0.01 * sd).all()
    assert (np.abs(table["sd"] - sd) < 4 * table["mcse_sd"] + 0.01 * sd).all()
