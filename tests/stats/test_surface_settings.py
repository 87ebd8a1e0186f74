"""Where the optimum of a surface is, and which hyperparameters matter."""

import re

import numpy as np
import pytest
import xarray as xr
from helpers_surface import learned, make_surface_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.surface_settings import setting_cells, setting_sentences, together_text

BEST_LR = 10.0 ** (4 * 0.3 - 4)


def test_where_the_optimum_is_and_what_matters():
    table = ll.best_setting(make_surface_tree(), ci_prob=0.8)
    # Gains of tuning, the largest first.
    assert table.index[:2].tolist() == ["lr", "opt"]
    assert table["tuning_gain"].is_monotonic_decreasing
    assert table.loc["lr", "lower"] < BEST_LR < table.loc["lr", "upper"]
    assert table.loc["lr", "together"] == pytest.approx(BEST_LR, rel=0.5)
    # The mean over the range of 3 (u − 0.3)².
    assert table.loc["lr", "tuning_gain"] == pytest.approx(3 * (0.7**3 + 0.3**3) / 3, rel=0.4)
    assert table.loc["opt", "value"] == "adam"
    # Half of the choices cost 0.3.
    assert table.loc["opt", "tuning_gain"] == pytest.approx(0.15, rel=0.4)
    assert (table.loc[["lr", "opt"], "p_matters"] > 0.9).all()
    assert (table.loc[["y", "momentum"], "p_matters"] < 0.2).all()
    assert table.attrs["ci_prob"] == 0.8
    assert table.attrs["calibration"]
    assert table["axis"].to_dict() == {
        "lr": "log",
        "opt": "choice",
        "y": "linear",
        "momentum": "linear",
    }


def test_the_best_trial_stands_beside_the_best_setting():
    tried = learned().table
    best = tried.loc[tried["score"].idxmin()]
    table = ll.best_setting(make_surface_tree())
    for name in ("lr", "y"):
        assert table.loc[name, "best_trial"] == pytest.approx(best[f"param:{name}"])
    assert table.loc["opt", "best_trial"] == best["param:opt"] == "adam"
    cells = setting_cells(table)["best trial"]
    assert cells["opt"] == "adam"
    assert cells["momentum"] == ""


def test_what_is_inactive_at_the_optimum_has_no_value():
    tree = make_surface_tree()
    table = ll.best_setting(tree)
    assert table.loc["momentum", "together"] is None or np.isnan(table.loc["momentum", "together"])
    cells = setting_cells(table)
    assert cells.loc["momentum"].iloc[0] == "inactive"
    assert cells.loc["y"].iloc[0] == "any value"
    # A random value on a log axis is drawn by logarithm, which the reader cannot know.
    assert "lr (log)" in cells.index
    assert "inactive at the optimum: momentum" in setting_sentences(tree)[0]


def test_what_cannot_be_told_is_said():
    tree = make_surface_tree()
    posterior = tree["posterior"].dataset
    gain = posterior["tuning_gain"].copy()
    factor = xr.where(gain["draw"] % 2 == 1, 2.0, 0.5)
    gain.loc[{"hyperparameter": "y"}] = posterior["noise_sd"] * factor
    tree["posterior"] = xr.DataTree(posterior.assign(tuning_gain=gain))
    sentence = setting_sentences(tree)[0]
    assert "it cannot be told for y (50 %)" in sentence
    assert sentence.startswith("2 of 4 hyperparameters matter")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_best_configuration_has_an_expected_score(direction):
    table = ll.best_setting(make_surface_tree(direction=direction), ci_prob=0.8)
    mean, low, high = table.attrs["together_score"]
    assert low < mean < high
    optimum = 0.2 if direction == "minimize" else -0.2
    assert mean == pytest.approx(optimum, abs=0.02)
    assert low < optimum + 0.005 * np.sign(optimum)


