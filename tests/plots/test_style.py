"""A model looks the same in every picture of a fit, and unlike the others."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from helpers import make_tree, make_trials
from matplotlib.colors import to_hex

from leadline.plots import (
    plot_comparison,
    plot_effective_dim,
    plot_forecast,
    plot_optimum,
    plot_tail_fit,
    plot_tuning_curve,
)
from leadline.plots.style import FIT, MARK, OBSERVED, model_styles

mpl.use("Agg")
LINES = {
    plot_optimum: "twig",
    plot_effective_dim: "twig",
    plot_tuning_curve: "fit_line",
    plot_forecast: "median",
    plot_tail_fit: "fit_line",
}
SEARCHES = (("a", "x"), ("a", "y"), ("b", "y"), ("b", "x"), ("b", "z"))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=SEARCHES), chains=2, draws=30)


@pytest.mark.parametrize("plot", LINES)
def test_a_model_has_one_colour_in_every_picture(plot, tree):
    styles = model_styles(tree)
    artists = plot(tree).viz[LINES[plot]].to_dataset().to_dataarray().squeeze()
    for name, (_, model) in zip(artists["search"].to_numpy(), SEARCHES, strict=True):
        assert to_hex(artists.sel(search=name).item().get_color()).upper() == styles[model].color


def test_a_comparison_has_the_colour_of_the_better_model(tree):
    # Each search is worse than the one before it.
    styles = model_styles(tree)
    made = plot_comparison(tree)
    on_a = made.viz["difference a"].to_dataset().to_dataarray().squeeze()
    on_b = made.viz["difference b"].to_dataset().to_dataarray().squeeze()
    for artists, better in ((on_a, "x"), (on_b, "y")):
        dot = artists.sel(pair="x better than y").item()
        assert to_hex(dot.get_facecolor()[0]).upper() == styles[better].color


def test_twenty_models_look_different():
    searches = tuple(("a", f"model-{place}") for place in range(20))
    styles = model_styles(make_tree(make_trials(searches=searches), chains=2, draws=4))
    assert len({(style.color, style.marker) for style in styles.values()}) == 20
    assert not {MARK, OBSERVED} & {style.color for style in styles.values()}
    in_turn = list(styles.values())
    for one, other in itertools.pairwise(in_turn):
        assert one.marker != other.marker


def test_a_single_model_is_blue():
    (style,) = model_styles(make_tree(draws=4)).values()
    assert style.color == FIT
