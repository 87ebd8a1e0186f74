"""The outcomes of the checks are recorded with a fit, and `check` returns the record."""

import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree, make_trials

import leadline as ll
from leadline.checks.recorded_outcomes import GROUP, outcomes_group, recorded_outcomes
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.write_netcdf import file_of_tree

PAIR = (("digits", "mlp"), ("digits", "forest"))


@pytest.fixture(scope="module")
def tree():
    """Return a fit with checks that passed, failed and could not be made."""
    return make_tree(make_trials(searches=PAIR), divergences=3)


@pytest.fixture(scope="module")
def computed(tree):
    table = ll.check(tree)
    assert set(table["passed"].map(str)) == {"True", "False", "<NA>"}
    return table


@pytest.fixture(scope="module")
def stored(tree, computed):
    fit = tree.copy()
    fit[GROUP] = xr.DataTree(outcomes_group(computed))
    return read_netcdf(file_of_tree(fit))


@pytest.fixture
def saved(stored):
    """Return the fit with its record, from a file."""
    return stored.copy()


def test_the_record_is_the_table(saved, computed):
    assert dict(saved[GROUP].sizes) == {"search": 2, "check": computed["check"].nunique()}
    # Levels are those of the checks of today.
    recorded = recorded_outcomes(saved)
    pd.testing.assert_frame_equal(recorded, computed.drop(columns="level"))
    table = ll.check(saved)
    pd.testing.assert_frame_equal(table, computed)
    assert table.attrs == computed.attrs


def test_a_change_of_the_tree_shows_in_checks_that_are_computed_again(saved, computed):
    candidates = saved["candidates"].to_dataset()
    saved["candidates"] = xr.DataTree(candidates.assign(divergences=0 * candidates["divergences"]))
    assert "divergences" in ll.check(saved).attrs["failed"]
    again = ll.check(saved, recompute=True)
    assert again.attrs["failed"] == [
        name for name in computed.attrs["failed"] if name != "divergences"
    ]
    pd.testing.assert_frame_equal(ll.check(saved.drop_nodes(GROUP)), again)


def test_the_record_follows_a_selection_of_searches(saved, computed):
    table = ll.check(saved.sel(search=["forest"]))
    expected = computed[computed["search"] == "forest"].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)
