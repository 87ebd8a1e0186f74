"""The order tests: distances against pairs, exactness under the null, sorted tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadline.search_audit.order_evidence import (
    Coordinate,
    _distance_in_time,
    _distance_to,
    _pair_moments,
    blocks_chance,
    distance_to_uniform,
    lower_tail,
    order_evidence,
    to_coordinate,
)

NUMBERS = np.array([0.0, 0.7, np.nan, 0.2, 1.0, 0.2, np.nan, 0.9])
NAMES = np.array([0.0, 1.0, 2.0, 0.0, np.nan, 1.0, 0.0, 2.0])


def pairwise(coordinate: Coordinate) -> np.ndarray:
    """Return the standardised distances of all pairs, 0 where one is inactive."""
    gap = coordinate.values[:, None] - coordinate.values
    distance = (gap != 0) * 1.0 if coordinate.categorical else np.abs(gap)
    both = coordinate.active[:, None] & coordinate.active
    np.fill_diagonal(both, False)
    mean, sd = distance[both].mean(), distance[both].std()
    assert _pair_moments(coordinate) == pytest.approx((mean, sd), rel=1e-12)
    return np.where(both, (distance - mean) / sd, 0.0)


COORDINATES = [Coordinate(NUMBERS, False), Coordinate(NAMES, True)]


@pytest.mark.parametrize("coordinate", COORDINATES, ids=["numbers", "names"])
def test_distances_are_those_of_all_pairs(coordinate):
    expected = pairwise(coordinate)
    mean, sd = _pair_moments(coordinate)
    for weight in (np.ones(8), np.array([1.0, 0, 0, 1, 1, 0, 1, 0])):
        others = weight.sum() - weight
        found = _distance_to(coordinate, weight, mean, sd)
        np.testing.assert_allclose(found, expected @ weight / others, rtol=0, atol=1e-12)
    orders = np.stack([np.arange(8), np.random.default_rng(0).permutation(8)])
    found = _distance_in_time(coordinate, orders, mean, sd)
    for order, value in zip(orders, found, strict=True):
        moved = expected[np.ix_(order, order)]
        # Up to a third of the trials apart; in single precision.
        by_lag = [np.diagonal(moved, lag).mean() / np.sqrt(lag) for lag in (1, 2)]
        assert value == pytest.approx(sum(by_lag), abs=1e-5)


def test_the_distance_to_uniform_is_that_of_scipy():
    values = np.random.default_rng(1).random(31) ** 2
    assert distance_to_uniform(values) == pytest.approx(stats.kstest(values, "uniform").statistic)


def test_the_p_value_is_uniform_for_any_exchangeable_rows():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(100):
        # Skew, tied, dependent, a third failed: exchangeable all the same.
        a = rng.lognormal(size=25)
        values = {"a": pd.Series(a), "b": pd.Series(np.round(2 * a))}
        coordinates = {name: to_coordinate(column) for name, column in values.items()}
        rank = np.where(rng.random(25) < 0.3, 22.0, np.argsort(np.argsort(a)) + 1.0)
        found.append(order_evidence(coordinates, rank).combined[1])
    # Three standard deviations of a binomial share.
    for level in (0.02, 0.1, 0.5, 0.9):
        share = np.mean(np.array(found) <= level)
        assert abs(share - level) < 3 * np.sqrt(level * (1 - level) / 100)


def test_each_sign_sees_what_it_is_named_for():
    rng = np.random.default_rng(3)
    trial = np.arange(80)

    def p_values(values, rank):
        tests = order_evidence({"x": Coordinate(values, False)}, rank).tests
        return {name: p_value for name, (_, p_value) in tests.items()}

    walk, rank = np.sin(trial / 8.0) + 0.01 * rng.random(80), rng.permutation(80) + 1.0
    found = p_values(walk, rank)
    assert found["successive trials alike"] < 1e-6
    assert found["scores improve"] > 0.01
    shrinking = 0.5 + (rng.random(80) - 0.5) * np.linspace(1.0, 0.05, 80)
    assert p_values(shrinking, rank)["late trials crowd together"] < 1e-4
    found = p_values(rng.random(80), 80.0 - trial)
    assert found["scores improve"] < 1e-6
    assert found["successive trials alike"] > 0.01
    # Half the trials jump about; the others, which come late, are at the optimum.
    late = np.where(trial < 40, rng.random(80), 0.9 + 0.05 * rng.random(80))
    assert p_values(late, np.abs(late - 0.92))["late trials near the best"] < 1e-4


def test_a_tail_past_the_draws_is_read_off_a_curve():
    null = np.random.default_rng(0).normal(size=999)
    assert lower_tail(0.0, null) == pytest.approx(0.5, abs=0.05)
    assert 1e-8 < lower_tail(-5.0, null) < 1e-5
    assert lower_tail(-50.0, null) == 1e-9
    assert lower_tail(1.0, np.ones(999)) == lower_tail(0.0, np.ones(999)) == 1.0


@pytest.mark.parametrize(
    ("values", "chance"),
    [
        (np.array([1.0, 2.0, 3.0, 4.0]), 2 / 24),
        (np.array([4.0, 2.0, 2.0, 1.0]), 2 * 2 / 24),
        (np.array([1.0, 3.0, 2.0, 4.0]), 1.0),
        (np.array(["b", "b", "a", "c"], dtype=object), 6 * 2 / 24),
        (np.array(["b", "a", "b", "c"], dtype=object), 1.0),
        (np.array([1.0, 1.0, 1.0]), 1.0),
        (np.array([]), 1.0),
    ],
)
def test_blocks_chance_counts_orders(values, chance):
    assert blocks_chance(values) == pytest.approx(chance)


def test_a_coordinate_is_linear_or_logarithmic_whichever_is_closer_to_uniform():
    even = pd.Series(np.linspace(2.0, 5.0, 30))
    np.testing.assert_allclose(to_coordinate(even).values, np.linspace(0, 1, 30), atol=1e-12)
    np.testing.assert_allclose(to_coordinate(10**even).values, np.linspace(0, 1, 30), atol=1e-12)
    names = to_coordinate(pd.Series(["a", None, "b", "a"]))
    assert names.categorical
    np.testing.assert_array_equal(names.values, [0, np.nan, 1, 0])
    constant = to_coordinate(pd.Series([3.0, np.nan, 3.0]))
    np.testing.assert_array_equal(constant.active, [True, False, True])
