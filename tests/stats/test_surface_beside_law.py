"""Where law and surface answer on one search, a sentence says which to believe."""

import json

import pytest
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.html_report.render import render
from leadline.stats.rounding import percent
from leadline.stats.summary import summary_text
from leadline.stats.surface_beside_law import law_sentences
from leadline.stats.surface_tree import law_draws

NAME = "digits / mlp"
CHECK = "surface fit, leave-one-out"


def with_outcome(tree, passed):
    checks = tree["checks"].dataset.copy(deep=True)
    checks["passed"].loc[{"check": CHECK}] = float(passed)
    tree["checks"] = checks
    return tree


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("passed", "believed"), [(True, "surface"), (False, "law")])
def test_it_has_both_numbers_and_the_check_decides(direction, passed, believed):
    tree = with_outcome(make_surface_tree(direction=direction, law=True), passed)
    sentence = law_sentences(tree)[NAME]
    assert f"believe the {believed}" in sentence
    posterior = tree["posterior"].dataset
    for name in ("optimum", "law_optimum", "law_best_seen_expected"):
        assert f"{float(posterior[name].mean()):.3f}"[:5] in sentence


@pytest.mark.parametrize(
    ("scale", "factor", "seeds", "words"),
    [
        ("log", 2.0, 3, "of the noise believe the law: the surface takes it to be even on the log"),
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


def test_it_has_what_a_perfect_search_would_gain_by_both():
    tree = with_outcome(make_surface_tree(law=True), True)
    draws = law_draws(tree)
    gain = (draws["law_best_seen_expected"] - draws["law_optimum"]).clip(min=0.0)
    chance = percent(float((gain > draws["law_noise_sd"]).mean()))
    assert f"and {chance} by the law" in law_sentences(tree)[NAME]


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
        assert "believe the surface" in text
    assert "we follow the surface" in ll.sentences(tree)
