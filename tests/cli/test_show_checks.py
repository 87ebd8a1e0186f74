"""The table of `leadline check`: one for all searches, and words of the command line."""

import numpy as np
import pytest
from helpers import make_tree, make_trials
from helpers_surface import make_surface_tree

from leadline.checks.catalogue import CHECKS, LAW_CHECKS, SURFACE_CHECKS
from leadline.checks.check import check
from leadline.checks.plain_words import MEANINGS
from leadline.checks.recorded_outcomes import outcomes_group
from leadline.cli.show_checks import show_checks
from leadline.data.trials import Trials
from leadline.stats.leaning import leaning


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=(("digits", "mlp"), ("wine", "mlp"))), draws=50)


def shown(tree, capsys, **options):
    show_checks(tree, **options)
    return capsys.readouterr().out


def with_outcomes(tree, name, **columns):
    """Return the tree with other recorded outcomes of one check, a value per search."""
    table = check(tree).drop(columns="level")
    for column, values in columns.items():
        table.loc[table["check"] == name, column] = values
    result = tree.copy()
    result["checks"] = outcomes_group(table)
    return result


@pytest.mark.parametrize("models", [("mlp", "forest"), ("mlp", "mlp")])
def test_the_caution_of_a_comparison_of_few_trials_stands_below_once(models, capsys):
    pairs = (("digits", models[0]), ("wine" if len(set(models)) == 1 else "digits", models[1]))
    for fit in (make_tree(make_trials(n=40, searches=pairs), draws=20), make_surface_tree(pairs)):
        words = leaning(fit, None)
        assert "read with caution" in words
        assert " ".join(shown(fit, capsys).split()).count(words) == (len(set(models)) > 1)


def test_every_check_has_a_meaning_in_plain_words():
    assert MEANINGS.keys() == (LAW_CHECKS | SURFACE_CHECKS).keys()


def test_searches_share_one_table_in_the_order_of_the_checks(tree, capsys):
    out = shown(tree, capsys, every=True)
    assert out.count("┏") == 1
    places = [out.index(f"│ {name}: ") for name in CHECKS]
    assert places == sorted(places)


def test_limits_that_differ_are_explained(tree, capsys):
    name = "prior of the optimum"
    fit = with_outcomes(
        tree,
        name,
        passed=[False, False],
        bound="at most",
        limit=[0.05, 0.32],
        figure=[0.1, 0.5],
        advice="Run more trials.",
    )
    out = shown(fit, capsys)
    for words in ("digits: 0.1", "wine: 0.5", "≤ 0.05 or ≤ 0.32"):
        assert words in out
    assert f"limits of {name}: 0.32 where" in out


@pytest.mark.parametrize(
    "advice",
    [
        "see whether leadline.Priors suits this search, and fit again with other priors to see how "
        "far the answer moves.",
        "look at leadline.plot_threshold, and fit with the `tail_fraction` that you trust.",
        "make sure that `params` names all, or raise max_effective_dim in leadline.Priors.",
        "draws=1000, tune=1000, chains=4 were used; fit again with draws=4000",
    ],
)
def test_advice_has_nothing_of_python(tree, capsys, advice):
    fit = with_outcomes(tree, "ties", passed=False, advice=f"Scores: {advice}", bound="at most")
    out = " ".join(shown(fit, capsys).split())
    for word in ("leadline.", "Priors", "max_effective_dim", "tail_fraction", "draws="):
        assert word not in out


def test_the_numbers_of_outcomes_add_up(tree, capsys):
    table = check(tree)
    made = int(table["passed"].notna().sum())
    passed = int(table["passed"].fillna(False).sum())
    assert f"{made} checks made on 2 searches: {passed} passed" in shown(tree, capsys)


def test_one_search_has_values_and_checks_not_made_are_no_advice(capsys):
    show_checks(make_tree(make_trials()), every=True)
    out = capsys.readouterr().out
    assert "value" in out
    assert "searches" not in out.split("what to do")[0].split("┃")[3]
    advice, _, skipped = out.partition("\nnot made\n")
    assert "no reported bests" in skipped
    assert "no reported bests" not in advice


def test_a_law_that_does_not_hold_asks_for_hyperparameters_first():
    bare = make_trials()
    known = Trials(bare.table.assign(**{"param:lr": np.linspace(0, 1, 120)}), "minimize")
    advice = []
    for trials in (bare, known):
        tree = make_tree(trials)
        candidates = tree["candidates"].dataset
        tree["candidates"] = candidates.assign(p_value=0.0 * candidates["p_value"])
        table = check(tree, recompute=True).set_index("check")
        assert not table.loc["regime fit", "passed"]
        advice.append(table.loc["regime fit", "advice"])
    assert ["name the hyperparameters" in own for own in advice] == [True, False]