@pytest.mark.parametrize(("place", "end"), [(0.99, "upper"), (0.01, "lower"), (0.5, "")])
@pytest.mark.parametrize("few", [True, False])
def test_a_best_value_at_an_end_of_the_tried_range_is_named_once(place, end, few, tmp_path):
    tree = make_surface_tree()
    posterior = tree["posterior"].dataset.copy(deep=True)
    # A hyperparameter that does not matter has no end to widen.
    posterior["best_setting"].loc[{"hyperparameter": ["lr", "y"]}] = place
    tree["posterior"] = posterior
    if few:
        # The largest of a few values is an end, wherever it is in the range.
        own = tree["surfaces/0"].dataset.copy(deep=True)
        values = np.resize([0.2, 0.5, 0.8], own.sizes["trial"])
        own["points"].loc[{"hyperparameter": "lr"}] = values
        tree["surfaces/0"] = own
    table = ll.best_setting(tree)
    assert table["at_edge"].to_dict() == {"lr": end, "opt": "", "y": "", "momentum": ""}
    words = "at an end of the tried range, so that a wider one may help, where it can be wider: lr;"
    assert (words in together_text(table)) == bool(end)
    if not few:
        # The page has this text.
        page = ll.report(tree, tmp_path / "report.html").read_text(encoding="utf-8")
        assert page.count(words) == bool(end)


@pytest.mark.parametrize("share", [0.6, 0.9])
def test_an_end_is_named_where_its_check_fails(share):
    tree = make_surface_tree()
    posterior = tree["posterior"].dataset.copy(deep=True)
    place = xr.where(posterior["draw"] < share * posterior.sizes["draw"], 0.01, 0.5)
    place = place + 0.0 * posterior["tuning_gain"].sel(hyperparameter="lr")
    posterior["best_setting"].loc[{"hyperparameter": "lr"}] = place
    tree["posterior"] = posterior
    passed = ll.check(tree, recompute=True).set_index("check").loc["optimum at an edge", "passed"]
    assert (ll.best_setting(tree).loc["lr", "at_edge"] == "") == passed == (share < 0.8)


def test_a_choice_that_hardly_was_tried_is_named():
    tree = make_surface_tree()
    own = tree["surfaces/0"].dataset
    points = own["points"].copy()
    place = points.sel(hyperparameter="opt").to_numpy()
    place[:], place[:2] = 0.0, 1.0
    points.loc[{"hyperparameter": "opt"}] = place
    tree["surfaces/0"] = xr.DataTree(own.assign(points=points))
    gain = tree["posterior"].dataset["tuning_gain"].copy()
    assert ll.best_setting(make_surface_tree()).loc["opt", "rarely"] == ""
    gain.loc[{"hyperparameter": "opt"}] = 0.0
    tree["posterior"] = xr.DataTree(tree["posterior"].dataset.assign(tuning_gain=gain))
    lines = tree["functions/0"].dataset["slice"].copy()
    lines.loc[{"hyperparameter": "opt"}] = lines.sel(hyperparameter="opt") * 0.0 + 0.2
    tree["functions/0"] = xr.DataTree(tree["functions/0"].dataset.assign(slice=lines))
    table = ll.best_setting(tree)
    assert table.loc["opt", "rarely"] == "sgd: 2 trials"
    assert "2 trials" in setting_cells(table).loc["opt"].iloc[0]


def test_one_of_several_searches_is_named():
    both = make_surface_tree((("a", "x"), ("a", "y")))
    assert len(ll.best_setting(both, "y")) == 4
    assert len(setting_sentences(both)) == 2
    with pytest.raises(LeadlineError, match="'x'"):
        ll.best_setting(both)
    with pytest.raises(LeadlineError, match="'c'"):
        ll.best_setting(both, "c")
    with pytest.raises(LeadlineError, match="surface"):
        ll.best_setting(xr.DataTree())


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("better", [True, False])
def test_the_best_trial_is_kept_where_no_setting_is_expected_to_be_better(direction, better):
    tree = make_surface_tree(direction=direction)
    posterior = tree["posterior"].to_dataset()
    sign = 1.0 if direction == "minimize" else -1.0
    mean = ll.best_setting(tree).attrs["together_score"][0]
    again = mean + sign * (-0.01 if better else 0.01) + 0.0 * posterior["best_seen_expected"]
    tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
    table = ll.best_setting(tree)
    assert table.attrs["keep_best"] == better
    assert ("best trial" in together_text(table)) == better


@pytest.mark.parametrize("run", [True, False])
def test_a_setting_that_no_trial_had_is_the_next_to_run(run):
    tree = make_surface_tree()
    if run:
        own = tree["surfaces/0"].dataset.copy(deep=True)
        own["points"].loc[{"trial": 0}] = tree["functions/0"]["through"]
        tree["surfaces/0"] = own
    table = ll.best_setting(tree)
    assert table.attrs["never_run"] != run
    score = table.attrs["together_score"][0]
    posterior = tree["posterior"].to_dataset()
    for worse, verdict in ((0.1, "Not settled|Go on"), (-0.1, "")):
        again = score + worse + 0.0 * posterior["best_seen_expected"]
        tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
        reason = ll.stopping_advice(tree, ll.forecast(tree, 50)).reason
        assert re.match(verdict, reason)
        # Where the best trial is expected to be better, it is the one to keep.
        said = not run and worse > 0
        assert (f"no trial had: lr {table.loc['lr', 'together']:.3g}, opt adam" in reason) == said
        assert ("no trial had this setting" in together_text(ll.best_setting(tree))) == said


