"""A comparison of few trials says so, and only where that was measured."""

import pytest
from helpers import make_averaged_tree, make_tree, make_trials
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.checks.evidence import Evidence
from leadline.checks.recorded_trials import tail_points
from leadline.stats.leaning import leaning

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
        (None, ["leans on the prior", "that for 100 trials or fewer"]),
        (100.0, []),
        (5000.0, ["5000 trials are far beyond the 40 that were run"]),
    ],
)
def test_tuned_near_and_far(budget, words):
    text = leaning(tree_of(40, 12), budget)
    for word in ["the best 12 trials of each search", *words]:
        assert word in text


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
    assert leaning(make_surface_tree(PAIRS), None) == ""


def test_it_is_in_the_comparison_its_sentences_and_its_picture():
    few = make_tree(make_trials(n=40, n_failed=2, searches=PAIRS), chains=2, draws=20)
    found = ll.compare(few)
    assert found.attrs["leans_on"] == leaning(few, None) != ""
    assert found.attrs["leans_on"] in ll.comparison_sentences(found)
    assert "few trials" in ll.comparison_numbers(few).attrs["conditions"]
