"""The answers of a surface as a table, on trees that were never sampled."""

import io

import numpy as np
import pandas as pd
import pytest
from helpers import make_tree, make_trials
from helpers_surface import NOISE, OPTIMUM, learned, make_surface_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.markup import escape
from leadline.stats.setting_words import setting_cells, together_text
from leadline.stats.summary import summary_cells, summary_text
from leadline.stats.surface_tree import is_surface, surface_groups

PAIR = (("a", "x"), ("a", "y"))


def test_a_row_per_search():
    table = ll.summary(make_surface_tree(PAIR), ci_prob=0.8, ci_kind="eti")
    assert table.index.tolist() == ["x", "y"]
    row = table.loc["x"]
    assert (row["trials"], row["failed"]) == (45, 1)
    assert row["best_seen"] < row["best_seen_expected"]
    scores = learned(searches=PAIR).search("a", "x").per_trial().set_index("trial")["score"]
    assert row["best_trial"] == str(scores.idxmin())
    assert row["optimum"] == pytest.approx(OPTIMUM, abs=0.03)
    assert row["noise_sd"] == pytest.approx(NOISE, rel=0.8)
    assert row["optimum_eti80_lb"] < row["optimum"] < row["optimum_eti80_ub"]
    assert row["headroom"] >= 0.0
    assert (row["scale"], row["warning"]) == ("identity", "")
    assert table.attrs["calibration"]
    assert "effective_dim" not in table


@pytest.mark.parametrize("make", [make_surface_tree, lambda: make_tree(make_trials(), draws=50)])
def test_a_best_score_that_is_a_mean_of_seeds_says_so_everywhere(make, tmp_path):
    one, tree = make(), make()
    tree["constant_data"]["trial_replicates"][:] = 3
    words = "mean of 3 runs"
    assert ll.summary(tree)["best_runs"].item() == 3
    for text in (
        lambda own: summary_text(own, "markdown"),
        lambda own: summary_text(own, "latex"),
        lambda own: ll.report(own, tmp_path / "report.html").read_text(),
    ):
        assert words in text(tree)
        assert words not in text(one)
    for draw in (ll.plot_optimum, ll.plot_forecast):
        figure = draw(tree, backend="matplotlib").get_viz("figure")
        labels = [text.get_text() for own in figure.legends for text in own.get_texts()]
        assert f"best seen ({words})" in labels
    if is_surface(tree):
        assert words in ll.sentences(tree)


def test_directions_mirror_each_other():
    down, up = (ll.summary(make_surface_tree(direction=own)) for own in ("minimize", "maximize"))
    for name in ("best_seen", "best_seen_expected", "optimum"):
        assert up[name].item() == pytest.approx(-down[name].item(), abs=0.02)
    assert up["headroom"].item() == pytest.approx(down["headroom"].item(), abs=0.02)


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({"divergences": 4}, "4 div"),
        ({"max_rhat": 1.02}, "R-hat 1.02"),
        ({"min_ess_bulk": 258.0}, "bulk ESS 258"),
        ({"min_ess_tail": 258.0}, "tail ESS 258"),
    ],
)
def test_problems_of_sampling_are_named(attributes, word):
    tree = make_surface_tree(**attributes)
    assert word in ll.summary(tree)["warning"].item()
    assert word in summary_cells(tree)["warning"].item()
    assert ll.forecast(tree, 5).attrs["problems"]


def test_the_law_of_a_random_search_stands_beside_it():
    tree = make_surface_tree(law=True)
    row = ll.summary(tree, ci_prob=0.9, ci_kind="eti").iloc[0]
    assert row["effective_dim_eti90_lb"] < 1.8 < row["effective_dim_eti90_ub"]
    assert "1.8" in ll.summary(tree).attrs["settings"][-1]
    assert "effective dimension (law)" in summary_cells(tree)


def test_how_often_intervals_hold_is_said_of_searches_that_learned_alone():
    said = ll.summary(make_surface_tree()).attrs["calibration"]
    # Trained models, functions, the hardest of these, and the re-run.
    for words in ("test studies by TPE", "94 %", "59 %", "43 %", "72 %"):
        assert words in said
    random = make_surface_tree(law=True)
    assert ll.summary(random).attrs["calibration"] == ""
    assert ll.best_setting(random).attrs["calibration"] == ""
    assert "calibration" not in summary_text(random, "markdown")


@pytest.mark.parametrize("form", ["markdown", "latex", "csv"])
def test_the_scale_of_scores_is_in_the_table(form):
    assert "identity" in summary_text(make_surface_tree(), form)


@pytest.mark.parametrize("form", ["markdown", "latex", "csv"])
def test_text_has_the_calibration_and_the_hyperparameters(form):
    tree = make_surface_tree()
    text = summary_text(tree, form)
    assert "80" in text.split("calibration")[1]
    assert "lr" in text
    # The table of the screen, with all numbers in CSV.
    settings = ll.best_setting(tree)
    assert escape(together_text(settings), form) in text if form != "csv" else True
    for name, row in setting_cells(settings).iterrows():
        cells = [escape(cell, form) for cell in (name, *row)] if form != "csv" else []
        assert "".join(cells) in text.replace(" & ", "").replace(" | ", "")
    if form == "csv":
        table = pd.read_csv(io.StringIO(text), comment="#", index_col=0)
        assert table.loc["digits / mlp", "optimum"] == ll.summary(tree)["optimum"].item()
        own = text[text.index("# hyperparameter,") :].replace("# ", "")
        again = pd.read_csv(io.StringIO(own), index_col=0)
        np.testing.assert_array_equal(again["tuning_gain"], settings["tuning_gain"])
    two = summary_text(make_surface_tree(PAIR), form)
    for name in ("x", "y"):
        assert f"the hyperparameters of {name}, " in two


def test_answers_of_the_law_say_what_they_lack():
    surface = make_surface_tree()
    assert is_surface(surface)
    assert list(surface_groups(surface)) == ["digits / mlp"]
    for answer in (ll.tuning_curve, ll.trials_needed):
        with pytest.raises(LeadlineError, match="surface"):
            answer(surface, 10)
    with pytest.raises(LeadlineError, match="surface"):
        ll.compare(make_surface_tree(PAIR), budget=10)


def test_surfaces_are_compared_where_they_are_best():
    four = make_surface_tree((("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")))
    found = ll.compare(four, rope=0.001)
    pair = found.sel(model="x", other_model="y")
    # Each further search is 0.05 worse.
    assert (pair["p_better"] > 0.9).all()
    assert pair["difference"].sel(task="a") == pytest.approx(0.05, abs=0.03)
    assert pair["better_from_budget"].isnull().all()  # noqa: PD003  (xarray)
    assert (found["scale"] > 0).all()
    caution, first, *_ = ll.comparison_sentences(found)
    assert "few for a comparison" in caution
    assert "x" in first
