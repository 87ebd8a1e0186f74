"""Grids, duplicates and how evenly combinations are covered."""

import math

import numpy as np
import pandas as pd
import pytest

from leadline.search_audit.design_evidence import Design, grid_evidence


def design(**columns: list) -> tuple[pd.DataFrame, Design]:
    params = pd.DataFrame(columns)
    return params, Design.of(params)


def test_duplicates_are_pairs_of_equal_trials():
    _, found = design(a=[1, 1, 2, 1], b=["x", "x", "y", "y"])
    pairs, expected, p_value = found.duplicates()
    # Of six pairs three agree in a, two in b.
    assert (pairs, expected) == (1, pytest.approx(6 * 3 / 6 * 2 / 6))
    assert p_value == pytest.approx(1 - math.exp(-expected))
    assert found.first.tolist() == [True, False, True, True]
    # Inactive parameters are a level.
    _, found = design(a=[1.0, np.nan, np.nan], b=["x", None, None])
    assert found.first.tolist() == [True, True, False]


def test_a_continuous_parameter_tells_configurations_apart():
    values = np.random.default_rng(0).random(30)
    assert design(a=values, b=[1, 2] * 15)[1].continuous
    assert not design(a=np.round(values, 1), b=[1, 2] * 15)[1].continuous
    # Replicates do not hide it.
    assert design(a=np.repeat(values, 4), b=np.repeat([1, 2], 60))[1].continuous


@pytest.mark.parametrize(
    ("counts", "chance"),
    [((1, 1, 1), 6 / 27), ((2, 2), 6 / 16), ((2, 1, 1), 3 * 12 / 81), ((3, 1), 1.0)],
)
def test_flat_chance_is_that_of_a_multinomial(counts, chance):
    _, found = design(a=np.repeat(np.arange(len(counts)), counts))
    assert found.flat_chance() == pytest.approx(chance)


def test_a_grid_has_all_combinations_or_gaps_in_nested_loops():
    a, b = (axis.ravel() for axis in np.meshgrid(np.arange(6), np.arange(5)))
    params, full = design(a=a, b=b)
    assert grid_evidence(params, full, nested=False) == (1.0, full.flat_chance())
    params, gaps = design(a=a[:-2], b=b[:-2])
    assert grid_evidence(params, gaps, nested=False) == (28 / 30, 1.0)
    assert grid_evidence(params, gaps, nested=True)[1] < 1e-6
    some = np.random.default_rng(0).permutation(30)[:20]
    params, sample = design(a=a[some], b=b[some])
    assert grid_evidence(params, sample, nested=True) == (20 / 30, 1.0)


def test_one_parameter_is_a_grid_when_evenly_spaced():
    values = np.linspace(1, 3, 25)
    draws = np.random.default_rng(1).random(25)
    for levels in (values, 10**values):
        assert grid_evidence(*design(a=levels), nested=False)[1] < 1e-6
    assert grid_evidence(*design(a=draws), nested=False) == (0.0, 1.0)
