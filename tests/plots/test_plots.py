"""Every picture: what is drawn, for one and for many searches, in both directions."""

import functools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from arviz_plots import PlotCollection
from helpers import make_averaged_tree, make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.plots.plot_comparison import plot_comparison
from leadline.plots.plot_effective_dim import plot_effective_dim
from leadline.plots.plot_forecast import plot_forecast
from leadline.plots.plot_optimum import plot_optimum
from leadline.plots.plot_tail_fit import plot_tail_fit
from leadline.plots.plot_threshold import plot_threshold
from leadline.plots.plot_tuning_curve import plot_tuning_curve

VISUALS = {
    plot_optimum: ["density", "twig", "trunk", "point_estimate", "best_seen"],
    plot_effective_dim: ["density", "twig", "trunk", "prior_lower", "prior_upper"],
    plot_tuning_curve: ["ci_band", "fit_line", "observed", "optimum_band", "optimum", "n_trials"],
    plot_forecast: ["ci_band", "median", "best_seen"],
    plot_tail_fit: ["ci_band", "fit_line", "observed", "not_fitted", "threshold"],
}
every_plot = pytest.mark.parametrize("plot", VISUALS)


@functools.cache
def tree_of(number):
    """Return a fit of some searches, up to five tasks per model, with few draws."""
    searches = tuple((f"task-with-a-name-{i % 5}", f"model-{i // 5}") for i in range(number))
    return make_tree(make_trials(searches=searches), chains=2, draws=20)


def drawn_text(plot_collection):
    """Return all text of a figure."""
    figure = plot_collection.get_viz("figure")
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def visible_text(figure):
    """Return the text that is drawn; ticks beyond the limits have labels, too."""
    texts = list(figure.texts) + ([figure._suptitle] if figure._suptitle else [])
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        if axes.axison:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                texts += [tick.label1 for tick in axis._update_ticks() if tick.label1.get_visible()]
    return [text for text in dict.fromkeys(texts) if text.get_text().strip()]


@every_plot
def test_every_visual_is_there_for_every_search(plot, tree):
    made = plot(tree)
    assert isinstance(made, PlotCollection)
    for visual in VISUALS[plot]:
        assert made.viz[visual].to_dataset().sizes["search"] == 2, visual
    words = drawn_text(made)
    assert {"digits", "mnist"} <= set(words)
    better = "lower" if tree.attrs["direction"] == "minimize" else "higher"
    if plot is not plot_effective_dim:
        assert any(f"log_loss ({better} is better)" in text for text in words)
    assert not any("not converged" in text for text in words)


@every_plot
def test_every_visual_can_be_left_out_or_changed(plot):
    tree = tree_of(2)
    made = plot(tree, visuals={**dict.fromkeys(VISUALS[plot], False), "legend": False})
    assert not set(VISUALS[plot]) & set(made.viz.children)
    last = VISUALS[plot][-1]
    made = plot(tree, visuals={last: {"color": "#123456"}, "legend": False})
    (artist, _) = made.viz[last].to_dataset().to_dataarray().to_numpy().ravel()
    assert artist.get_color() == "#123456"


def test_the_legend_shows_the_callers_line_style():
    made = plot_forecast(tree_of(1), visuals={"best_seen": {"linestyle": ":"}})
    (legend,) = made.get_viz("figure").legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert legend.get_lines()[labels.index("best seen")].get_linestyle() == ":"


@every_plot
def test_a_warning_stands_in_the_picture(plot):
    tree = make_tree(chains=2, draws=20, divergences=2)
    assert any("2 divergences" in text for text in drawn_text(plot(tree)))
    made = plot(tree, visuals={"warning": False, "legend": False})
    assert not any("divergences" in text for text in drawn_text(made))


@pytest.mark.parametrize(
    ("plot", "number"),
    [(plot, number) for plot in VISUALS for number in (1, 20)] + [(plot_comparison, 20)],
)
def test_no_text_overlaps(plot, number):
    figure = plot(tree_of(number)).get_viz("figure")
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [
        (text.get_text(), text.get_window_extent().shrunk(0.95, 0.9))
        for text in visible_text(figure)
    ]
    for index, (name, box) in enumerate(boxes):
        assert min(box.x0, box.y0) > -2, name
        assert box.x1 < width + 2, name
        assert box.y1 < height + 2, name
        for other, other_box in boxes[index + 1 :]:
            assert not box.overlaps(other_box), (name, other)


def test_searches_on_one_task_share_the_axis():
    for tasks, number in ((("a", "a"), 1), (("a", "b"), 2)):
        searches = tuple((task, f"model-{i}") for i, task in enumerate(tasks))
        made = plot_optimum(make_tree(make_trials(searches=searches), draws=20))
        assert len({axes.get_xlim() for axes in made.viz["plot"].to_numpy()}) == number


def test_thresholds_left_out_and_averages_are_in_the_legend():
    def legend_of(weights, **visuals):
        fractions = (0.2, 0.3, 0.4)[: len(weights)]
        tree = make_averaged_tree(make_trials(), fractions, weights)
        made = plot_threshold(tree, backend="matplotlib", visuals=visuals)
        legends = made.get_viz("figure").legends
        words = [text.get_text() for legend in legends for text in legend.get_texts()]
        return " ".join(words), made.viz.children

    words, drawn = legend_of((0.6, 0.4, 0.0))
    assert "left out" in words
    assert "average" in words
    assert {"dropped", "average_optimum"} <= set(drawn)
    words, drawn = legend_of((0.5, 0.5), average=False)
    assert words
    assert "left out" not in words
    assert not {"dropped", "average_optimum"} & set(drawn)
    assert not legend_of((0.5, 0.5), legend=False)[0]


@every_plot
def test_draws_into_a_given_collection(plot):
    made = plot(tree_of(1))
    number = len(plt.get_fignums())
    assert plot(tree_of(1), plot_collection=made) is made
    assert len(plt.get_fignums()) == number


@every_plot
def test_the_empty_backend_of_arviz_works(plot, tree):
    made = plot(tree, backend="none", visuals={"legend": False})
    assert set(VISUALS[plot]) <= set(made.viz.children)


@every_plot
def test_bad_options(plot, tree):
    with pytest.raises(LeadlineError, match="ci_kind"):
        plot(tree, ci_kind="both")
    with pytest.raises(LeadlineError, match="DataTree"):
        plot(None)
