"""Figures for a page or a slide: their size, and what they name."""

import itertools
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from helpers import make_averaged_tree, make_tree, make_trials
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.cli.main import main
from leadline.inference.write_netcdf import file_of_tree
from leadline.plots.gallery import PICTURES, options_of, pictures_of, save_picture
from leadline.plots.page import PAGES, page

SEARCHES = tuple((task, model) for task in ("digits", "wine") for model in ("mlp", "forest"))


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=SEARCHES), chains=2, draws=50)


def words_of(made):
    """Return the caption, and the texts of the legend and of the axes."""
    figure = made.get_viz("figure")
    figure = figure.item() if isinstance(figure, np.ndarray) else figure
    (legend,) = figure.legends
    return " ".join(legend.get_title().get_text().split()), figure


def fits(figure, size):
    """Return whether a figure has the size and the font of a page."""
    labels = [label for axes in figure.axes for label in axes.get_xticklabels()]
    font = labels[0].get_fontsize()
    wide = figure.get_figwidth() == PAGES[size].width
    low = figure.get_figheight() <= PAGES[size].height
    return wide and low and font == pytest.approx(PAGES[size].font)


@pytest.mark.parametrize("size", PAGES)
def test_a_figure_is_as_wide_as_the_page(tree, size):
    with page(size):
        figure = words_of(ll.plot_optimum(tree))[1]
    assert fits(figure, size)
    plt.close("all")


def test_no_size_changes_nothing(tree):
    before = words_of(ll.plot_comparison(tree))[1].get_size_inches()
    with page(None):
        after = words_of(ll.plot_comparison(tree))[1].get_size_inches()
    np.testing.assert_array_equal(before, after)
    assert plt.rcParams["font.size"] == 10
    plt.close("all")


WIDE = ("comparison", "ranks", "forecast", "tuning_curve")
FAILED = "1 check failed: edges of the space (learning_rate, weight_decay)"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *itertools.product(WIDE, [*PAGES, None]),
        *((name, "single-column") for name in ("optimum", "effective_dim", "tail_fit")),
    ],
)
def test_no_words_are_cut_at_the_edge_of_the_figure(name, size):
    """Those of doubts neither: sampling that has not converged, and checks that failed."""
    searches = [
        (task, model) for task in ("breast-cancer", "wine") for model in ("boosting", "svm")
    ]
    tree = make_tree(make_trials(searches=tuple(searches)), chains=2, draws=50, divergences=2)
    tree.attrs["failed_checks"] = json.dumps([FAILED.split(": ")[1]])
    options = {"rope": 0.02} if name in ("comparison", "ranks") else {}
    with page(size):
        caption, figure = words_of(PICTURES[name](tree, **options))
        figure.canvas.draw()
    assert size is None or name == "ranks" or fits(figure, size)
    assert FAILED in caption
    warning = figure.get_suptitle()
    assert "not converged" in warning
    assert "divergences" in warning
    words = [
        own for axes in figure.axes for own in (axes.xaxis.label, axes.yaxis.label, axes.title)
    ]
    words += [axes.get_yticklabels()[0] for axes in figure.axes]
    words += [*figure.legends, figure._suptitle]
    for own in words:
        box = own.get_window_extent()
        # Half a character is less than the room between words.
        assert box.x0 > -5, own
        assert box.x1 < figure.bbox.width + 5, own
    plt.close("all")


@pytest.mark.parametrize("name", ["optimum", "effective_dim"])
def test_a_long_legend_leaves_room_for_the_panels(name):
    """A fit with warnings, failed checks, repeated trials and two models."""
    with xr.open_datatree(Path(__file__).parents[1] / "data" / "crossed.nc") as tree:
        with page("single-column"):
            figure = words_of(PICTURES[name](tree))[1]
            figure.canvas.draw()
        heights = [own.get_window_extent().height for own in figure.axes]
        assert min(heights) > 1.5 * PAGES["single-column"].font * figure.dpi / 72
        assert figure.get_figheight() <= PAGES["single-column"].height
    plt.close("all")


@pytest.mark.parametrize("size", PAGES)
def test_ticks_of_a_comparison_do_not_touch(tree, size):
    with page(size):
        figure = words_of(ll.plot_comparison(tree, rope=0.02))[1]
        figure.canvas.draw()
    boxes = [own.get_window_extent() for own in figure.axes[0].get_xticklabels()]
    gaps = [right.x0 - left.x1 for left, right in itertools.pairwise(boxes)]
    # A third of a character, and more.
    assert min(gaps) > 0.2 * boxes[0].height
    plt.close("all")


