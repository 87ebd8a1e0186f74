"""A fit records what takes long to compute, and its failed checks."""

import json

import pandas as pd
import xarray as xr
from helpers import make_tree

import leadline as ll
from leadline.inference.recorded_answers import record_answers
from leadline.stats.best_seen import best_seen_group


def test_answers_are_recorded_in_groups_and_an_attribute():
    plain, tree = make_tree(divergences=3, draws=25), make_tree(divergences=3, draws=25)
    failed = record_answers(tree)
    assert set(tree.children) - set(plain.children) == {"best_seen", "checks"}
    assert "divergences" in failed
    assert failed == json.loads(tree.attrs["failed_checks"]) == ll.check(plain).attrs["failed"]
    xr.testing.assert_identical(tree["best_seen"].to_dataset(), best_seen_group(plain))
    pd.testing.assert_frame_equal(ll.check(tree), ll.check(plain))


def test_a_fit_has_them(fitted):
    pd.testing.assert_frame_equal(ll.check(fitted), ll.check(fitted, recompute=True))
    expected = ll.summary(fitted.drop_nodes(["best_seen", "checks"]))
    pd.testing.assert_frame_equal(ll.summary(fitted), expected)
