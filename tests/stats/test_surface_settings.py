"""Where the optimum of a surface is, and which hyperparameters matter."""

import json

import numpy as np
import pytest
import xarray as xr
from helpers_surface import learned, make_surface_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.setting_words import setting_cells, setting_sentences, together_text

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


def test_values_of_an_integer_on_a_log_axis_are_integers():
    tree = make_surface_tree()
    own = tree["surfaces/0"].to_dataset()
    axes = json.loads(own.attrs["axes"])
    lr = next(axis for axis in axes if axis["name"] == "lr")
    lr |= {"low": float(np.log(0.5)), "high": float(np.log(2048.5)), "integer": True}
    own["points"].loc[{"hyperparameter": "lr"}] = 0.0
    tree["surfaces/0"] = xr.DataTree(own.assign_attrs(axes=json.dumps(axes)))
    row = ll.best_setting(tree).loc["lr"]
    for name in ("value", "lower", "upper", "together", "best_trial"):
        assert row[name] == round(row[name]) >= 1


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


def test_it_is_printed_as_text_that_can_be_read():
    table = ll.best_setting(make_surface_tree())
    text = str(table)
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in ("best together", "a random value costs", "lr (log)", "> 99 %"):
        assert words in text
    assert "..." not in text
    # Parts of it are ordinary tables.
    assert "tuning_gain" in str(table[["tuning_gain"]])
    del table["tried"]
    assert "value" in str(table)
