"""`compare`: probabilities per pair, by task and overall, and sentences that agree with them."""

import itertools

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials
from scipy.special import ndtr

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.compare import BUDGETS, comparison_columns, equivalence
from leadline.stats.comparison_sentences import likeliest, mean_scale
from leadline.stats.improvements import (
    _excess_on_new_task,
    differences,
    summarize_differences,
)

PAIRS = (("digits", "a"), ("digits", "b"), ("wine", "a"), ("wine", "c"))
SHAPE = (4, 150)
ROPE = 0.03
KINDS = ("better", "equal", "worse")


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=PAIRS))


@pytest.fixture(scope="module")
def crossed(tree):
    """Return the tree with effects of three models, as a crossed fit has them."""
    effect = [-1.0, 0.0, 1.0] + 0.2 * np.random.default_rng(5).standard_normal((*SHAPE, 3))
    dims = ("chain", "draw")
    pooled = {
        "model_effect": ((*dims, "model"), effect),
        "interaction_sd": (dims, np.full(SHAPE, 0.5)),
        "task_scale": ((*dims, "task"), np.full((*SHAPE, 2), (0.1, 0.4))),
    }
    result = tree.copy()
    result["pooled"] = xr.Dataset(pooled, {"model": list("abc"), "task": ["digits", "wine"]})
    return result


@pytest.fixture(scope="module")
def found(crossed):
    return ll.compare(crossed, rope=ROPE)


def gain_of(tree, better, worse, values=None):
    """Return the draws of the improvement of one (task, model) over another."""
    values = tree["posterior"]["optimum"] if values is None else values
    sign = 1 if tree.attrs["direction"] == "minimize" else -1
    first, second = (values.isel(search=PAIRS.index(pair)) for pair in (better, worse))
    return sign * (second - first).to_numpy().ravel()


def test_each_pair_on_its_task_in_score_units(crossed, found):
    gain = gain_of(crossed, ("digits", "a"), ("digits", "b"))
    pair = found.sel(model="a", other_model="b", task="digits")
    assert float(pair["p_better"]) == (gain > ROPE).mean()
    assert float(pair["p_equal"]) == (np.abs(gain) <= ROPE).mean()
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    # b has no search on wine, c none on digits.
    assert np.isnan(found["p_better"].sel(model="a", other_model="b", task="wine"))
    assert np.isnan(found["p_better_overall"].sel(model="b", other_model="c"))


@pytest.mark.parametrize("suffix", ["", "_overall", "_new_task"])
def test_three_probabilities_add_up_to_one(found, suffix):
    total = sum(found[f"p_{kind}{suffix}"] for kind in KINDS).to_numpy()
    known = total[np.isfinite(total)]
    assert known.size
    np.testing.assert_allclose(known, 1, atol=1e-12)


def test_overall_is_the_mean_in_task_scales(crossed, found):
    # a and b meet on digits only, whose scale is 0.1.
    gain = gain_of(crossed, ("digits", "a"), ("digits", "b")) / 0.1
    pair = found.sel(model="a", other_model="b")
    assert float(pair["difference_overall"]) == pytest.approx(gain.mean())
    assert float(pair["p_better_overall"]) == (gain > ROPE / 0.1).mean()
    np.testing.assert_allclose(found["scale"], [0.1, 0.4])


def test_a_new_task_has_effects_and_new_interactions(found):
    pair = found.sel(model="a", other_model="c")
    # Effects 2 apart, with sd 0.2 each; two interactions of sd 0.5: 600 draws. The rope is in
    # units of the geometric mean of the scales.
    sd = np.sqrt(2 * 0.2**2 + 2 * 0.5**2)
    assert float(pair["difference_new_task"]) == pytest.approx(2, abs=4 * sd / np.sqrt(600))
    assert float(pair["p_better_new_task"]) == pytest.approx(ndtr((2 - ROPE / 0.2) / sd), abs=0.02)


def test_a_new_task_does_not_depend_on_the_order_of_the_models(crossed, found):
    turned = ll.compare(crossed.isel(search=[3, 2, 1, 0]), rope=ROPE)
    pair = {"model": "a", "other_model": "c"}
    for name in ("p_better_new_task", "difference_new_task_upper"):
        assert float(turned[name].sel(pair)) == float(found[name].sel(pair))


def test_at_a_budget_it_is_the_tuning_curve(crossed):
    found = ll.compare(crossed, budget=30)
    curve = ll.tuning_curve(crossed, [30], kind="expected")
    gain = gain_of(crossed, ("wine", "a"), ("wine", "c"), curve)
    pair = found.sel(model="a", other_model="c", task="wine")
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    assert found.attrs["budget"] == 30


