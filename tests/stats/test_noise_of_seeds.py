"""Seeds that differ more than the noise of a surface are named wherever that noise stands."""

import html

import pytest
from helpers_surface import add_seeds, make_surface_tree

import leadline as ll
from leadline.html_report.render import render
from leadline.inference.recorded_answers import record_checks
from leadline.stats.noise_of_seeds import larger_noises
from leadline.stats.summary import summary_cells
from leadline.stats.surface_forecast import perfect_search_sentences
from leadline.stats.surface_tree import scores_of

NAME = "digits / mlp"


def with_seeds(ratio):
    """Return a surface whose trials have seeds that differ by a multiple of its noise."""
    tree = make_surface_tree()
    sd = add_seeds(tree, ratio)
    del tree["checks"]
    record_checks(tree)
    return tree, sd * scores_of(tree["surfaces/0"]).spread


def test_the_sd_between_seeds_is_in_score_units():
    tree, sd = with_seeds(3.0)
    assert larger_noises(tree) == {NAME: pytest.approx(sd)}
    assert ll.summary(tree)["seeds_sd"].item() == pytest.approx(sd)


@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_it_is_said_beside_the_noise_and_what_is_compared_with_it(ratio):
    tree, sd = with_seeds(ratio)
    words, larger = f"{sd:.2g}", ratio > 1.0
    advice = ll.stopping_advice(tree, ll.forecast(tree, 50)).reason
    said = {
        "table": summary_cells(tree)["noise sd"].item().endswith(f"(seeds {words})"),
        "title": "seeds: " in summary_cells(tree).attrs["title"],
        "headline": f", between seeds {words})" in advice,
        "perfect": perfect_search_sentences(tree, 0.89)[0].endswith(f"an sd of {words}."),
        "paper": f"(between seeds {words})" in ll.sentences(tree),
        "report": f"(seeds {words})" in render(tree),
        "verdict": f"an sd of {words}." in html.unescape(render(tree)),
    }
    assert said == dict.fromkeys(said, larger)
    # A gain above an amount of one's own is not about noise.
    assert "seeds" not in perfect_search_sentences(tree, 0.89, 0.01)[0]


def test_a_paper_says_where_the_noise_is_that_of_one_run():
    assert "The noise sd of one run near the optimum is" in ll.sentences(make_surface_tree())
