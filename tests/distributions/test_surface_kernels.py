"""Covariance functions of a surface."""

import numpy as np
from scipy import special

from leadline.distributions.surface_kernels import (
    OWN_LENGTH,
    matern52,
    own_correlation,
    scaled,
    squared_by_axis,
    squared_distances,
)

POINTS = np.random.default_rng(0).random((12, 4))
OWNERS = np.array([0, 1, 1, 2])


def test_matern_is_that_of_the_bessel_function():
    distance = np.linspace(0.01, 5, 50)
    nu = 2.5
    r = np.sqrt(2 * nu) * distance
    expected = 2 ** (1 - nu) / special.gamma(nu) * r**nu * special.kv(nu, r)
    np.testing.assert_allclose(matern52(distance**2), expected, rtol=1e-9)
    np.testing.assert_allclose(matern52(np.zeros(1)), 1.0)


def test_deviations_are_shared_by_neighbours_alone():
    found = own_correlation(np.array([0.0, OWN_LENGTH**2, 1.0]))
    np.testing.assert_allclose(found, [1.0, np.exp(-1), np.exp(-1 / OWN_LENGTH)])


def test_distances_by_axis_add_up_to_those_of_scaled_points():
    relevance = np.array([2.0, 0.5, 0.0])
    by_axis = squared_by_axis(POINTS, OWNERS, 3)
    total = np.tensordot(relevance, by_axis, axes=1)
    place = scaled(POINTS, OWNERS, relevance)
    np.testing.assert_allclose(squared_distances(place, place), total, atol=1e-12)