def test_a_new_task_at_a_budget_approaches_that_at_the_optimum(crossed):
    fully = ll.compare(crossed).sel(model="a", other_model="c")
    many, few = (
        ll.compare(crossed, budget=budget).sel(model="a", other_model="c") for budget in (1e8, 5)
    )
    scale = float(fully["difference_new_task_upper"] - fully["difference_new_task_lower"])
    for end in ("", "_lower", "_upper"):
        name = f"difference_new_task{end}"
        assert float(many[name]) == pytest.approx(float(fully[name]), abs=0.02 * scale)
    assert float(few["difference_new_task"]) != pytest.approx(
        float(fully["difference_new_task"]), abs=1e-3 * scale
    )


def test_the_excess_of_a_new_task_is_that_of_one_task_for_all_models():
    excess = xr.DataArray(
        np.broadcast_to([[[1.0, 2.0, 4.0]], [[1.5, 2.5, np.nan]]], (2, 900, 3)),
        {"model": ["a", "b"], "task": list("tuv")},
        ("model", "sample", "task"),
    )
    a, b = _excess_on_new_task(excess).to_numpy()
    np.testing.assert_allclose([(a == value).mean() for value in (1, 2, 4)], 1 / 3, atol=0.06)
    # b has no search on the third task, and then resembles another.
    assert set(b) == {1.5, 2.5}
    assert set((b - a)[a < 4]) == {0.5}


def test_why_there_is_no_answer_for_a_new_task(tree, crossed):
    assert ll.compare(crossed).attrs["no_new_task"] == ""
    found = ll.compare(tree)
    assert np.isnan(found["p_better_new_task"]).all()
    assert "model='crossed'" in found.attrs["no_new_task"]
    assert "No answer for a new task" in " ".join(ll.comparison_sentences(found))


def test_ahead_of_all_others_is_at_most_better_than_each(crossed, found):
    # b and c have no task in common.
    assert np.isfinite(found["p_ahead_overall"]).to_numpy().tolist() == [True, False, False]
    ahead = float(found["p_ahead_overall"].sel(model="a"))
    better = found["p_better_overall"].sel(model="a", other_model=["b", "c"])
    assert ahead <= float(better.min())


def test_the_overall_difference_in_scores(crossed, found):
    gains = [gain_of(crossed, (task, "a"), (task, other)) for task, other in (("wine", "c"),)]
    pair = found.sel(model="a", other_model="c")
    assert float(pair["difference_in_scores"]) == pytest.approx(np.mean(gains))
    assert float(pair["difference_in_scores_lower"]) < float(pair["difference_in_scores"])


def test_the_overall_difference_in_scores_exceeds_the_rope_with_the_stated_probability():
    both = make_tree(make_trials(searches=tuple(itertools.product("tu", "xy"))), draws=100)
    candidates = both["candidates"].dataset
    slim = candidates["tail_scale"] * xr.DataArray([1.0, 1.0, 0.2, 0.2], dims="search")
    both["candidates"] = candidates.assign(tail_scale=slim)
    pair = {"model": "x", "other_model": "y"}
    upper = float(ll.compare(both).sel(pair)["difference_in_scores_upper"])
    beyond = float(ll.compare(both, rope=upper).sel(pair)["p_better_overall"])
    assert beyond == pytest.approx((1 - 0.89) / 2, abs=0.01)


def test_one_rule_of_words_is_stated_and_is_that_of_the_shown_percentage():
    loss = np.zeros((3, 500))
    # 94.4 % is shown as 94 %, 94.8 % as 95 %.
    for n_better, word in ((472, "is probably"), (474, "is very probably")):
        loss[1] = np.where(np.arange(500) < n_better, 1.0, -1.0)
        text = " ".join(ll.comparison_sentences(comparison_of(loss, rope=0.0)))
        assert f"x {word} better than y" in text
        assert text.count("probably from 80 %, very probably from 95 %") == 1
    assert likeliest(0.597, 0.0, 0.403) == "better"
    assert likeliest(0.2, 0.2, 0.6) == "worse"
    assert likeliest(0.2, 0.59, 0.21) == likeliest(np.nan, np.nan, np.nan) == ""


def test_from_which_budget(found):
    better_from = found["better_from_budget"]
    # Each search is 0.05 worse than the one before.
    assert float(better_from.sel(model="a", other_model="c", task="wine")) in BUDGETS
    assert np.isnan(better_from.sel(model="c", other_model="a", task="wine"))
    assert np.isnan(better_from.sel(model="a", other_model="b", task="wine"))


