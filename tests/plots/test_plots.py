"""Every picture on every backend: what is drawn, for one and many searches, in both directions."""

import functools
import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from arviz_plots import PlotCollection
from helpers import make_averaged_tree, make_tree, make_trials
from matplotlib.colors import to_hex

import leadline as ll
from leadline.errors import LeadlineError
from leadline.plots.gallery import PICTURES, save_picture
from leadline.plots.style import FIT, MARK, OBSERVED, model_styles

VISUALS = {
    "optimum": ["twig", "density", "trunk", "point_estimate", "best_seen"],
    "effective_dim": ["twig", "density", "trunk", "prior_lower", "prior_upper"],
    "tuning_curve": ["fit_line", "ci_band", "observed", "optimum_band", "optimum", "n_trials"],
    "forecast": ["median", "ci_band", "best_seen"],
    "tail_fit": ["fit_line", "ci_band", "observed", "not_fitted", "threshold"],
}
"""Visuals of the pictures with one panel per search, first one in the colour of the model."""
SEARCHES = (("a", "x"), ("a", "y"), ("b", "y"), ("b", "x"), ("b", "z"))
every_plot = pytest.mark.parametrize("name", VISUALS)


@functools.cache
def tree_of(number, integer=False):
    """Return a fit of some searches, up to five tasks per model, with few draws."""
    searches = tuple((f"task-with-a-name-{i % 5}", f"model-{i // 5}") for i in range(number))
    return make_tree(make_trials(searches=searches), chains=2, draws=20, integer=integer)


@functools.cache
def picture_of(name, backend, number):
    """Return a picture, drawn once for all tests."""
    return PICTURES[name](tree_of(number), backend=backend)


@pytest.fixture(scope="module")
def three_models():
    return make_tree(make_trials(searches=SEARCHES), chains=2, draws=30)


@pytest.fixture(params=["plotly", "bokeh"])
def backend(request):
    for package in {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}[request.param]:
        pytest.importorskip(package)
    return request.param


def legend_of(made):
    """Return the text of a legend."""
    figure = made.get_viz("figure")
    if made.backend == "matplotlib":
        words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    elif made.backend == "plotly":
        words = [trace.name for trace in figure.data if trace.showlegend]
    else:
        from bokeh.models.widgets import Div

        words = [part.text for part in figure.select({"type": Div})]
    return " ".join(words)


def drawn_text(made):
    """Return all text of a figure."""
    figure = made.get_viz("figure")
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


def colors_of(made, visual):
    """Return the colour of a visual in each panel."""
    artists = made.viz[visual].to_dataset().to_dataarray().to_numpy().ravel()
    return [to_hex(artist.get_color()).upper() for artist in artists]


@every_plot
def test_every_visual_is_there_for_every_search(name, tree):
    made = PICTURES[name](tree)
    assert isinstance(made, PlotCollection)
    for visual in VISUALS[name]:
        assert made.viz[visual].to_dataset().sizes["search"] == 2, visual
    words = drawn_text(made)
    assert {"digits", "mnist"} <= set(words)
    better = "lower" if tree.attrs["direction"] == "minimize" else "higher"
    if name != "effective_dim":
        assert any(f"log_loss ({better} is better)" in text for text in words)
    assert not any("not converged" in text for text in words)


@every_plot
def test_every_visual_can_be_left_out_or_changed(name):
    made = PICTURES[name](tree_of(2), visuals=dict.fromkeys([*VISUALS[name], "legend"], False))
    assert not set(VISUALS[name]) & set(made.viz.children)
    last = VISUALS[name][-1]
    visuals = {last: {"color": "#123456"}, "legend": False}
    assert colors_of(PICTURES[name](tree_of(2), visuals=visuals), last) == ["#123456"] * 2


def test_the_legend_shows_the_callers_line_style():
    made = ll.plot_forecast(tree_of(1), visuals={"best_seen": {"linestyle": ":"}})
    (legend,) = made.get_viz("figure").legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert legend.get_lines()[labels.index("best seen")].get_linestyle() == ":"


