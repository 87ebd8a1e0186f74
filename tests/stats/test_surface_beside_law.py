"""Sentences on a search with law and surface say which to act on."""

import json
import re

import pytest
from helpers_surface import fail_fit, make_surface_tree

import leadline as ll
from leadline.html_report.render import render
from leadline.stats.intervals import estimate
from leadline.stats.rounding import percent
from leadline.stats.setting_words import setting_sentences
from leadline.stats.summary import summary_text
from leadline.stats.surface_beside_law import law_sentences
from leadline.stats.surface_forecast import headroom_of, perfect_search_sentences
from leadline.stats.surface_tree import law_draws

NAME = "digits / mlp"
PAIR = (("a", "x"), ("a", "y"))
CHECK = "surface fit, leave-one-out"


def with_outcome(tree, passed):
    checks = tree["checks"].dataset.copy(deep=True)
    checks["passed"].loc[{"check": CHECK}] = float(passed)
    tree["checks"] = checks
    return tree


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("passed", "acted_on"), [(True, "surface"), (False, "law")])
def test_it_leads_with_the_one_to_act_on_and_the_check_decides(direction, passed, acted_on):
    tree = with_outcome(make_surface_tree(direction=direction, law=True), passed)
    sentence = law_sentences(tree)[NAME]
    assert sentence.startswith(f"act on the {acted_on}")
    assert ("for comparison, the law" in sentence) == passed
    draws = law_draws(tree)
    for name in ("law_optimum", "law_best_seen_expected", "law_noise_sd"):
        assert estimate(draws[name].sel(search=NAME), 0.89) in sentence


@pytest.mark.parametrize(
    ("scale", "factor", "seeds", "words"),
    [
        (
            "log",
            2.0,
            3,
            "for the noise, act on the law: the surface takes it to be even on the",
        ),
        ("logit", 0.5, 1, "the noise is open without more seeds: the surface takes it to be even"),
        ("log", 1.2, 3, ""),
        ("identity", 2.0, 3, ""),
    ],
)
def test_noises_that_a_scale_sets_apart_are_explained(scale, factor, seeds, words):
    tree = with_outcome(make_surface_tree(law=True), True)
    for own in tree["surfaces"].children.values():
        own.attrs["scores"] = json.dumps(json.loads(own.attrs["scores"]) | {"scale": scale})
    noise = factor * tree["posterior"]["noise_sd"]
    tree["laws"] = law_draws(tree).assign(law_noise_sd=noise.mean(("chain", "draw")) + 0 * noise)
    tree["constant_data"]["trial_replicates"][:] = seeds
    sentence = law_sentences(tree)[NAME]
    assert words in sentence
    assert ("even on" in sentence) == bool(words)


def test_it_has_what_a_perfect_search_would_gain():
    tree = with_outcome(make_surface_tree(law=True), True)
    draws = law_draws(tree)
    gain = (draws["law_best_seen_expected"] - draws["law_optimum"]).clip(min=0.0)
    chance = percent(float((gain > draws["law_noise_sd"]).mean()))
    words = f"{estimate(gain.sel(search=NAME), 0.89)} by a perfect search, more than the noise"
    assert words in law_sentences(tree)[NAME]
    assert law_sentences(tree)[NAME].endswith(f"with probability {chance}")
    chance = percent(float((gain > 0.015).mean()))
    sentence = law_sentences(tree, minimum_gain=0.015)[NAME]
    assert sentence.endswith(f"more than 0.015 with probability {chance}")
    (perfect,) = perfect_search_sentences(tree, 0.89, 0.015)
    chance = percent(float((headroom_of(tree) > 0.015).mean()))
    assert perfect.endswith(f"more than 0.015 with probability {chance}.")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(
    ("stop", "gain", "opposite"),
    [
        (True, 1.0, "The law may advise to go on"),
        (True, 0.0, ""),
        (False, 0.0, "The law would advise to stop"),
        (False, 1.0, ""),
    ],
)
def test_the_advice_says_what_it_rests_on_and_where_the_law_is_opposed(
    direction, stop, gain, opposite
):
    tree = with_outcome(make_surface_tree(direction=direction, law=True), True)
    sign = 1.0 if direction == "minimize" else -1.0
    draws = law_draws(tree)
    again = draws["law_optimum"] + sign * (gain + 1e-9)
    tree["laws"] = draws.assign(law_best_seen_expected=again)
    least = 0.5 if stop else 1e-6
    found = ll.forecast(tree, 50, minimum_gain=least)
    advice = ll.stopping_advice(tree, found)
    assert advice.stop == stop
    # Once, and the exit code is that of the advice.
    assert advice.reason.count("This advice rests on the surface.") == 1
    assert ("The law" in advice.reason) == bool(opposite)
    assert opposite in advice.reason
    doubted = ll.stopping_advice(with_outcome(tree, False), found).reason
    assert "But act on the law" in doubted
    alone = make_surface_tree(direction=direction)
    assert "rests on" not in ll.stopping_advice(alone, ll.forecast(alone, 50)).reason


