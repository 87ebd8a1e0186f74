"""Every picture on plotly and bokeh, for one and for many searches, with its legend and limits."""

import functools

import numpy as np
import pytest
from helpers import make_averaged_tree, make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.plots.gallery import PICTURES, save_picture
from leadline.plots.style import OBSERVED


@functools.cache
def tree_of(number, integer=False):
    """Return a fit of some searches, up to five tasks per model, with few draws."""
    searches = tuple((f"task-{i % 5}", f"model-{i // 5}") for i in range(number))
    return make_tree(make_trials(searches=searches), chains=2, draws=20, integer=integer)


@functools.cache
def picture_of(name, backend, number):
    """Return a picture, drawn once for all tests."""
    return PICTURES[name](tree_of(number), backend=backend)


def legend_of(picture):
    """Return the text of a legend."""
    figure = picture.get_viz("figure")
    if picture.backend == "plotly":
        return " ".join(trace.name for trace in figure.data if trace.showlegend)
    from bokeh.models.widgets import Div

    return " ".join(part.text for part in figure.select({"type": Div}))


@pytest.fixture(params=["plotly", "bokeh"])
def backend(request):
    for package in {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}[request.param]:
        pytest.importorskip(package)
    return request.param


@pytest.mark.parametrize(
    ("name", "number"),
    [(name, number) for name in PICTURES for number in (1, 6) if name != "threshold"],
)
def test_every_picture_is_drawn(backend, name, number):
    if name == "comparison" and number == 1:
        pytest.skip("one model has nothing to be compared with")
    made = picture_of(name, backend, number)
    assert made.backend == backend
    assert made.viz["plot"].size == (1 if name == "comparison" else number)


def test_bars_and_thresholds_are_drawn(backend):
    made = PICTURES["effective_dim"](tree_of(2, integer=True), backend=backend)
    assert made.viz["probability"].to_dataset().sizes["search"] == 2
    tree = make_averaged_tree(make_trials(), (0.2, 0.3, 0.4), weights=(0.6, 0.4, 0.0))
    made = PICTURES["threshold"](tree, backend=backend)
    assert {"interval_identity", "dropped", "average_optimum"} <= set(made.viz.children)


def test_plotly_shows_every_line_across_a_panel():
    pytest.importorskip("webcolors")
    figure = picture_of("forecast", "plotly", 20).get_viz("figure")
    assert len([shape for shape in figure.layout.shapes if shape.line.color == OBSERVED]) == 20
    figure = picture_of("tuning_curve", "plotly", 20).get_viz("figure")
    assert len(figure.layout.shapes) == 60
    assert figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    assert -1 < low < high < 4


def test_the_legend_names_what_is_drawn(backend):
    words = legend_of(picture_of("optimum", backend, 6))
    for label in ("best seen", "50 % interval", "posterior mean", "model-1"):
        assert label in words


def test_names_are_escaped(backend):
    trials = make_trials(searches=(("a", "<b>x</b>"), ("a", "y")))
    made = PICTURES["effective_dim"](make_tree(trials, chains=2, draws=20), backend=backend)
    assert "&lt;b&gt;x&lt;/b&gt;" in legend_of(made)


def test_a_page_needs_no_network(backend, tmp_path):
    path = tmp_path / "forecast.html"
    save_picture(picture_of("forecast", backend, 1), path)
    page = path.read_text()
    assert "<script src=" not in page
    assert "best of the next m" in page


def test_a_warning_stands_over_the_figure(backend):
    made = PICTURES["optimum"](make_tree(draws=30, divergences=2), backend=backend)
    assert "2 divergences" in made.viz["figure_title"].item().text


@pytest.mark.parametrize("name", ["tuning_curve", "forecast"])
def test_gaps_are_not_filled(backend, name):
    trials = make_trials(n=60, n_failed=40)
    made = PICTURES[name](make_tree(trials, tail_fraction=0.2, draws=30), backend=backend)
    drawn = made.viz["ci_band"].to_dataset().to_dataarray().squeeze().item()
    y = drawn.y if backend == "plotly" else drawn.data_source.data["y2"]
    assert np.isfinite(np.asarray(y, dtype=float)).all()


@pytest.mark.parametrize("name", PICTURES)
def test_an_unknown_backend_is_one_line(name):
    tree = tree_of(6)
    if name == "threshold":
        tree = make_averaged_tree(make_trials(), (0.2, 0.3), weights=(0.6, 0.4))
    with pytest.raises(LeadlineError, match="plotly") as error:
        PICTURES[name](tree, backend="foo")
    assert "foo" in str(error.value)
