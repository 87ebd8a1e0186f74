"""Cumulative probabilities of the best trial's expected loss, against arrays of all pairs."""

import numpy as np
from scipy.special import ndtr

from leadline.stats.best_expected_loop import best_cumulative


def all_pairs(measured, expected, density, sigma, chance):
    """Return what `best_cumulative` returns, from one array over all pairs of edges."""
    z = (measured[:, :, None] - expected[:, None, :]) / sigma[:, :, None]
    integral = z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    joint = np.diff(-np.diff(integral, axis=1), axis=2) * density[:, None, :]
    reached = np.cumsum(np.maximum(joint, 0.0), axis=2)
    given = reached / np.maximum(reached[:, :, -1:], 1e-300)
    return np.concatenate([np.zeros((*chance.shape[:2], 1)), chance @ given], axis=2)


def test_loop_equals_arrays():
    rng = np.random.default_rng(1)
    # Noise from a thousandth of the range of the edges to three times it.
    sigma = 10.0 ** np.linspace(-3.0, 0.5, 12)[:, None]
    expected = np.linspace(0.0, 1.0, 30) ** 2 + np.zeros((12, 1))
    below = -sigma * np.linspace(8.0, 0.5, 15)
    measured = np.concatenate([below, expected[:, :20]], axis=1)
    density = rng.uniform(0.2, 1.0, size=(12, 29))
    chance = rng.dirichlet(np.ones(34), size=(12, 5))
    found = best_cumulative(measured, expected, density, sigma, chance)
    reference = all_pairs(measured, expected, density, sigma, chance)
    # Second differences of the cubic, where panels are narrow against the noise, are least exact.
    np.testing.assert_allclose(found, reference, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[:8], reference[:8], rtol=0, atol=1e-7)
    np.testing.assert_allclose(found[:, :, -1], chance.sum(axis=-1), rtol=1e-12)
