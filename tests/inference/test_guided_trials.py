"""Guided trials in the tree: by search, also where it ends in a plateau."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import leadline as ll
from leadline.data.trials import drawn_at_random, drawn_by_sampler
from leadline.inference.guided_trials import add_guided, guided_notes, guided_reason
from leadline.stats.guided import guided_losses


def trials(direction):
    sign = 1.0 if direction == "minimize" else -1.0
    table = pd.DataFrame(
        {
            "task": ["a", "a", "b", "b", "b"],
            "score": sign * np.array([3.0, 2.0, 5.0, 1.0, np.nan]),
            "drawn": ["random", "guided", "random", "guided", "guided"],
        }
    )
    return ll.Trials(table, direction)


def tree(sign, plateau):
    constant = xr.Dataset({"plateau": ("search", plateau)}, {"search": ["a", "b"]})
    optimum = (("chain", "draw", "search"), sign * np.array([[[2.5, 5.0]]]))
    posterior = xr.Dataset({"optimum": optimum}, {"search": ["a", "b"]})
    return xr.DataTree.from_dict({"constant_data": constant, "posterior": posterior})


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1.0), ("maximize", -1.0)])
def test_each_search_has_its_own(direction, sign):
    both = trials(direction)
    found = tree(sign, [np.nan, 2.0])
    add_guided(found, drawn_at_random(both), drawn_by_sampler(both))
    assert found["constant_data"]["n_guided"].to_numpy().tolist() == [1, 2]
    assert guided_losses(found, "a", sign)[0].tolist() == [2.0]
    # A failed trial has no score.
    assert guided_losses(found, "b", sign)[0].tolist() == [1.0]


def test_a_surface_that_was_fitted_to_them_has_their_number_alone():
    both, found = trials("minimize"), tree(1.0, [np.nan, 2.0])
    add_guided(found, both, drawn_by_sampler(both), fitted=True)
    assert found["constant_data"]["n_guided"].to_numpy().tolist() == [1, 2]
    assert guided_losses(found, "a", 1.0)[0].size == 0


def test_without_guided_trials_nothing_is_added():
    found = tree(1.0, [np.nan, 2.0])
    before = found.copy(deep=True)
    add_guided(found, trials("minimize"), None)
    xr.testing.assert_identical(found, before)
    assert guided_losses(found, "a", 1.0)[0].size == 0
    assert guided_reason(None, False) == ""
    assert guided_notes(trials("minimize"), None, False) == []
