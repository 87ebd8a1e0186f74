"""Checks of a surface: they pass on a sound one, and fail on those made to fail them."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers_surface import add_seeds, make_surface_tree

import leadline as ll
from leadline.data.unit_cube import UnitCube
from leadline.distributions.surface_kernels import (
    matern52,
    own_correlation,
    scaled,
    squared_distances,
)
from leadline.stats.surface_prediction import leave_one_out_levels
from leadline.stats.surface_tree import axes_of, best_trial_name

NAME = "digits / mlp"


def outcome(tree, name):
    table = ll.check(tree, recompute=True)
    return table[table["check"] == name].iloc[0]


def test_a_sound_surface_passes():
    tree = make_surface_tree()
    table = ll.check(tree)
    assert table["passed"].all()
    assert table["check"].is_unique
    assert table.attrs["failed"] == json.loads(tree.attrs["failed_checks"]) == []


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"divergences": 2}, "divergences"),
        ({"max_rhat": 1.1}, "R-hat"),
        ({"min_ess_bulk": 90.0}, "ESS, bulk"),
        ({"min_ess_tail": 90.0}, "ESS, tail"),
        ({"min_bfmi": 0.1}, "E-BFMI"),
    ],
)
def test_problems_of_sampling_fail(attributes, name):
    tree = make_surface_tree(**attributes)
    assert outcome(tree, name)["passed"] is np.False_ or not outcome(tree, name)["passed"]
    assert name in json.loads(tree.attrs["failed_checks"])


def test_intervals_that_are_too_short_fail():
    tree = make_surface_tree()
    own = tree["surfaces/0"].dataset
    tree["surfaces/0"] = xr.DataTree(own.assign(residual_sd=own["residual_sd"] / 10))
    assert not outcome(tree, "surface fit, leave-one-out")["passed"]


@pytest.mark.parametrize(("ratio", "passed"), [(1.0, True), (2.0, False)])
def test_seeds_that_differ_more_than_the_noise_are_noted(ratio, passed):
    tree = make_surface_tree()
    assert outcome(tree, "noise of seeds")["passed"] is pd.NA
    add_seeds(tree, ratio)
    found = outcome(tree, "noise of seeds")
    assert (bool(found["passed"]), found["level"]) == (passed, "note")
    assert ("by an sd of" in found["advice"]) != passed


def test_an_optimum_at_an_edge_is_noted():
    tree = make_surface_tree()
    posterior = tree["posterior"].dataset
    place = posterior["best_setting"].copy()
    place.loc[{"hyperparameter": "lr"}] = 0.01
    tree["posterior"] = xr.DataTree(posterior.assign(best_setting=place))
    found = outcome(tree, "optimum at an edge")
    assert not found["passed"]
    assert (found["about"], found["level"]) == ("lr", "note")
    assert "lower" in found["advice"]
    # What does not matter may be anywhere.
    place.loc[{"hyperparameter": "lr"}], place.loc[{"hyperparameter": "y"}] = 0.3, 0.99
    tree["posterior"] = xr.DataTree(posterior.assign(best_setting=place))
    assert outcome(tree, "optimum at an edge")["passed"]


def test_levels_are_those_of_refits_without_each_trial():
    tree = make_surface_tree()
    group = tree["surfaces/0"].dataset.isel(chain=[0], draw=[0])
    tree["surfaces/0"] = xr.DataTree(group)
    loss, level = leave_one_out_levels(tree, NAME)
    assert len(loss) == len(level) == 44
    assert ((level > 0) & (level < 1)).all()
    # Losses far above their prediction have high levels.
    assert np.corrcoef(loss, level)[0, 1] > 0


@pytest.mark.parametrize("seed", range(8))
def test_the_best_of_sound_trials_is_not_noted(seed):
    assert outcome(_simulated(seed), "best trial")["figure"] > 0.01


def test_a_best_trial_that_the_others_do_not_expect_is_noted():
    tree = _simulated(0)
    own = tree["surfaces/0"].dataset.copy(deep=True)
    best = own.attrs["best"]
    own["loss"][best] -= 5.0 * float(own["residual_sd"].mean())
    tree["surfaces/0"] = own
    found = outcome(tree, "best trial")
    assert (bool(found["passed"]), found["level"]) == (False, "note")
    assert f"The best trial ({best_trial_name(tree, NAME)}) is better" in found["advice"]


def _simulated(seed):
    """Return a surface whose losses are drawn from it."""
    tree = make_surface_tree()
    group = tree["surfaces/0"]
    own = group.dataset.copy(deep=True)
    draw = own.isel(chain=0, draw=0)
    points = own["points"].to_numpy()
    coordinates, owners = UnitCube(axes_of(group), points).embed(points)
    place = scaled(coordinates, owners, draw["relevance"].to_numpy())
    variance, residual, share = (
        float(draw[name]) for name in ("surface_variance", "residual_sd", "own_share")
    )
    covariance = variance * matern52(squared_distances(place, place))
    covariance += share * residual**2 * own_correlation(squared_distances(coordinates, coordinates))
    noise = (1 - share) * residual**2 / own["replicates"].to_numpy()
    generator = np.random.default_rng(seed)
    n = len(points)
    spread = np.linalg.cholesky(covariance + np.diag(noise + 1e-9))
    own["loss"] = "trial", float(draw["level"]) + spread @ generator.standard_normal(n)
    own.attrs["best"] = int(own["loss"].to_numpy().argmin())
    tree["surfaces/0"] = own
    return tree
