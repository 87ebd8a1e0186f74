"""The hyperparameters of a surface in words: what is said of them, and what to run next."""

import re

import numpy as np
import pytest
import xarray as xr
from helpers_surface import fail_fit, make_surface_tree

import leadline as ll
from leadline.stats.setting_words import setting_cells, setting_sentences, together_text
from leadline.stats.surface_settings import value_text


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
    assert "does not" not in sentence


@pytest.mark.parametrize(("names", "verb"), [(["y"], "does"), (["y", "opt"], "do")])
def test_what_does_not_matter_is_named(names, verb):
    tree = make_surface_tree()
    posterior = tree["posterior"].to_dataset()
    gain = posterior["tuning_gain"].copy(deep=True)
    gain.loc[{"hyperparameter": names}] = 0.0
    tree["posterior"] = xr.DataTree(posterior.assign(tuning_gain=gain))
    (sentence,) = setting_sentences(tree)
    assert re.search(rf"; \S+ \(< 1 %\)(, \S+ \(< 1 %\))* {verb} not;", sentence)
    assert all(name in sentence for name in names)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("cost", "named"), [(3.0, True), (0.5, False)])
def test_a_bad_choice_is_named_where_it_cannot_be_told_on_average(direction, cost, named):
    tree = make_surface_tree(direction=direction)
    posterior, functions = tree["posterior"].to_dataset(), tree["functions/0"].to_dataset()
    # The noise is exceeded in half of the draws, by a random choice.
    gain, noise = posterior["tuning_gain"].copy(deep=True), posterior["noise_sd"]
    gain.loc[{"hyperparameter": "opt"}] = noise * xr.where(gain["draw"] % 2 == 1, 2.0, 0.5)
    tree["posterior"] = xr.DataTree(posterior.assign(tuning_gain=gain))
    lines, sign = functions["slice"].copy(deep=True), 1.0 if direction == "minimize" else -1.0
    at = {"hyperparameter": "opt", "slice_point": [0, 1]}
    lines.loc[at] = sign * np.array([0.2, 0.2 + cost * float(noise.mean())])
    tree["functions/0"] = xr.DataTree(functions.assign(slice=lines))
    assert ll.best_setting(tree).loc["opt", "bad"] == "'sgd': > 99 %" * named
    assert ll.best_setting(tree).loc["lr", "bad"] == ""
    (sentence,) = setting_sentences(tree)
    assert "it cannot be told for opt (50 %" in sentence
    assert ("; bad choice 'sgd': > 99 %)" in sentence) == named


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
        # The best trial is the one to keep if it is expected to be better.
        said = not run and worse > 0
        assert (f"no trial had: lr {table.loc['lr', 'together']:.3g}, opt adam" in reason) == said
        assert ("no trial had this setting" in together_text(ll.best_setting(tree))) == said


@pytest.mark.parametrize("least", [None, 0.04])
def test_each_setting_that_no_trial_had_is_named_where_it_gains_enough(least):
    tree = make_surface_tree((("digits", "mlp"), ("digits", "rf")))
    posterior = tree["posterior"].to_dataset()
    again = posterior["best_seen_expected"].copy(deep=True)
    for better, named in ((0.05, True), (0.01, False)):
        for name in ("mlp", "rf"):
            score = ll.best_setting(tree, name).attrs["together_score"][0]
            again.loc[{"search": name}] = score + better
        tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
        assert 0.01 < ll.best_setting(tree, "mlp").attrs["noise_sd"] < 0.05
        reason = ll.stopping_advice(tree, ll.forecast(tree, 10, minimum_gain=least)).reason
        for name in ("mlp", "rf"):
            assert (f"next step is to run the setting of {name} " in reason) == named
            text = together_text(ll.best_setting(tree, name))
            assert ("to run it is the cheapest" in text) == named


def test_no_setting_is_advised_beside_a_stop():
    tree = make_surface_tree()
    posterior = tree["posterior"].to_dataset()
    again = ll.best_setting(tree).attrs["together_score"][0] + 0.05
    again = again + 0.0 * posterior["best_seen_expected"]
    # No gain of a perfect search, though the setting is expected to be better.
    tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again, optimum=again))
    advice = ll.stopping_advice(tree, ll.forecast(tree, 10))
    assert advice.stop
    assert "the setting" not in advice.reason


def test_a_surface_that_failed_a_check_advises_no_setting():
    tree = fail_fit(make_surface_tree(), "digits / mlp")
    posterior = tree["posterior"].to_dataset()
    score = ll.best_setting(tree).attrs["together_score"][0]
    again = score + 0.1 + 0.0 * posterior["best_seen_expected"]
    tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
    assert "The cheapest next step" not in ll.stopping_advice(tree, ll.forecast(tree, 50)).reason
    text = together_text(ll.best_setting(tree))
    assert "no trial had this setting;" in text
    assert "1 check failed: surface fit, leave-one-out" in text


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


@pytest.mark.parametrize(("value", "text"), [(1020.0, "1020"), (1.5, "1.5"), (8e-6, "8e-06")])
def test_an_integer_has_all_its_digits(value, text):
    assert value_text(value) == text


def test_the_ends_of_a_cost_have_the_digits_of_the_estimate():
    tree = make_surface_tree()
    posterior = tree["posterior"].to_dataset()
    gain = posterior["tuning_gain"].copy(deep=True)
    shape = gain.loc[{"hyperparameter": "y"}].shape
    costs = np.maximum(np.linspace(-0.0005, 0.0035, gain[..., 0].size), 3e-7)
    gain.loc[{"hyperparameter": "y"}] = costs.reshape(shape)
    tree["posterior"] = xr.DataTree(posterior.assign(tuning_gain=gain))
    (cell,) = setting_cells(ll.best_setting(tree)).loc["y"].filter(like="costs")
    numbers = re.findall(r"[\d.]+", cell)
    assert len({len(own.split(".")[1]) for own in numbers}) == 1


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("chance", "named"), [(0.65, True), (0.55, False)])
def test_a_trial_is_named_that_is_perhaps_better_than_the_best_seen(direction, chance, named):
    tree = make_surface_tree(direction=direction)
    again = tree["posterior"].dataset["best_seen_expected"].isel(search=0)
    sign = 1.0 if direction == "minimize" else -1.0
    better = np.arange(again.size).reshape(again.shape) < chance * again.size
    functions = tree["functions/0"].to_dataset()
    functions["safest_expected"] = again + sign * xr.where(better, -0.01, 0.01)
    tree["functions/0"] = xr.DataTree(functions.assign_attrs(safest="17"))
    words = "trial 17 is better, if re-run, than the one that measured best with probability 65 %"
    assert (words in together_text(ll.best_setting(tree))) == named
    # As earlier versions stored it.
    bare = functions.drop_vars("safest_expected").drop_attrs()
    tree["functions/0"] = xr.DataTree(bare.assign_attrs(search=functions.attrs["search"]))
    assert "if re-run, than" not in together_text(ll.best_setting(tree))


def test_the_trial_that_is_best_on_average_is_found_beside_a_lucky_one():
    tree = make_surface_tree()
    functions = tree["functions/0"].to_dataset()
    constant = tree["constant_data"].dataset
    found = constant["trial_name"].to_numpy().tolist().index(functions.attrs["safest"])
    assert constant["trial_score"].to_numpy()[found] < np.nanmedian(constant["trial_score"])
    again = float(tree["posterior"]["best_seen_expected"].mean())
    assert float(functions["safest_expected"].mean()) <= again + 1e-12
