"""One search of a fit as arrays: which draws, parameters and scales it holds."""

import dataclasses
import pathlib

import numpy as np
import pytest
import xarray as xr
from helpers import make_averaged_tree, make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.inference.read_netcdf import read_netcdf
from leadline.stats.best_expected import expected_mean, expected_quantile
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.best_seen import expected_best_loss
from leadline.stats.fitted_search import fitted_search, validate_tree
from leadline.stats.tuning_curve import tuning_curve

NAME = "digits / mlp"
BUDGETS = np.array([1.0, 40.0])
DATA = pathlib.Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def mixed():
    """Return a search with two thresholds, and every third draw on the log scale."""
    search = fitted_search(make_averaged_tree(make_trials(), [0.3, 0.6], [0.5, 0.5]), NAME)
    scale = np.where(np.arange(len(search.alpha)) % 3, "identity", "log")
    logs = {name: np.log(getattr(search, name)) for name in ("alpha", "beta", "threshold")}
    logs["sigma"] = search.sigma / search.alpha
    on_log = (scale == "log")[:, None]
    law = {name: np.where(on_log, logs[name], getattr(search, name)) for name in logs}
    return dataclasses.replace(search, scale=scale, **law)


def parts(search):
    """Yield the positions of the draws of one candidate and scale, for each."""
    for n_tail in np.unique(search.n_tail):
        for scale in np.unique(search.scale):
            yield np.flatnonzero((search.n_tail[:, 0] == n_tail) & (search.scale == scale))


@pytest.mark.parametrize(
    "answer",
    [
        lambda search: measured_quantile(search, BUDGETS, 0.7),
        lambda search: expected_quantile(search, BUDGETS, 0.7),
        lambda search: measured_mean(search, BUDGETS),
        lambda search: expected_mean(search, BUDGETS),
        lambda search: search.log_worse([0.1, 0.3, -1.0]),
        expected_best_loss,
    ],
)
def test_draws_of_several_candidates_are_answered_as_if_each_were_alone(mixed, answer):
    whole = answer(mixed)
    assert len(list(parts(mixed))) == 4
    for rows in parts(mixed):
        np.testing.assert_allclose(whole[rows], answer(mixed.isel(rows)), rtol=1e-12)


def test_scales_are_undone_and_infinite_beyond_their_ends(mixed):
    loss = np.array([0.1, 0.5, -2.0])
    on_scale = mixed.on_scale(loss)
    scores = mixed.in_score_units(on_scale)[:, :2]
    np.testing.assert_allclose(scores, np.broadcast_to(loss[:2], scores.shape))
    slope = mixed.score_units_per_unit(on_scale[:, :2])
    np.testing.assert_allclose(slope, np.where(mixed.scale[:, None] == "log", loss[:2], 1.0))
    assert ((on_scale[:, 2] == -np.inf) == (mixed.scale == "log")).all()
    # No trial measures better than the end of the scale.
    assert (mixed.log_worse(-2.0)[mixed.scale == "log"] == 0.0).all()


@pytest.mark.parametrize("name", ["single", "log", "reports"])
def test_a_group_of_the_noisy_quadratic_is_read_in_place_of_the_posterior(name):
    tree = read_netcdf(DATA / f"{name}.nc")
    names = tree["posterior"]["search"].to_numpy()
    searches = [fitted_search(tree, str(search)) for search in names]
    like = tree["posterior"]["optimum"].transpose("search", "chain", "draw")
    group = {
        parameter: like.copy(
            data=np.reshape([getattr(search, parameter) for search in searches], like.shape)
        )
        for parameter in ("alpha", "beta", "gamma", "sigma", "threshold")
    }
    with_group = tree.copy()
    with_group["noisy_quadratic"] = xr.Dataset(group)
    curve = tuning_curve(tree, [1, 30])
    np.testing.assert_allclose(tuning_curve(with_group, [1, 30]), curve, rtol=1e-12)
    with_group["noisy_quadratic"]["alpha"] -= 0.05
    for search in searches:
        shifted = fitted_search(with_group, search.name)
        np.testing.assert_allclose(shifted.alpha, search.alpha - 0.05)


def test_a_mean_over_seeds_is_on_no_grid():
    tree = read_netcdf(DATA / "log.nc")
    assert fitted_search(tree, NAME).resolution == pytest.approx(0.01)
    tree["constant_data"]["trial_replicates"] = tree["constant_data"]["trial_replicates"] * 0 + 2
    search = fitted_search(tree, NAME)
    assert (search.best_seeds, search.resolution) == (2, 0.0)


def test_without_worse_trials_the_noisy_quadratic_holds_up_to_its_end():
    tree = make_tree(make_trials(n_failed=0), tail_fraction=1.0)
    search = fitted_search(tree, NAME)
    assert (search.tail_fraction == 1.0).all()
    assert (search.threshold > search.beta).all()
    curve = tuning_curve(tree, [1], quantile=0.999)
    assert np.isfinite(curve).all()
    assert (curve > tree["posterior"]["optimum"]).all()


def test_only_a_fit_is_one_and_the_missing_part_is_named():
    with pytest.raises(LeadlineError, match="dict"):
        validate_tree({"posterior": 1})
    for group, variable in (("posterior", "optimum"), ("candidates", "weight")):
        tree = make_tree(draws=5)
        tree[group] = xr.DataTree(tree[group].to_dataset().drop_vars(variable))
        with pytest.raises(LeadlineError, match=variable):
            validate_tree(tree)
    tree = make_tree(draws=5)
    tree.attrs["direction"] = "down"
    with pytest.raises(LeadlineError, match="'down'"):
        validate_tree(tree)