def test_ranks_and_the_best(found):
    digits = found.sel(task="digits")
    assert float(digits["rank"].sel(model=["a", "b"]).sum()) == 3
    assert float(digits["p_best"].sum()) == pytest.approx(1)
    assert np.isnan(digits["rank"].sel(model="c"))
    # Only what counts the rope is an overall probability to be the best.
    assert "p_best_overall" not in found
    assert float(found["rank_overall"].sum()) == pytest.approx(6)


def test_tasks_are_compared_for_each_model_in_score_units(crossed):
    pair = ll.compare(crossed, by="task").sel(task="digits", other_task="wine", model="a")
    gain = gain_of(crossed, ("digits", "a"), ("wine", "a"))
    for suffix in ("", "_overall"):
        assert float(pair[f"difference{suffix}"]) == pytest.approx(gain.mean())


@pytest.mark.parametrize("by", ["model", "task"])
def test_equivalence_is_compare_for_each_rope(crossed, by):
    ropes, few = [0.0, 0.1], crossed.isel(draw=slice(30))
    found = equivalence(few, ropes, by=by)
    for rope in ropes:
        alone = ll.compare(few, rope=rope, by=by)
        for name in found.data_vars:
            np.testing.assert_array_equal(found[name].sel(rope=rope), alone[name])
    equal = found["p_equal"].to_numpy()
    assert (np.diff(equal[:, np.isfinite(equal[0])], axis=0) >= 0).all()


def test_one_model_is_nothing_to_compare():
    tree = make_tree(make_trials(searches=(("digits", "a"), ("wine", "a"))), draws=20)
    with pytest.raises(LeadlineError, match=r"model.*'a'.*by='task'"):
        ll.compare(tree)


def comparison_of(loss, tasks=("t",), **attrs):
    """Return a comparison of x, y and z overall and on a new task, from draws of their losses."""
    loss = xr.DataArray(loss, {"model": ["x", "y", "z"]}, ("model", "sample"))
    found = [
        summarize_differences(differences(loss), attrs["rope"], 0.89, suffix)
        for suffix in ("_overall", "_new_task")
    ]
    comparison = found[0].assign(found[1]).assign_coords(task=list(tasks))
    comparison["p_ahead_overall"] = "model", [0.2, 0.5, 0.3]
    names = [name for name in found[0] if str(name).startswith("difference")]
    for name in names:
        comparison[str(name).replace("overall", "in_scores")] = found[0][name]
    comparison["difference"] = "task", np.ones(len(tasks))
    # Far beyond any rope.
    comparison["difference_lower"], comparison["difference_upper"] = -99.0, 99.0
    comparison["scale"] = "task", np.ones(len(tasks))
    defaults = {"by": "model", "budget": 0.0, "problems": "", "not_checked": ""}
    defaults |= {"metric": "loss", "ci_prob": 0.89, "no_new_task": ""}
    return comparison.assign_attrs(defaults | attrs)


@pytest.mark.parametrize("seed", range(30))
def test_sentences_agree_with_the_numbers(seed):
    rng = np.random.default_rng(seed)
    loss = rng.normal(rng.normal(0, 1, (3, 1)), rng.uniform(0.05, 2), (3, 50))
    rope, budget = rng.uniform(0, 1) * (seed % 2), 0.0 if seed % 3 else 40.0
    found = comparison_of(loss, "tu" if seed % 2 else "t", rope=rope, budget=budget)
    found["p_ahead_overall"] = "model", rng.dirichlet(np.ones(3))
    best, *pairs = ll.comparison_sentences(found)
    # The last sentence says what a task scale is.
    pairs = pairs[:3]
    name = str(found["model"].to_numpy()[found["p_ahead_overall"].to_numpy().argmax()])
    assert ("no model" in best) == (found["p_ahead_overall"].max() < 0.6)
    assert name in best
    # Ahead by more than the rope is less than to be the best.
    assert ("the best" in best) == (rope == 0)
    assert (f"by more than {rope:g}" in best) == (rope > 0)
    for (first, second), sentence in zip(itertools.combinations("xyz", 2), pairs, strict=True):
        pair = found.sel(model=first, other_model=second)
        better, equal, worse = (float(pair[f"p_{kind}_overall"]) for kind in KINDS)
        largest = max(better, equal, worse)
        words = sentence.split("(")[0]
        assert (f"up to {rope:g}" in words) == (rope > 0)
        relations = {"practically equal": equal, "better than": better, "worse than": worse}
        stated = [value for text, value in relations.items() if text in words]
        assert stated == ([largest] if largest >= 0.6 else [])
        assert ("cannot be told apart" in words) == (largest < 0.6)
        assert ("almost certainly" in words) == (largest >= 0.99)
        assert ("very probably" in words) == (0.95 <= largest < 0.99)
        skewed = float(pair["difference_overall"]) * (better - worse) < 0
        assert ("posterior mean" in sentence) == (skewed and equal < max(better, worse))


