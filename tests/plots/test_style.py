"""A model has the same style in every picture of a fit, and another than the other models."""

import itertools

import pytest
from helpers import make_tree, make_trials
from matplotlib.colors import to_hex

import leadline as ll
from leadline.plots.style import FIT, MARK, OBSERVED, model_styles

LINES = {
    ll.plot_optimum: "twig",
    ll.plot_effective_dim: "twig",
    ll.plot_tuning_curve: "fit_line",
    ll.plot_forecast: "median",
    ll.plot_tail_fit: "fit_line",
}
SEARCHES = (("a", "x"), ("a", "y"), ("b", "y"), ("b", "x"), ("b", "z"))


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=SEARCHES), chains=2, draws=30)


def colors_of(made, visual):
    artists = made.viz[visual].to_dataset().to_dataarray().squeeze()
    names = artists["search"].to_numpy()
    return {name: to_hex(artists.sel(search=name).item().get_color()).upper() for name in names}


@pytest.mark.parametrize("plot", LINES)
def test_a_model_has_one_colour_in_every_picture(plot, tree):
    colors = colors_of(plot(tree), LINES[plot])
    styles = model_styles(tree)
    for color, (_, model) in zip(colors.values(), SEARCHES, strict=True):
        assert color == styles[model].color


def test_a_search_without_trials_does_not_change_the_colours(tree):
    # The first model has no panel in this picture.
    fewer = tree.copy(deep=True)
    fewer["constant_data"]["n_trials"][[0, 3]] = 0
    made = ll.plot_tail_fit(fewer)
    styles = model_styles(tree)
    assert list(colors_of(made, "fit_line").values()) == [styles[name].color for name in "yyz"]
    (legend,) = made.get_viz("figure").legends
    words = [text.get_text() for text in legend.get_texts()]
    assert {"y", "z"} <= set(words)
    assert "x" not in words


def test_a_comparison_has_the_colour_of_the_better_model(tree):
    # Each search is worse than the one before it.
    styles, made = model_styles(tree), ll.plot_comparison(tree)
    for row, better in (("a", "x"), ("b", "y")):
        artists = made.viz[f"difference {row}"].to_dataset().to_dataarray().squeeze()
        dot = artists.sel(pair="x better than y").item()
        assert to_hex(dot.get_facecolor()[0]).upper() == styles[better].color


def test_twenty_models_look_different():
    searches = tuple(("a", f"model-{index}") for index in range(20))
    styles = model_styles(make_tree(make_trials(searches=searches), chains=2, draws=4))
    assert len(set(styles.values())) == 20
    assert not {MARK, OBSERVED} & {style.color for style in styles.values()}
    for one, other in itertools.pairwise(styles.values()):
        assert one.marker != other.marker
        assert one.color != other.color


def test_a_single_model_is_blue():
    (style,) = model_styles(make_tree(draws=4)).values()
    assert style.color == FIT