@pytest.mark.parametrize(("size", "dots"), [(None, 150), ("single-column", 300)])
def test_a_png_for_a_page_has_the_dots_of_print(tree, tmp_path, size, dots):
    with page(size):
        collection = ll.plot_comparison(tree)
        save_picture(collection, tmp_path / "own.png")
    width = plt.imread(tmp_path / "own.png").shape[1]
    assert width == pytest.approx(dots * words_of(collection)[1].get_figwidth(), abs=1)


def test_rows_of_panels_share_one_label(tree):
    figure = words_of(ll.plot_forecast(tree))[1]
    assert "log_loss" in figure.get_supylabel()
    assert not any(axes.get_ylabel() for axes in figure.axes)
    plt.close("all")


def test_the_caption_says_that_an_interval_is_cut_by_the_axis(tree):
    assert "beyond the axis" in words_of(ll.plot_forecast(tree, [1, 100]))[0]
    assert "beyond the axis" not in words_of(ll.plot_forecast(tree, [1000, 2000]))[0]


def test_the_caption_names_budget_rope_interval_trials_and_models(tree):
    caption, _ = words_of(ll.plot_comparison(tree, budget=30, rope=0.02, ci_prob=0.8))
    for words in (
        "480 trials (40 without a score) of",
        "2 models",
        "4 searches",
        "30 trials each",
        "0.02",
        "80 %",
    ):
        assert words in caption
    caption, _ = words_of(ll.plot_surface(make_surface_tree()))
    assert caption.startswith("44 of 45 trials (1 without a score) of 1 model")
    caption, _ = words_of(ll.plot_forecast(tree, [20], minimum_gain=0.01))
    assert "0.01" in caption
    caption, _ = words_of(ll.plot_optimum(tree, visuals={"caption": False}))
    assert caption == ""
    plt.close("all")


def test_the_tuning_curve_marks_the_budget_and_says_its_score():
    alone = make_tree(make_trials(), chains=2, draws=50)
    made = ll.plot_tuning_curve(alone, budget=5000, ci_prob=0.8)
    caption, figure = words_of(made)
    score = float(ll.tuning_curve(alone, [5000], kind="expected").mean())
    assert f"after 5000 trials {score:.3f}"[:-1] in caption
    assert "80 % interval" in caption
    line = made.viz["budget"].to_dataset().to_dataarray().item()
    assert line.get_xdata()[0] == 5000
    assert figure.axes[0].get_xlim()[1] > 5000
    plt.close("all")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_comparison_names_what_is_compared_and_which_way_is_better(direction):
    both = make_tree(make_trials(direction, searches=SEARCHES), chains=2, draws=50)
    _, figure = words_of(ll.plot_comparison(both))
    axes = figure.axes[0]
    assert axes.get_title() == "Is mlp better than forest?"
    first, second, better = axes.get_xlabel().split("\n")
    # If low scores are good, that of the better model is subtracted.
    names = ("forest", "mlp") if direction == "minimize" else ("mlp", "forest")
    assert (first.split()[-1], second.split()[-1]) == names
    assert second.startswith("minus")
    assert "mlp is better" in better
    plt.close("all")


def test_tasks_too_different_for_one_axis_are_in_task_scales(tree):
    scales = {"digits": 1.0, "wine": 20.0}
    pooled = {"task_scale": (("chain", "draw", "task"), np.ones((2, 50, 2)) * [1.0, 20.0])}
    wide = tree.copy()
    wide["pooled"] = xr.Dataset(pooled, {"task": list(scales)})
    numbers, found = ll.comparison_numbers(wide), ll.compare(wide)
    assert numbers.attrs["unit"] == "difference in log_loss, in task scales"
    pair = found.sel(model="mlp", other_model="forest", task="wine")
    difference = float(numbers["difference"].isel(pair=0).sel(row="wine"))
    assert difference == pytest.approx(float(pair["difference"]) / 20)


def test_a_few_numbers_of_trials_are_the_ticks_of_the_forecast(tree):
    _, figure = words_of(ll.plot_forecast(tree, [70]))
    ticks = [text.get_text().split("\n")[0] for text in figure.axes[0].get_xticklabels()]
    # The first number is where the median is on the axis.
    assert ticks == ["10", "70"]
    _, figure = words_of(ll.plot_forecast(tree, [12, 40]))
    ticks = [text.get_text().split("\n")[0] for text in figure.axes[0].get_xticklabels()]
    # 10 and 12 would touch.
    assert ticks == ["12", "40"]
    plt.close("all")


