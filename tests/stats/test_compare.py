"""`compare`: three numbers a pair, by task and overall, and sentences that agree with them."""

import itertools

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials
from scipy.special import ndtr

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.compare import BUDGETS, _put
from leadline.stats.pairwise import differences, verdicts

PAIRS = (("digits", "a"), ("digits", "b"), ("wine", "a"), ("wine", "c"))
SHAPE = (4, 150)


def with_pooled(tree):
    """Return the tree with effects of three models, as a crossed fit has them."""
    rng = np.random.default_rng(5)
    effect = np.array([-1.0, 0.0, 1.0]) + 0.2 * rng.standard_normal((*SHAPE, 3))
    dims = ("chain", "draw")
    pooled = xr.Dataset(
        {
            "model_effect": ((*dims, "model"), effect),
            "interaction_sd": (dims, np.full(SHAPE, 0.5)),
            "task_scale": ((*dims, "task"), np.full((*SHAPE, 2), (0.1, 0.4))),
        },
        {"model": ["a", "b", "c"], "task": ["digits", "wine"]},
    )
    groups = {name: node.to_dataset() for name, node in tree.children.items()}
    result = xr.DataTree.from_dict(groups | {"pooled": pooled})
    result.attrs.update(tree.attrs)
    return result


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=PAIRS))


@pytest.fixture(scope="module")
def crossed(tree):
    return with_pooled(tree)


def losses(tree, task, model):
    posterior = tree["posterior"].to_dataset()
    number = PAIRS.index((task, model))
    sign = 1 if tree.attrs["direction"] == "minimize" else -1
    return sign * posterior["optimum"].isel(search=number).to_numpy().ravel()


def test_each_pair_on_its_task_in_score_units(tree):
    found = ll.compare(tree, rope=0.01)
    gain = losses(tree, "digits", "b") - losses(tree, "digits", "a")
    pair = found.sel(model="a", other_model="b", task="digits")
    assert float(pair["p_better"]) == (gain > 0.01).mean()
    assert float(pair["p_equal"]) == (np.abs(gain) <= 0.01).mean()
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    # b has no search on wine, c none on digits.
    assert np.isnan(found["p_better"].sel(model="a", other_model="b", task="wine"))
    assert np.isnan(found["p_better_overall"].sel(model="b", other_model="c"))


def test_three_numbers_add_up_to_one(crossed):
    found = ll.compare(crossed, rope=0.02)
    for suffix in ("", "_overall", "_new_task"):
        parts = [found[f"p_{kind}{suffix}"] for kind in ("better", "equal", "worse")]
        total = sum(parts).to_numpy()
        known = np.isfinite(total)
        assert known.any()
        np.testing.assert_allclose(total[known], 1, atol=1e-12)


def test_overall_is_the_mean_in_task_scales(crossed):
    found = ll.compare(crossed, rope=0.04)
    # a and b meet on digits only, whose scale is 0.1.
    gain = (losses(crossed, "digits", "b") - losses(crossed, "digits", "a")) / 0.1
    pair = found.sel(model="a", other_model="b")
    assert float(pair["difference_overall"]) == pytest.approx(gain.mean())
    assert float(pair["p_better_overall"]) == (gain > 0.4).mean()


def test_a_new_task_has_effects_and_new_interactions(crossed):
    found = ll.compare(crossed)
    pair = found.sel(model="a", other_model="c")
    # Effects 2 apart, with sd 0.2 each; two interactions of sd 0.5: 600 draws.
    sd = np.sqrt(2 * 0.2**2 + 2 * 0.5**2)
    assert float(pair["difference_new_task"]) == pytest.approx(2, abs=4 * sd / np.sqrt(600))
    assert float(pair["p_better_new_task"]) == pytest.approx(ndtr(2 / sd), abs=0.02)


def test_only_a_crossed_fit_at_the_optimum_knows_of_new_tasks(tree, crossed):
    assert np.isnan(ll.compare(tree)["p_better_new_task"]).all()
    assert np.isnan(ll.compare(crossed, budget=20)["p_better_new_task"]).all()


def test_at_a_budget_it_is_the_tuning_curve(tree):
    found = ll.compare(tree, budget=30)
    curve = ll.tuning_curve(tree, [30], kind="expected").isel(budget=0)
    sign = 1 if tree.attrs["direction"] == "minimize" else -1
    gain = sign * (curve.isel(search=3) - curve.isel(search=2))
    pair = found.sel(model="a", other_model="c", task="wine")
    assert float(pair["difference"]) == pytest.approx(float(gain.mean()))
    assert found.attrs["budget"] == 30


def test_from_which_budget(tree):
    found = ll.compare(tree)["better_from_budget"]
    value = float(found.sel(model="a", other_model="c", task="wine"))
    # Each search is 0.05 worse than the one before.
    assert value in BUDGETS
    assert np.isnan(found.sel(model="c", other_model="a", task="wine"))
    assert np.isnan(found.sel(model="a", other_model="b", task="wine"))


def test_ranks_and_the_best(tree):
    found = ll.compare(tree)
    digits = found.sel(task="digits")
    assert float(digits["rank"].sel(model="a")) + float(digits["rank"].sel(model="b")) == 3
    assert float(digits["p_best"].sum()) == pytest.approx(1)
    assert np.isnan(digits["rank"].sel(model="c"))
    assert float(found["p_best_overall"].sum()) == pytest.approx(1)
    assert float(found["rank_overall"].sum()) == pytest.approx(6)