def test_each_setting_that_no_trial_had_is_named_before_a_stop():
    tree = make_surface_tree((("digits", "mlp"), ("digits", "rf")))
    posterior = tree["posterior"].to_dataset()
    again = posterior["best_seen_expected"].copy(deep=True)
    scores = [ll.best_setting(tree, name).attrs["together_score"][0] for name in ("mlp", "rf")]
    for better, named in ((0.01, True), (-0.01, False)):
        for name, score in zip(("mlp", "rf"), scores, strict=True):
            again.loc[{"search": name}] = score + better
        tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
        advice = ll.stopping_advice(tree, ll.forecast(tree, 10, minimum_gain=0.3))
        assert advice.stop
        for name in ("mlp", "rf"):
            assert (f"Before you stop, run the setting of {name} " in advice.reason) == named


@pytest.mark.parametrize(("share", "any_value"), [(0.0, True), (0.1, False)])
def test_any_value_is_said_where_hardly_a_draw_disagrees(share, any_value):
    tree = make_surface_tree()
    posterior = tree["posterior"].to_dataset()
    gain = posterior["tuning_gain"].copy(deep=True)
    few = gain["draw"] < share * gain.sizes["draw"]
    gain.loc[{"hyperparameter": "y"}] = posterior["noise_sd"] * xr.where(few, 2.0, 0.1)
    tree["posterior"] = xr.DataTree(posterior.assign(tuning_gain=gain))
    functions = tree["functions/0"].dataset
    lines = functions["slice"].copy()
    lines.loc[{"hyperparameter": "y"}] = 0.0 * lines.sel(hyperparameter="y") + 0.2
    tree["functions/0"] = xr.DataTree(functions.assign(slice=lines))
    assert (setting_cells(ll.best_setting(tree)).loc["y"].iloc[0] == "any value") == any_value


def test_any_value_is_said_only_where_the_worst_one_is_as_good():
    tree = make_surface_tree()
    group = tree["functions/0"].dataset
    lines = group["slice"].copy()
    at = {"hyperparameter": "y"}
    # The last place of the range costs three sds of the noise, all others nothing.
    known = lines.sel(at).notnull().all(("chain", "draw")).to_numpy()
    cost = np.zeros(lines.sizes["slice_point"])
    cost[np.flatnonzero(known)[-1]] = 3 * float(tree["posterior"]["noise_sd"].mean())
    flat = lines.sel(at) * 0.0 + 0.2
    assert setting_cells(ll.best_setting(tree)).loc["y"].iloc[0] == "any value"
    lines.loc[at] = flat + xr.DataArray(cost, dims="slice_point")
    tree["functions/0"] = xr.DataTree(group.assign(slice=lines))
    table = ll.best_setting(tree)
    assert table.loc["y", "p_matters"] < 0.2
    assert table.loc["y", "p_worst"] > 0.8
    assert setting_cells(table).loc["y"].iloc[0] != "any value"


def test_a_number_with_few_values_has_one_of_them_for_its_best():
    tree = make_surface_tree()
    own = tree["surfaces/0"].dataset
    points = own["points"].copy()
    place = points.sel(hyperparameter="lr").to_numpy()
    points.loc[{"hyperparameter": "lr"}] = np.round(2 * place) / 2
    tree["surfaces/0"] = xr.DataTree(own.assign(points=points))
    assert ll.best_setting(tree).loc["lr", "tried"] == ""  # beside a declared range
    own.attrs["axes"] = own.attrs["axes"].replace('"declared": true', '"declared": false')
    tree["surfaces/0"] = xr.DataTree(own.assign(points=points))
    table = ll.best_setting(tree)
    tried = table.loc["lr", "tried"].split(", ")
    assert len(tried) == 3
    for column in ("value", "lower", "upper", "together"):
        assert f"{table.loc['lr', column]:.3g}" in tried
    assert "lr (log) (of " + ", ".join(tried) + ")" in setting_cells(table).index
    assert table.loc["y", "tried"] == ""