@pytest.mark.parametrize("trials", [None, [70]])
def test_a_forecast_shows_the_whole_median_and_the_gain_that_counts(tree, trials):
    made = ll.plot_forecast(tree, trials, minimum_gain=0.03)
    seen = ll.forecast_numbers(tree, [70])["best_seen"]
    for name in seen["search"].to_numpy().astype(str):
        low, high = made.get_target(None, {"search": name}).get_ylim()
        median, line = (
            made.viz[own].to_dataset().to_dataarray().sel(search=name).item().get_ydata()
            for own in ("median", "minimum_gain")
        )
        assert low < median.min() <= median.max() < high
        (axes,) = [own for own in plt.gcf().axes if own.get_title() == name]
        assert not any(text.get_text() for text in axes.get_xticklabels(minor=True))
        assert line[0] == pytest.approx(float(seen.sel(search=name)) - 0.03)
    plt.close("all")


def test_searches_on_one_task_share_limits(tree):
    _, figure = words_of(ll.plot_optimum(tree))
    limits = [axes.get_xlim() for axes in figure.axes[:4]]
    assert limits[0] == limits[1] != limits[2] == limits[3]
    plt.close("all")


def test_each_picture_takes_its_own_options(tree, tmp_path, monkeypatch):
    options = dict.fromkeys(("budget", "rope", "trials", "minimum_gain", "ci_prob"), 1)
    assert options_of("forecast", options).keys() == {"trials", "minimum_gain", "ci_prob"}
    assert options_of("tuning_curve", options).keys() == {"budget", "ci_prob"}
    assert options_of("comparison", options).keys() == {"budget", "rope", "ci_prob"}
    assert all("ci_prob" in options_of(name, options) for name in pictures_of(tree))
    monkeypatch.chdir(tmp_path)
    Path("fit.nc").write_bytes(file_of_tree(tree))
    own = ["--budget", "20", "--rope", "0.01", "--ci-prob", "0.5", "--trials", "30"]
    arguments = ["plot", "fit.nc", "comparison", "forecast", "--format", "svg", *own]
    assert main([*arguments, "--size", "single-column"]) == 0
    written = {path.name for path in (tmp_path / "leadline-pictures").iterdir()}
    assert written == {"comparison.svg", "forecast.svg"}


def test_thresholds_of_several_searches_fit_one_column():
    one = make_averaged_tree(make_trials(), (0.18, 0.3, 0.7), (0.3, 0.3, 0.4))
    both = xr.map_over_datasets(
        lambda own: (
            xr.concat([own, own.assign_coords(search=["again"])], "search", data_vars="minimal")
            if "search" in own.dims
            else own
        ),
        one,
    )
    with page("single-column"):
        figure = ll.plot_threshold(both).get_viz("figure")
        figure = figure.item() if isinstance(figure, np.ndarray) else figure
        figure.canvas.draw()
    for axes in figure.axes[-4:]:
        box = axes.xaxis.label.get_window_extent()
        assert box.x1 <= figure.bbox.x1
        low, high = axes.get_xlim()
        shown = [
            label.get_window_extent()
            for label, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
            if label.get_text() and low <= at <= high
        ]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(shown))
        # Half a marker beside the outermost thresholds.
        middle = axes.transData.transform([(0.18, 0.0), (0.7, 0.0)])[:, 0]
        room = 3.0 * 0.7 * figure.dpi / 72
        assert middle[0] - axes.bbox.x0 > room
        assert axes.bbox.x1 - middle[1] > room
    plt.close("all")


def test_names_beside_low_rows_do_not_touch():
    """Twelve searches, as of the demo, in one column of a page."""
    one = make_averaged_tree(make_trials(), (0.18, 0.3, 0.7), (0.3, 0.3, 0.4))
    names = [f"digits / boosting-{number:02}" for number in range(12)]
    twelve = xr.map_over_datasets(
        lambda own: (
            xr.concat(
                [own.assign_coords(search=[name]) for name in names], "search", data_vars="minimal"
            )
            if "search" in own.dims
            else own
        ),
        one,
    )
    with page("single-column"):
        figure = words_of(ll.plot_threshold(twelve))[1]
        figure.canvas.draw()
    labels = [own.yaxis.label for own in figure.axes if "digits" in own.get_ylabel()]
    boxes = [own.get_window_extent() for own in labels]
    assert len(boxes) == len(names)
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(boxes))
    plt.close("all")