def test_each_law_is_said_once_to_be_of_its_search_alone():
    pair = make_surface_tree(PAIR, law=True)
    # The others must not read as laws of another fit.
    for sentences in (law_sentences(pair).values(), setting_sentences(pair)):
        text = " ".join(sentences)
        assert text.count("the law, from the scores of each search alone, has") == 1
        assert text.count("the law has") == 1
        assert "from the scores alone" not in text
    assert "each search" not in law_sentences(make_surface_tree(law=True))[NAME]


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ((), "may differ: act on the surface, which uses the hyperparameters that were tried."),
        (("y",), "may differ: act on the surface, which .*, but on the law in y, where"),
        (("x", "y"), "may differ: act on the law, as no surface"),
    ],
)
def test_a_comparison_by_surfaces_says_that_laws_may_differ(failed, words):
    tree = make_surface_tree(PAIR, law=True)
    tree = fail_fit(tree, *failed) if failed else tree
    said = [one for one in ll.comparison_sentences(ll.compare(tree)) if "by the law" in one]
    assert len(said) == 1
    assert re.search(words, said[0])
    # A search that learned has no law.
    found = ll.compare(make_surface_tree(PAIR))
    assert not any("by the law" in one for one in ll.comparison_sentences(found))


@pytest.mark.parametrize("searches", [(("digits", "mlp"),), PAIR])
def test_a_law_to_act_on_has_its_failed_checks(searches):
    tree = make_surface_tree(searches, law=True)
    name = tree["posterior"]["search"].to_numpy()[0]
    about = f" of {' / '.join(searches[0])}" * (len(searches) > 1)
    note = f"the law beside the surface{about}: 1 check failed: regime fit"
    tree.attrs["notes"] = json.dumps(["another", note])
    words = "but of the law, 1 check failed: regime fit"
    assert words not in " ".join(law_sentences(tree).values())
    sentences = law_sentences(fail_fit(tree, *tree["posterior"]["search"].to_numpy()))
    assert [own for own in sentences if words in sentences[own]] == [name]


def test_of_several_searches_those_whose_law_to_act_on_are_named():
    tree = fail_fit(make_surface_tree(PAIR, law=True), "y")
    assert "But act on the law in y:" in ll.stopping_advice(tree, ll.forecast(tree, 50)).reason


def test_a_search_that_learned_has_one_answer():
    assert law_sentences(make_surface_tree()) == {}


def test_a_fit_stored_before_the_law_was_kept_has_no_sentence():
    tree = make_surface_tree(law=True)
    tree["posterior"] = tree["posterior"].dataset.drop_vars("law_optimum")
    del tree["laws"]
    assert law_sentences(tree) == {}


def test_it_stands_in_the_summary_the_report_and_the_paper():
    tree = with_outcome(make_surface_tree(law=True), True)
    (sentence,) = law_sentences(tree).values()
    assert sentence in ll.summary(tree).attrs["settings"]
    for text in (summary_text(tree, "csv"), render(tree)):
        assert "act on the surface" in text.lower()
    assert "We follow the surface" in ll.sentences(tree)


def test_a_paper_defines_the_law_and_has_each_number_once():
    tree = make_surface_tree(law=True)
    methods, results = ll.sentences(tree).split("**Results.**")
    for words in (
        "44 trials",
        "trials without a score were left out",
        "(the law) [2]",
        "score incl",
    ):
        assert words in methods
    found = re.findall(r"[\d.]+ \[\d[^\]]*\]", results)
    assert len(set(found)) == len(found)
    draws = [tree["posterior"][name].sel(search=NAME) for name in ("optimum", "noise_sd")]
    draws += [law_draws(tree)[name].sel(search=NAME) for name in ("law_optimum", "law_noise_sd")]
    assert {estimate(own, 0.89) for own in draws} <= set(found)
    assert "(the law)" not in ll.sentences(make_surface_tree())
