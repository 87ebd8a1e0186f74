"""The distance of a tail from the law, and what it takes to reject it."""

import itertools

import numpy as np
import pytest
from scipy import integrate

from leadline.stats.goodness_of_fit import anderson_darling, share_of_tail, tail_p_value

DRAWS = 300


def law(alpha=0.2, beta=0.8, gamma=2.0, sigma=0.02):
    return tuple(np.full((DRAWS, 1), value) for value in (alpha, beta, gamma, sigma))


def tail(n, seed, threshold=0.5, sigma=0.02):
    rng = np.random.default_rng(seed)
    loss = 0.2 + 0.6 * rng.random(20 * n) + sigma * rng.standard_normal(20 * n)
    return loss[loss <= threshold][:n]


def p_value(loss, seed=1, bin_width=0.0, replicates=1, of=None):
    widths, seeds = np.full(len(loss), bin_width), np.full(len(loss), replicates)
    return tail_p_value(loss, widths, seeds, np.full((DRAWS, 1), 0.5), of or law(), seed)


def test_the_distance_is_the_integral_that_defines_it():
    u = np.sort(np.random.default_rng(0).random(7))

    def integrand(x):
        return ((u <= x).mean() - x) ** 2 / (x * (1 - x))

    pieces = np.concatenate([[1e-12], u, [1 - 1e-12]])
    total = sum(integrate.quad(integrand, a, b)[0] for a, b in itertools.pairwise(pieces))
    assert anderson_darling(u[::-1]) == pytest.approx(7 * total, rel=1e-8)
    assert anderson_darling(np.array([u, u])).shape == (2,)


def test_shares_of_the_tail_are_uniform_under_the_law():
    exact, once, threshold = np.zeros(4000), np.ones(4000, dtype=int), np.full((1, 1), 0.5)
    one_draw = tuple(part[:1] for part in law())
    rng = np.random.default_rng(0)
    u = share_of_tail(tail(4000, 2), exact, once, threshold, one_draw, rng)[0]
    # The 0.1 % point of the Anderson-Darling distribution.
    assert anderson_darling(u) < 6.0
    assert 0 < u.min() < u.max() <= 1


def test_a_tail_from_the_law_passes_and_one_from_elsewhere_does_not():
    p_values = [p_value(tail(60, seed)) for seed in range(30)]
    # With the true law for a posterior the p-values are uniform.
    assert 0.3 < np.mean(p_values) < 0.7
    assert np.sum(np.array(p_values) < 0.05) <= 5
    two_lumps = np.concatenate([tail(30, 1, threshold=0.3), np.linspace(0.45, 0.5, 40)])
    assert p_value(two_lumps) < 0.01


def test_means_of_seeds_have_less_noise():
    of_mean, noisy = tail(80, 5, sigma=0.1 / 3), law(sigma=0.1)
    assert p_value(of_mean, replicates=9, of=noisy) > 0.05
    assert p_value(of_mean - 0.06, replicates=9, of=noisy) < 0.05


def test_recorded_bins_are_no_misfit():
    loss, width = tail(400, 7), 0.05
    # The middles of bins of which one ends at the threshold.
    rounded = 0.5 - (np.floor((0.5 - loss) / width) + 0.5) * width
    assert p_value(rounded, bin_width=width) > 0.05
    assert p_value(rounded) < 0.01


def test_same_seed_same_number():
    loss = tail(50, 3)
    assert p_value(loss, seed=4) == p_value(loss, seed=4)
    assert p_value(loss, seed=4) != p_value(loss, seed=5)
