"""A fit records the expected score of the best seen, and answers use the record."""

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials

import leadline as ll
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.write_netcdf import file_of_tree
from leadline.stats.best_seen import (
    GROUP,
    best_seen_expected,
    best_seen_group,
    probability_of_gain,
)

PAIR = (("digits", "mlp"), ("digits", "forest"))


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=PAIR), draws=40)


def recorded(tree, **changed):
    """Return the tree with the group of a fit, some variables of it shifted."""
    group = best_seen_group(tree)
    shifted = {name: group[name] + shift for name, shift in changed.items()}
    result = tree.copy()
    result[GROUP] = xr.DataTree(group.assign(shifted))
    return result


def test_answers_are_the_same_with_and_without_the_record(tree):
    saved = read_netcdf(file_of_tree(recorded(tree)))
    assert GROUP in saved.children
    xr.testing.assert_identical(saved[GROUP].to_dataset(), best_seen_group(tree))
    assert ll.summary(saved).equals(ll.summary(tree))
    for gain in (0.0, 0.01):
        found, expected = (ll.forecast(fit, [5, 50], minimum_gain=gain) for fit in (saved, tree))
        xr.testing.assert_identical(found, expected)


def test_the_record_is_used_in_place_of_the_law(tree):
    changed = recorded(tree, expected_score=1.0, log_p_no_gain=-1.0)
    np.testing.assert_allclose(best_seen_expected(changed), best_seen_expected(tree) + 1.0)
    assert (probability_of_gain(changed, 10) > probability_of_gain(tree, 10)).all()
    # A larger gain is not recorded.
    gains = [probability_of_gain(fit, 10, minimum_gain=0.01) for fit in (changed, tree)]
    xr.testing.assert_identical(*gains)


def test_the_record_follows_a_selection_of_draws_and_searches(tree):
    part = recorded(tree).isel(draw=slice(None, None, 2)).sel(search=["forest"])
    assert part[GROUP]["expected_score"].shape == (4, 20, 1)
    expected = best_seen_expected(tree).isel(draw=slice(None, None, 2)).sel(search=["forest"])
    np.testing.assert_array_equal(best_seen_expected(part), expected)