@every_plot
def test_a_warning_stands_in_the_picture(name):
    tree = make_tree(chains=2, draws=20, divergences=2)
    assert any("2 divergences" in text for text in drawn_text(PICTURES[name](tree)))
    made = PICTURES[name](tree, visuals={"warning": False, "legend": False})
    assert not any("divergences" in text for text in drawn_text(made))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *itertools.product(VISUALS, (1,)),
        *(pytest.param(name, 20, marks=pytest.mark.slow) for name in (*VISUALS, "comparison")),
    ],
)
def test_no_text_overlaps(name, number):
    figure = PICTURES[name](tree_of(number)).get_viz("figure")
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [
        (text.get_text(), text.get_window_extent().shrunk(0.95, 0.9))
        for text in visible_text(figure)
    ]
    for text, box in boxes:
        assert min(box.x0, box.y0) > -2, text
        assert box.x1 < width + 2, text
        assert box.y1 < height + 2, text
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        assert not box.overlaps(other_box), (text, other)


def test_searches_on_one_task_share_the_axis():
    for tasks, number in ((("a", "a"), 1), (("a", "b"), 2)):
        searches = tuple((task, f"model-{i}") for i, task in enumerate(tasks))
        made = ll.plot_optimum(make_tree(make_trials(searches=searches), draws=20))
        assert len({axes.get_xlim() for axes in made.viz["plot"].to_numpy()}) == number


def test_thresholds_left_out_and_averages_are_in_the_legend():
    def draw(weights, **visuals):
        tree = make_averaged_tree(make_trials(), (0.2, 0.3, 0.4)[: len(weights)], weights)
        made = ll.plot_threshold(tree, backend="matplotlib", visuals=visuals)
        return legend_of(made), set(made.viz.children)

    words, drawn = draw((0.6, 0.4, 0.0))
    assert "left out" in words
    assert "average" in words
    assert {"dropped", "average_optimum"} <= drawn
    words, drawn = draw((0.5, 0.5), average=False)
    assert words
    assert "left out" not in words
    assert not {"dropped", "average_optimum"} & drawn
    assert not draw((0.5, 0.5), legend=False)[0]


def test_the_legend_of_thresholds_tells_each_search_alone_from_all_together():
    tree = make_averaged_tree(make_trials(), (0.2, 0.3), (0.5, 0.5))
    words = legend_of(ll.plot_threshold(tree, backend="matplotlib"))
    assert "alone" not in words
    tree["candidates"] = tree["candidates"].dataset.assign(overlap=("search", [0.9]))
    words = legend_of(ll.plot_threshold(tree, backend="matplotlib"))
    assert "alone" in words
    assert "together" in words


@every_plot
def test_draws_into_a_given_collection(name):
    made = PICTURES[name](tree_of(1))
    number = len(plt.get_fignums())
    assert PICTURES[name](tree_of(1), plot_collection=made) is made
    assert len(plt.get_fignums()) == number


@every_plot
def test_bad_options(name):
    with pytest.raises(LeadlineError, match="ci_kind"):
        PICTURES[name](tree_of(2), ci_kind="both")
    with pytest.raises(LeadlineError, match="DataTree"):
        PICTURES[name](None)


@pytest.mark.parametrize("name", PICTURES)
def test_an_unknown_backend_is_one_line(name):
    tree = tree_of(6)
    if name == "threshold":
        tree = make_averaged_tree(make_trials(), (0.2, 0.3), weights=(0.6, 0.4))
    with pytest.raises(LeadlineError, match="plotly") as error:
        PICTURES[name](tree, backend="foo")
    assert "foo" in str(error.value)


@every_plot
def test_the_empty_backend_of_arviz_works(name):
    made = PICTURES[name](tree_of(2), backend="none", visuals={"legend": False})
    assert set(VISUALS[name]) <= set(made.viz.children)


@pytest.mark.parametrize(
    ("name", "number"), [*itertools.product(VISUALS, (1, 6)), ("comparison", 6)]
)
def test_every_picture_is_drawn(backend, name, number):
    made = picture_of(name, backend, number)
    assert made.backend == backend
    assert made.viz["plot"].size == (1 if name == "comparison" else number)


def test_bars_and_thresholds_are_drawn(backend):
    made = ll.plot_effective_dim(tree_of(2, integer=True), backend=backend)
    assert made.viz["probability"].to_dataset().sizes["search"] == 2
    tree = make_averaged_tree(make_trials(), (0.2, 0.3, 0.4), weights=(0.6, 0.4, 0.0))
    made = ll.plot_threshold(tree, backend=backend)
    assert {"interval_identity", "dropped", "average_optimum"} <= set(made.viz.children)


