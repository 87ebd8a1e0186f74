"""The answers of a surface as tables, on a tree made by hand."""

import pytest
import xarray as xr
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.surface_summary import is_surface, surface_groups


def test_a_row_per_search():
    table = ll.summary(make_surface_tree(("a", "b")), ci_prob=0.8, ci_kind="eti")
    assert table.index.tolist() == ["a", "b"]
    row = table.loc["b"]
    assert (row["trials"], row["failed"], row["best_seen"]) == (3, 1, 0.21)
    assert row["optimum"] == pytest.approx(0.2, abs=0.01)
    assert row["optimum_eti80_lb"] < row["optimum"] < row["optimum_eti80_ub"]
    assert row["headroom"] == pytest.approx(0.05, abs=0.01)
    assert (row["scale"], row["warning"]) == ("log", "")
    assert table.attrs["calibration"]


def test_the_headroom_has_no_sign_and_is_never_negative():
    up = ll.summary(make_surface_tree(direction="maximize"))
    assert up["headroom"].item() == 0.0
    assert up["best_seen"].item() == 0.3


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({"divergences": 4}, "4 div"),
        ({"max_rhat": 1.02}, "R-hat 1.020"),
        ({"min_ess_bulk": 258.0}, "bulk ESS 258"),
    ],
)
def test_problems_of_sampling_are_named(attributes, word):
    assert word in ll.summary(make_surface_tree(**attributes))["warning"].item()


def test_where_the_optimum_is():
    table = ll.best_setting(make_surface_tree(), ci_prob=0.8)
    # The most relevant first.
    assert table.index.tolist() == ["opt", "lr"]
    assert table.loc["opt", "value"] == "adam"
    assert table.loc["opt", "probability"] == pytest.approx(0.8, abs=0.1)
    # The middle of a log range.
    assert table.loc["lr", "lower"] < 0.01 < table.loc["lr", "upper"]
    assert table.loc["lr", "value"] == pytest.approx(0.01, rel=0.5)


def test_one_of_several_searches_is_named():
    both = make_surface_tree(("a", "b"))
    assert len(ll.best_setting(both, "b")) == 2
    with pytest.raises(LeadlineError, match="'a'"):
        ll.best_setting(both)
    with pytest.raises(LeadlineError, match="'c'"):
        ll.best_setting(both, "c")


def test_answers_of_the_law_say_what_they_lack():
    surface = make_surface_tree()
    assert is_surface(surface)
    assert list(surface_groups(surface)) == ["a"]
    with pytest.raises(LeadlineError, match="surface"):
        ll.forecast(surface, 10)
    with pytest.raises(LeadlineError, match="surface"):
        ll.best_setting(xr.DataTree())
