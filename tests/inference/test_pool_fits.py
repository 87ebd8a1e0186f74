"""Fits of single searches pooled: what is refused, and what a joint fit gives."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import make_trials

import leadline as ll
from leadline.data.stored_trials import GROUP, trials_group
from leadline.errors import LeadlineError

# `tests/inference/test_two_stages.py` compares a pooled fit with a joint one.
pytestmark = pytest.mark.usefixtures("few_draws_suffice")

TASKS = (("a", "x"), ("b", "x"), ("c", "x"))
CROSSED = (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
QUIET = {"random_seed": 3, "progressbar": False}
OPTIONS = {"tail_fraction": 0.5, "draws": 300, "tune": 300, "chains": 2} | QUIET


def fits_of(pairs, folder=None, **options):
    trials = make_trials(n=60, n_failed=2, searches=pairs)
    return ll.fit_many(trials, folder=folder, **(OPTIONS | options))


@pytest.fixture(scope="module")
def fits():
    return fits_of(TASKS)


@pytest.mark.slow
def test_trees_of_other_kinds_are_refused(fits, fitted):
    trees = [fits[pair] for pair in fits]
    for wrong, reason in (
        ([trees[0]], "nothing to pool"),
        ([trees[0], trees[0]], "same search"),
        ([1, 2], "takes the result"),
        ([fitted, trees[0]], "does not hold its trials"),
        ([trees[0], fits_of(TASKS[1:2], draws=200)["b", "x"]], "'draws'"),
    ):
        with pytest.raises(LeadlineError, match=reason):
            ll.pool(wrong, **QUIET)
    with pytest.raises(LeadlineError, match="there is one"):
        ll.pool(fits, model="crossed", **QUIET)
    with pytest.raises(LeadlineError, match="model must be"):
        ll.pool(fits, model="single", **QUIET)
    with pytest.raises(LeadlineError, match="reach"):
        ll.pool(fits, priors=ll.Priors(reach=ll.Prior("Beta", alpha=1, beta=2)), **QUIET)
    with pytest.raises(LeadlineError, match="no folder of fits"):
        ll.pool("missing", **QUIET)


@pytest.mark.slow
def test_a_pooled_fit_is_a_fit(fits, tmp_path):
    tree = ll.pool(fits, **QUIET)
    assert tree["posterior"]["search"].to_numpy().tolist() == ["a", "b", "c"]
    assert set(tree["constant_data"]["trial_search"].to_numpy()) == {"a", "b", "c"}
    assert tree["constant_data"]["trial"][0].item() == "a: 1"
    assert "pooled_gap" in tree["pooled"]
    assert "3 searches" in tree.attrs["trials"]
    overlap = tree["candidates"]["overlap"].to_numpy()
    assert ((overlap > 0) & (overlap <= 1)).all()
    assert len(ll.summary(tree)) == 3
    assert len(ll.compare(tree, by="task")["task"]) == 3
    file = tmp_path / "fit.nc"
    file.write_bytes(tree.to_netcdf(engine="h5netcdf"))
    with xr.open_datatree(file, engine="h5netcdf") as again:
        assert len(ll.summary(again.load())) == 3


@pytest.mark.slow
def test_models_are_crossed_with_tasks_and_plateaus_stand_beside(tmp_path):
    trials = make_trials(n=60, n_failed=2, searches=CROSSED)
    flat = pd.DataFrame({"task": "c", "model": "x", "score": np.repeat([0.1, 0.5], [40, 20])})
    table = pd.concat([trials.table, flat], ignore_index=True)
    trials = ll.Trials(table[["task", "model", "score"]], "minimize", source="simulated.csv")
    ll.fit_many(trials, folder=tmp_path, **OPTIONS)
    tree = ll.pool(tmp_path, **QUIET)
    assert tree["posterior"]["search"].to_numpy().tolist()[-1] == "c / x"
    assert float(tree["posterior"]["optimum"].sel(search="c / x").std()) == 0.0
    assert tree["pooled"]["model_effect"].sizes["model"] == 2
    found = ll.compare(tree)
    assert np.isfinite(found["p_ahead_overall"]).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_in_any_process(fits):
    tree = ll.pool(fits, **QUIET)
    # From the trees themselves, fitted again in another process.
    again = ll.pool([fits[pair] for pair in fits], executor=1, **QUIET)
    for group in ("posterior", "pooled"):
        xr.testing.assert_equal(again[group].to_dataset(), tree[group].to_dataset())


def test_trials_are_kept_in_the_tree():
    trials = make_trials(n=12)
    assert GROUP == "trials"
    assert trials_group(trials).sizes["row"] == 12