def test_the_probability_of_equal_is_stated_with_a_rope():
    gain = np.array([0.2] * 60 + [-0.5] * 40)
    for rope, numbers in ((0.0, "(better 60 %, worse 40 %)"), (0.1, "practically equal < 1 %")):
        found = comparison_of(np.stack([0 * gain, gain, gain + 1]), rope=rope)
        sentence = ll.comparison_sentences(found)[1]
        assert numbers in sentence
        assert "x is perhaps better than y" in sentence
        # 0.6 of 0.2 is less than 0.4 of 0.5.
        assert "posterior mean y is ahead" in sentence


def test_tasks_that_one_lacks_are_left_out_in_words():
    both = comparison_of(np.zeros((3, 50)), "tu", rope=0.0)
    for differences_by_task, words in (([1.0, 1.0], "over the 2 tasks"), ([1.0, np.nan], "both")):
        both["difference"] = "task", differences_by_task
        sentence = ll.comparison_sentences(both)[1]
        assert words in sentence
        assert ("that both have" in sentence) == (words == "both")


def test_one_average_of_the_task_scales_converts_ropes_and_a_new_task(crossed, found):
    """Of scales 0.1 and 0.4: 0.16."""
    pair = found.sel(model="a", other_model="b")
    ratio = pair["difference_in_scores_new_task"] / pair["difference_new_task"]
    assert float(ratio) == pytest.approx(0.16)
    assert mean_scale(found) == pytest.approx(0.16)
    at_rope = ll.compare(crossed, rope=0.16 * float(pair["difference_new_task_upper"]))
    beyond = at_rope.sel(model="a", other_model="b")["p_better_new_task"]
    assert float(beyond) == pytest.approx((1 - found.attrs["ci_prob"]) / 2, abs=0.01)
    scales = ll.comparison_sentences(found)[-2]
    for words in ("harmonic mean, 0.16,", "up to 0.03 are up to 0.187"):
        assert words in scales


def test_a_rope_beyond_all_differences_is_named():
    loss = np.random.default_rng(1).normal(size=(3, 50))
    wide = comparison_of(loss, rope=2.0).assign(difference_lower=-0.06, difference_upper=0.05)
    first, *_ = ll.comparison_sentences(wide)
    assert "no model differs by more than 0.06" in first
    assert "2 decides these answers" in first
    # Nothing to say of a rope within them.
    assert "decides" not in ll.comparison_sentences(wide.assign_attrs(rope=0.04))[0]


def test_nobody_is_named_who_is_hardly_ever_ahead():
    found = comparison_of(np.zeros((3, 50)), rope=9.0)
    found["p_ahead_overall"] = "model", [0.0, 0.01, 0.0]
    first, *_ = ll.comparison_sentences(found)
    assert "most likely" not in first
    assert "no model is ahead" in first


def test_reasons_for_doubt_come_first():
    attrs = {"rope": 0.0, "problems": "2 divergences", "not_checked": "svm"}
    first, second, *_ = ll.comparison_sentences(comparison_of(np.zeros((3, 9)), **attrs))
    assert "2 divergences" in first
    assert "svm" in second


def test_the_rows_of_the_picture_are_tasks_overall_and_a_new_task(crossed):
    rows = ll.comparison_numbers(crossed, rope=0.01)
    pairs = [f"{first} better than {second}" for first, second in ("ab", "ac", "bc")]
    assert rows["pair"].to_numpy().tolist() == pairs
    assert rows["row"].to_numpy().tolist() == ["digits", "wine", "overall", "a new task"]
    gain = gain_of(crossed, ("wine", "a"), ("wine", "c"))
    wine = rows.sel(pair="a better than c", row="wine")
    assert float(wine["difference"]) == pytest.approx(gain.mean())
    assert str(wine["label"].item()).startswith("wine  ")


def test_a_task_called_overall_has_a_column_of_its_own():
    searches = tuple(itertools.product(("overall", "wine"), ("x", "y")))
    found = ll.compare(make_tree(make_trials(searches=searches), chains=2, draws=20))
    columns = comparison_columns(found)
    assert [own.head for own in columns] == ["overall", "wine", "overall"]
    assert [own.suffix for own in columns] == ["", "", "_overall"]