def test_tasks_are_compared_for_each_model(tree):
    found = ll.compare(tree, by="task")
    pair = found.sel(task="digits", other_task="wine", model="a")
    gain = losses(tree, "wine", "a") - losses(tree, "digits", "a")
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    assert float(pair["difference_overall"]) == pytest.approx(gain.mean())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "seed"}, "by must be 'model' or 'task', got 'seed'"),
        ({"budget": 0}, "budget must be a number of trials, at least 1; got 0"),
        ({"rope": -0.1}, "rope must be 0 or more, in score units; got -0.1"),
        ({"rope": "small"}, "rope must be 0 or more"),
        ({"ci_prob": 2}, "ci_prob must be between 0 and 1"),
    ],
)
def test_wrong_options(tree, options, words):
    with pytest.raises(LeadlineError, match=words):
        ll.compare(tree, **options)


def test_one_model_is_nothing_to_compare():
    tree = make_tree(make_trials(searches=(("digits", "a"), ("wine", "a"))), draws=20)
    with pytest.raises(LeadlineError, match=r"one model in this fit, 'a'.*by='task' compares"):
        ll.compare(tree)


def random_comparison(seed):
    rng = np.random.default_rng(seed)
    loss = rng.normal(rng.normal(0, 1, (3, 1)), rng.uniform(0.05, 2), (3, 50))
    names = ["x", "y", "z"]
    tasks = ["t", "u"] if seed % 2 else ["t"]
    comparison = xr.Dataset(coords={"model": names, "other_model": names, "task": tasks})
    for suffix in ("_overall", "_new_task"):
        found = verdicts(differences(loss), rng.uniform(0, 1), 0.89)
        _put(comparison, found, ("model", "other_model"), suffix)
    comparison["p_best_overall"] = "model", rng.dirichlet(np.ones(3))
    comparison.attrs = {"by": "model", "budget": 0.0 if seed % 3 else 40.0}
    comparison.attrs |= {"problems": "", "not_checked": "", "rope": float(seed % 2)}
    return comparison


@pytest.mark.parametrize("seed", range(30))
def test_sentences_agree_with_the_numbers(seed):
    found = random_comparison(seed)
    best, *pairs = ll.comparison_sentences(found)
    name = str(found["model"].to_numpy()[found["p_best_overall"].to_numpy().argmax()])
    clear = found["p_best_overall"].max() >= 0.6
    assert (f"{name} is the best model" in best) == clear
    assert (f"no model is clearly the best; most likely it is {name}, with" in best) == (not clear)
    for (first, second), sentence in zip(itertools.combinations("xyz", 2), pairs, strict=True):
        pair = found.sel(model=first, other_model=second)
        better, equal, worse = (
            float(pair[f"p_{kind}_overall"]) for kind in ("better", "equal", "worse")
        )
        said = sentence.split("(")[0]
        if "cannot be told apart" in said:
            assert max(better, equal, worse) < 0.6
        elif "practically equal" in said:
            assert equal == max(better, equal, worse) >= 0.6
        elif "better than" in said:
            assert better == max(better, equal, worse) >= 0.6
        else:
            assert "worse than" in said
            assert worse == max(better, equal, worse) >= 0.6
        assert ("almost certainly" in said) == (max(better, equal, worse) >= 0.99)
        assert ("very probably" in said) == (0.95 <= max(better, equal, worse) < 0.99)
        skewed = float(pair["difference_overall"]) * (better - worse) < 0
        assert ("By posterior means" in sentence) == (skewed and equal < max(better, worse))


def test_the_third_number_is_told_with_a_rope():
    gain = np.array([0.2] * 60 + [-0.5] * 40)
    comparison = random_comparison(1)
    for rope, numbers in ((0.0, "(better 60 %, worse 40 %)"), (0.1, "practically equal < 1 %")):
        for suffix in ("_overall", "_new_task"):
            found = verdicts(differences(np.stack([0 * gain, gain, gain + 1])), rope, 0.89)
            _put(comparison, found, ("model", "other_model"), suffix)
        comparison.attrs["rope"] = rope
        sentence = ll.comparison_sentences(comparison)[1]
        assert numbers in sentence
        assert "x is perhaps better than y" in sentence
        # 0.6 of 0.2 is less than 0.4 of 0.5.
        assert "By posterior means y is ahead" in sentence


def test_picture_and_its_numbers(crossed):
    from leadline.plots.plot_comparison import comparison_numbers

    rows = comparison_numbers(crossed, rope=0.01)
    assert rows["pair"].to_numpy().tolist() == [
        "a better than b",
        "a better than c",
        "b better than c",
    ]
    assert rows["row"].to_numpy().tolist() == ["digits", "wine", "overall", "a new task"]
    gain = losses(crossed, "wine", "c") - losses(crossed, "wine", "a")
    wine = rows.sel(pair="a better than c", row="wine")
    assert float(wine["difference"]) == pytest.approx(gain.mean() / 0.4)
    assert str(wine["label"].item()).startswith("wine  ")
    figure = ll.plot_comparison(crossed, backend="matplotlib").get_viz("figure")
    assert len(figure.axes) == 3
