"""Adaptive importance sampling, on densities whose moments are known."""

import numpy as np
import pytest
from scipy import stats

from leadline.inference.importance import WeightedPoints, _Kernels, _Proposal, sample_by_importance

COUNT = 4000


def sampled(log_density, dimension, seed=1):
    return sample_by_importance(
        log_density, np.zeros(dimension), COUNT, np.random.default_rng(seed)
    )


def quantiles(points, seed=2):
    draws = points.resample(COUNT, np.random.default_rng(seed))
    return np.quantile(draws, [0.1, 0.5, 0.9], axis=0)


def test_a_narrow_and_correlated_normal_far_from_the_start():
    mean = np.array([4.0, -3.0, 0.5, 2.0])
    factor = np.diag([0.02, 0.5, 1.0, 0.1]) @ np.array(
        [[1, 0, 0, 0], [0.9, 0.4, 0, 0], [0.5, -0.5, 0.7, 0], [0, 0, 0.95, 0.3]]
    )
    normal = stats.multivariate_normal(mean, factor @ factor.T)
    found = sampled(normal.logpdf, 4)
    assert found.ok
    sds = np.sqrt(np.diag(normal.cov))
    expected = mean + sds * stats.norm.ppf([[0.1], [0.5], [0.9]])
    np.testing.assert_allclose(quantiles(found), expected, atol=0.06 * sds.max(), rtol=0)
    np.testing.assert_allclose((quantiles(found) - expected) / sds, 0, atol=0.08)


def test_a_bent_density_with_an_exponential_tail():
    # x is the logarithm of an exponential variable, as a coordinate at a bound; y follows x.
    def log_density(points):
        x, y = points.T
        return x - np.exp(x) + stats.norm.logpdf(y, 0.5 * x**2, 0.3)

    found = sampled(log_density, 2)
    assert found.ok
    draws = found.resample(COUNT, np.random.default_rng(2))
    expected = stats.expon.ppf([0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        np.quantile(np.exp(draws[:, 0]), [0.1, 0.5, 0.9]), expected, rtol=0.1
    )
    residual = (draws[:, 1] - 0.5 * draws[:, 0] ** 2) / 0.3
    np.testing.assert_allclose([residual.mean(), residual.std()], [0, 1], atol=0.06)


@pytest.mark.parametrize(("half_width", "found"), [(1.0, True), (0.01, False)])
def test_a_density_in_a_small_box(half_width, found):
    # About twenty of the first thousand points are in the large box, and none in the small one.
    def log_density(points):
        inside = (np.abs(points) < half_width).all(axis=1)
        return np.where(inside, 0.0, -np.inf)

    sample = sampled(log_density, 4)
    assert sample.ok == found
    if found:
        np.testing.assert_allclose(quantiles(sample)[[0, 2]], [[-0.8] * 4, [0.8] * 4], atol=0.1)


def test_same_seed_same_points():
    normal = stats.multivariate_normal(np.ones(2))
    first, again, other = (sampled(normal.logpdf, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.log_weight, again.log_weight)
    assert not np.array_equal(first.points, other.points)


@pytest.mark.parametrize(
    "log_density",
    [
        # A funnel (Neal 2003): far narrower at one end than at the other.
        lambda points: (
            stats.norm.logpdf(points[:, 0], 0.0, 3.0)
            + stats.norm.logpdf(points[:, 1:], 0.0, np.exp(points[:, :1] / 2)).sum(axis=1)
        ),
        lambda points: np.full(len(points), -np.inf),
        lambda points: np.full(len(points), np.nan),
    ],
)
def test_a_density_that_weights_cannot_cover_is_not_ok(log_density):
    assert not sampled(log_density, 6).ok


def test_draws_are_as_frequent_as_their_weights():
    weights = np.array([0.1, 0.0, 0.6, 0.3])
    with np.errstate(divide="ignore"):
        points = WeightedPoints(np.arange(4.0)[:, None], np.log(weights), 4.0, 0.0)
    draws = points.resample(1000, np.random.default_rng(1))[:, 0]
    np.testing.assert_allclose(np.bincount(draws.astype(int)), 1000 * weights, atol=1)
    # In random order: each half has all.
    assert set(draws[:500]) == {0.0, 2.0, 3.0}


def test_kernels_are_a_mixture_of_t_distributions():
    rng = np.random.default_rng(1)
    centres, covariance = rng.normal(size=(7, 3)), np.diag([0.5, 2.0, 1.0]) + 0.2
    points = rng.normal(size=(5, 3))
    expected = np.mean(
        [stats.multivariate_t(centre, covariance, df=5).pdf(points) for centre in centres], axis=0
    )
    np.testing.assert_allclose(np.exp(_Kernels(centres, covariance).logpdf(points)), expected)


def test_the_density_of_a_proposal_is_that_of_its_points():
    narrow = _Kernels(np.zeros((1, 2)), 0.01 * np.eye(2))
    wide = _Kernels(np.ones((1, 2)), np.eye(2))
    proposal = _Proposal(narrow, wide, 20_000)
    points = proposal.draw(np.random.default_rng(1))
    target = stats.multivariate_normal(np.ones(2), 0.5 * np.eye(2))
    ratio = np.exp(target.logpdf(points) - proposal.logpdf(points))
    np.testing.assert_allclose(ratio.mean(), 1.0, atol=0.08)