def test_plotly_shows_every_line_across_a_panel():
    pytest.importorskip("webcolors")
    figure = picture_of("forecast", "plotly", 6).get_viz("figure")
    assert len([shape for shape in figure.layout.shapes if shape.line.color == OBSERVED]) == 6
    figure = picture_of("tuning_curve", "plotly", 6).get_viz("figure")
    assert len(figure.layout.shapes) == 18
    assert figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    assert -1 < low < high < 4


def test_the_legend_names_what_is_drawn(backend):
    words = legend_of(picture_of("optimum", backend, 6))
    for label in ("best seen", "50 % interval", "posterior mean", "model-1"):
        assert label in words


def test_names_are_escaped(backend):
    trials = make_trials(searches=(("a", "<b>x</b>"), ("a", "y")))
    made = ll.plot_effective_dim(make_tree(trials, chains=2, draws=20), backend=backend)
    assert "&lt;b&gt;x&lt;/b&gt;" in legend_of(made)


def test_a_page_needs_no_network(backend, tmp_path):
    path = tmp_path / "forecast.html"
    save_picture(picture_of("forecast", backend, 1), path)
    page = path.read_text()
    assert "<script src=" not in page
    assert "best of the next m" in page


def test_a_warning_stands_over_the_figure(backend):
    made = ll.plot_optimum(make_tree(draws=30, divergences=2), backend=backend)
    assert "2 divergences" in made.viz["figure_title"].item().text


@pytest.mark.parametrize("name", ["tuning_curve", "forecast"])
def test_gaps_are_not_filled(backend, name):
    trials = make_trials(n=60, n_failed=40)
    made = PICTURES[name](make_tree(trials, tail_fraction=0.2, draws=30), backend=backend)
    drawn = made.viz["ci_band"].to_dataset().to_dataarray().squeeze().item()
    y = drawn.y if backend == "plotly" else drawn.data_source.data["y2"]
    assert np.isfinite(np.asarray(y, dtype=float)).all()


@every_plot
def test_a_model_has_one_colour_in_every_picture(name, three_models):
    styles = model_styles(three_models)
    made = PICTURES[name](three_models)
    assert colors_of(made, VISUALS[name][0]) == [styles[model].color for _, model in SEARCHES]


def test_a_search_without_trials_does_not_change_the_colours(three_models):
    # The first model has no panel in this picture.
    fewer = three_models.copy(deep=True)
    fewer["constant_data"]["n_trials"][[0, 3]] = 0
    made = ll.plot_tail_fit(fewer)
    styles = model_styles(three_models)
    assert colors_of(made, "fit_line") == [styles[name].color for name in "yyz"]
    words = legend_of(made).split()
    assert {"y", "z"} <= set(words)
    assert "x" not in words


def test_a_comparison_has_the_colour_of_the_better_model(three_models):
    # Each search is worse than the one before it.
    styles, made = model_styles(three_models), ll.plot_comparison(three_models)
    for row, better in (("a", "x"), ("b", "y")):
        artists = made.viz[f"difference {row}"].to_dataset().to_dataarray().squeeze()
        dot = artists.sel(pair="x better than y").item()
        assert to_hex(dot.get_facecolor()[0]).upper() == styles[better].color


def test_twenty_models_look_different():
    names = [f"model-{index}" for index in range(20)]
    posterior = xr.Dataset(coords={"search": names, "model": ("search", names)})
    styles = model_styles(xr.DataTree.from_dict({"posterior": posterior}))
    assert len(set(styles.values())) == 20
    assert not {MARK, OBSERVED} & {style.color for style in styles.values()}
    for one, other in itertools.pairwise(styles.values()):
        assert one.marker != other.marker
        assert one.color != other.color
    assert model_styles(tree_of(1)).popitem()[1].color == FIT


def test_intervals_end_where_their_numbers_do():
    """A projecting cap would add half the width of a line."""
    axes = ll.plot_comparison(tree_of(6)).get_viz("figure").axes
    lines = [line for panel in axes for line in panel.lines if line.get_linewidth() > 1]
    assert lines
    assert {artist.get_solid_capstyle() for artist in lines} == {"butt"}
    plt.close("all")
