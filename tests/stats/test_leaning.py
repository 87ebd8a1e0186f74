"""A comparison of few trials says so, and only where that was measured."""

import matplotlib.pyplot as plt
import pytest
import xarray as xr
from helpers import make_averaged_tree, make_tree, make_trials
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.checks.evidence import Evidence
from leadline.checks.recorded_trials import tail_points
from leadline.cli.console import show_forecast
from leadline.cli.show_comparison import show_comparison
from leadline.stats.comparison_sentences import short_doubts
from leadline.stats.leaning import far_beyond, leaning

PAIRS = (("a", "x"), ("a", "y"))


def tree_of(trials, used):
    tree = make_tree(make_trials(searches=PAIRS), chains=2, draws=20)
    candidates, constant = tree["candidates"].dataset, tree["constant_data"].dataset
    tree["candidates"] = candidates.assign(n_tail=candidates["n_tail"] * 0 + used)
    tree["constant_data"] = constant.assign(n_trials=constant["n_trials"] * 0 + trials)
    return tree


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (None, ["the answer extrapolates", "Answers for 100 trials or fewer"]),
        (100.0, []),
        (
            101.0,
            ["After 101 trials each, the answer extrapolates", "for 100 trials or fewer"],
        ),
        (5000.0, ["the answer extrapolates", "Answers for 100 trials or fewer"]),
    ],
)
def test_tuned_near_and_far(budget, words):
    text = leaning(tree_of(40, 12), budget)
    for word in ["the best 12 trials of each search", *words]:
        assert word in text


def test_a_budget_far_beyond_the_trials_is_said_once_in_every_answer(capsys):
    tree = make_tree(make_trials(n=200, searches=PAIRS), chains=2, draws=300)
    sound = {"max_rhat": 1.0, "min_ess_bulk": 900.0, "min_ess_tail": 900.0}
    candidates = tree["candidates"].dataset
    tree["candidates"] = candidates.assign(
        {name: xr.full_like(candidates["weight"], value) for name, value in sound.items()}
    )
    assert far_beyond(tree, None) == far_beyond(tree, 500.0) == ""
    clause = "600 trials are far beyond the 200 that were run: the law extrapolates"
    show_comparison(tree, budget=600)
    screen = capsys.readouterr().out
    caption = ll.comparison_numbers(tree, budget=600).attrs["conditions"]
    ranks = ll.ranks_numbers(tree, budget=600).attrs["conditions"]
    one = tree.isel(search=[0])
    curve = ll.plot_tuning_curve(one, budget=600).get_viz("figure").legends[0].get_title()
    show_forecast(one, [10, 600], minimum_gain=None, probability=0.05)
    answers = [screen, caption, ranks, curve.get_text(), capsys.readouterr().out]
    answers += [ll.sentences(own, budget=600) for own in (tree, one)]
    for text in answers:
        assert " ".join(text.split()).count(clause) == 1
    plt.close("all")


def test_of_searches_of_different_length_those_exceeded_count():
    tree = tree_of(40, 12)
    tree["constant_data"]["n_trials"][:] = [40, 300]
    assert "the 40 that" in far_beyond(tree, 600.0)
    assert "the 40 to 300 that" in far_beyond(tree, 1000.0)
    assert far_beyond(make_surface_tree(PAIRS), 1000.0) == ""


def test_trials_used_are_one_number_in_every_answer():
    """Over thresholds of 16, 24, 32 and 48 trials, by their weights."""
    tree = make_averaged_tree(make_trials(n=80), (0.2, 0.3, 0.4, 0.6), (0.5, 0.3, 0.2, 0.0))
    used = int(ll.summary(tree)["in_regime"].iloc[0])
    check = tail_points(Evidence(tree, ll.summary(tree).index[0])).figure
    assert used == check == round(0.5 * 16 + 0.3 * 24 + 0.2 * 32)
    assert f"the best {used} trials" in leaning(tree, None)


@pytest.mark.parametrize(("trials", "used"), [(40, 30), (400, 20)])
def test_nothing_is_said_beyond_what_was_measured(trials, used):
    assert leaning(tree_of(trials, used), None) == ""


def test_a_surface_has_no_tail():
    assert "the best" not in leaning(make_surface_tree(PAIRS), None)


def test_it_is_in_the_comparison_its_sentences_and_its_picture():
    few = make_tree(make_trials(n=40, n_failed=2, searches=PAIRS), chains=2, draws=20)
    found = ll.compare(few)
    assert found.attrs["leans_on"] == leaning(few, None) != ""
    assert found.attrs["leans_on"] in ll.comparison_sentences(found)
    near, beyond, far = (
        ll.comparison_numbers(few, budget=k).attrs["conditions"] for k in (100, 101, None)
    )
    assert "extrapolates and can be far too certain" in beyond
    assert "few trials" in near
    assert "prior" not in near
    assert "extrapolates and can be far too certain" in far
    for budget, picture in ((100, near), (101, beyond), (None, far)):
        words = ll.compare(few, budget=budget).attrs["leans_on"]
        for own in ("read with caution", "extrapolates and can be far too certain"):
            assert (own in picture) == (own in words.partition("Answers for")[0])


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([40, 40], "Each surface rests on 40 trials"),
        ([40, 99], "Each surface rests on 40 to 99 trials"),
        ([40, 100], "1 of 2 surfaces rest on 40 trials"),
        ([100, 300], ""),
    ],
)
def test_a_comparison_by_small_surfaces_says_so(sizes, words):
    tree = make_surface_tree(PAIRS)
    constant = tree["constant_data"].dataset
    tree["constant_data"] = constant.assign(n_complete=("search", sizes))
    text = leaning(tree, None)
    assert text.startswith(words)
    assert ("read with caution" in text) == bool(words)
    found = ll.compare(tree)
    assert (text in ll.comparison_sentences(found)) == bool(words)
    assert ("few trials: read with caution" in short_doubts(found)) == bool(words)
