"""Gaussian processes: their covariance, and how they continue beyond known points."""

import numpy as np
import pytest
from scipy.stats import kstest

from leadline.distributions.smooth_paths import (
    continue_paths,
    correlation,
    covariance,
    distances,
)

KNOWN = np.array([[-1.5, 0.3], [-0.5, -1.0], [0.2, 1.1], [1.8, -0.4]])


def test_the_correlation_is_that_of_matern():
    # (1 + r √3) exp(−r √3), by hand.
    np.testing.assert_allclose(correlation(np.array([0.0, 1.0])), [1.0, 0.4833577245], rtol=1e-9)
    apart = distances(KNOWN, KNOWN)
    np.testing.assert_allclose(apart, apart.T)
    assert apart[0, 1] == pytest.approx(np.hypot(1.0, 1.3))
    for length in (0.1, 1.0, 50.0):
        assert np.linalg.eigvalsh(covariance(apart / length)).min() > 0


def continued(new, draws=4000, length=1.5):
    rng = np.random.default_rng(3)
    path = np.array([0.7, -0.3, 1.2, 0.4])
    paths, lengths = np.tile(path, (draws, 1)), np.full(draws, length)
    return path, continue_paths(paths, lengths, KNOWN, np.asarray(new), rng)


def test_a_path_goes_through_its_known_points():
    path, found = continued(KNOWN, draws=20)
    np.testing.assert_allclose(found, np.tile(path, (20, 1)), atol=0.01)


def test_far_away_a_path_is_standard_normal():
    _, found = continued([[100.0, 0.0]])
    assert kstest(found[:, 0], "norm").pvalue > 0.01


def test_between_and_beyond_it_is_the_conditional_normal():
    new = np.array([[0.0, 0.0], [2.5, -1.0]])
    path, found = continued(new)
    everything = np.concatenate([KNOWN, new])
    joint = correlation(distances(everything, everything) / 1.5)
    cross, known = joint[4:, :4], joint[:4, :4]
    mean = cross @ np.linalg.solve(known, path)
    left = joint[4:, 4:] - cross @ np.linalg.solve(known, cross.T)
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(found.T), left, atol=0.05)


def test_lengths_may_differ_between_draws():
    rng = np.random.default_rng(0)
    paths, lengths = np.zeros((600, 4)), np.repeat([0.2, 20.0], 300)
    found = continue_paths(paths, lengths, KNOWN, np.array([[3.0, 0.0]]), rng)[:, 0]
    assert found[:300].std() > 5.0 * found[300:].std()
