"""Pictures of the report: those of `leadline.plots`, one small SVG element each.

Arguments are `tree`, the result of a fit, and `data`, its `report_data`.
"""

import math
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from leadline.html_report.formats import estimate, number
from leadline.html_report.sliders import BUDGETS
from leadline.html_report.svg import PART, to_svg
from leadline.plots.picture import Picture, Visuals
from leadline.plots.plot_comparison import comparison_numbers, draw_comparison
from leadline.plots.plot_optimum import draw_optimum, optimum_numbers
from leadline.plots.plot_ranks import RANK_PANEL, draw_ranks, ranks_numbers
from leadline.plots.plot_scaling import draw_scaling, scaling_numbers
from leadline.plots.plot_surface import draw_surface, score_limits, surface_numbers
from leadline.plots.plot_tuning_curve import draw_tuning_curve
from leadline.plots.style import model_styles
from leadline.stats.scaling_law import has_law
from leadline.stats.scaling_sentences import short

_SETTINGS = {
    # Text stays text: small, and in the typeface of the page.
    "svg.fonttype": "none",
    # A name may hold dollar signs.
    "text.parse_math": False,
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "savefig.transparent": True,
}
# The caption of the page replaces these.
_PLAIN: Visuals = {"legend": False, "warning": False, "title": False}
# Fifty points draw a density as well as two hundred in a picture of this size.
_DENSITY_STEP = 4
_EXTRAPOLATION = 10
# Further pairs are in the table alone.
_MOST_PAIRS = 12
_LABEL_CHARACTERS = 20
_MOST_LINES = 3


@dataclass(frozen=True)
class Drawing:
    """A picture of the page: its caption `name`, and the element `svg`.

    `frame` is empty where no mark moves over the picture. It holds `x0`, `x1`, `y0`, `y1`, the
    ends of the axes in the units of the picture, and `k0`, `k1`, the budgets at `x0` and `x1`.
    """

    name: str
    svg: Markup
    frame: Mapping[str, float] = field(default_factory=dict)


def draw_optima(tree: xr.DataTree, data: Mapping[str, Any]) -> list[Drawing]:
    """Return one picture per task: optimum and best seen of each search on the task."""
    numbers = optimum_numbers(tree).isel(point=slice(None, None, _DENSITY_STEP))
    searches, result = data["searches"], []
    for index, task in enumerate(dict.fromkeys(search["task"] for search in searches)):
        rows = [row for row, search in enumerate(searches) if search["task"] == task]
        titles = {}
        with _panels((4.2, 0.5 * len(rows) + 0.55), "search", numbers["search"][rows]) as panels:
            picture = Picture(panels, tree, panels.viz["search"].to_numpy(), _PLAIN)
            draw_optimum(picture, numbers.isel(search=rows))
            for axes, row in zip(panels.viz["plot"].to_numpy(), rows, strict=True):
                search, last = searches[row], row == rows[-1]
                axes.set_gid(f"{PART}search-{row}")
                best = number(search["best_seen"], search["optimum"]["decimals"])
                optimum = estimate(search["optimum"])
                titles[f"search-{row}"] = f"{search['name']}: optimum {optimum}, best seen {best}"
                axes.set_yticks(axes.get_yticks(), [_shorten(search["model"])] * (len(rows) > 1))
                axes.tick_params(axis="y", length=0)
                axes.tick_params(axis="x", labelbottom=last, length=3.5 if last else 0)
                axes.spines["left"].set_visible(False)
                axes.spines["bottom"].set_visible(last)
                _simplify(axes.xaxis)
            label = f"Optimum of each search on {task}, with its interval and the best seen"
            svg = to_svg(panels.get_viz("figure"), f"optimum{index}", label, titles)
        result.append(Drawing(task, svg))
    return result


def draw_curves(tree: xr.DataTree, data: Mapping[str, Any], numbers: xr.Dataset) -> list[Drawing]:
    """Return one picture per search: `numbers`, those of `curve_numbers`, against k."""
    result = []
    for index, search in enumerate(data["searches"]):
        trials = search["trials"]
        # The median best of k is beyond every threshold; unknown for a search without trials.
        first = max(1.0, math.log(2.0) / search["tail_fraction"][0]) if trials else 10.0
        last = max(_EXTRAPOLATION * trials, 10 * first) if trials else 1000.0
        first = min(first, BUDGETS[-1] / 10)
        curve = numbers.isel(search=[index]).sel(budget=slice(first, last))
        known = curve["curve"].notnull().any("search").to_numpy()
        curve = curve.isel(budget=known) if known.any() else curve
        ends = slice(int(curve["budget"][0]), max(int(curve["budget"][-1]), trials))
        curve = curve.sel(observed_budget=ends)
        with _panels((3.5, 2.3), "search", curve["search"]) as panels:
            draw_tuning_curve(Picture(panels, tree, curve["search"].to_numpy(), _PLAIN), curve)
            axes = panels.viz["plot"].item()
            axes.set_ylabel("")
            axes.set_xlim(right=max(axes.get_xlim()[1], trials))
            _tick_counts(axes)
            _simplify(axes.yaxis)
            label = f"Expected score of the best of k trials of {search['name']}, against k"
            figure = panels.get_viz("figure")
            svg = to_svg(figure, f"curve{index}", label)
            result.append(Drawing(search["name"], svg, _measure_frame(figure, axes)))
    return result


def draw_pairs(
    tree: xr.DataTree, data: Mapping[str, Any], budget: float | None = None, rope: float = 0.0
) -> list[Drawing]:
    """Return one picture per pair of models: differences on each task and overall.

    If there are many pairs, those with the model most likely to be the best are drawn.
    """
    comparison = data["comparison"]
    if comparison is None:
        return []
    numbers = comparison_numbers(tree, budget=budget, rope=rope)
    styles, result = model_styles(tree), []
    chances = [chance or 0.0 for chance in comparison["p_best"]]
    favourite = comparison["models"][chances.index(max(chances))]
    members = [(pair["first"], pair["second"]) for pair in comparison["pairs"]]
    pairs = list(range(len(members)))
    if len(pairs) > _MOST_PAIRS:
        pairs = [index for index in pairs if favourite in members[index]]
    for index in pairs[:_MOST_PAIRS]:
        pair = numbers.isel(pair=[index])
        pair = pair.isel(row=np.isfinite(pair["difference"].to_numpy()[0]))
        height = 0.26 * max(pair.sizes["row"], 1) + 1.5
        name = " against ".join(members[index])
        with _panels((3.6, height), "pair", pair["pair"]) as panels:
            if pair.sizes["row"]:
                draw_comparison(Picture(panels, tree, [], _PLAIN), pair, styles)
            axes = panels.viz["plot"].item()
            names = zip(pair["row"].to_numpy(), pair["label"].to_numpy()[0], strict=True)
            labels = [_shorten(row) + label.removeprefix(row) for row, label in names]
            axes.set_yticks(-np.arange(len(labels)), labels)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            _simplify(axes.xaxis)
            svg = to_svg(panels.get_viz("figure"), f"pair{index}", f"How much better {name}")
        result.append(Drawing(name, svg))
    return result


def draw_rank_picture(tree: xr.DataTree, budget: float | None = None, rope: float = 0.0) -> Drawing:
    """Return the picture of the mean rank of each model over the tasks."""
    numbers = ranks_numbers(tree, budget=budget, rope=rope)
    height = 0.3 * numbers.sizes["item"] + 0.14 * numbers.sizes["group"] + 0.9
    facets = xr.DataArray([RANK_PANEL], dims="picture")
    with _panels((4.2, height), "picture", facets) as panels:
        draw_ranks(Picture(panels, tree, [], _PLAIN), numbers, model_styles(tree))
        axes = panels.viz["plot"].item()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _simplify(axes.xaxis)
        label = "Mean rank of each model over the tasks, the best first"
        return Drawing("Mean rank over the tasks", to_svg(panels.get_viz("figure"), "ranks", label))


def draw_law(tree: xr.DataTree) -> list[Drawing]:
    """Return a picture of the scaling law for size and for data, none where a fit has no law."""
    if not has_law(tree):
        return []
    numbers, result = scaling_numbers(tree), []
    for index, name in enumerate(numbers["covariate"].to_numpy().astype(str)):
        own = numbers.isel(covariate=[index])
        with _panels((4.2, 2.8), "covariate", own["covariate"]) as panels:
            draw_scaling(Picture(panels, tree, [], _PLAIN), own)
            panels.viz["plot"].item().set_ylabel("")
            label = f"Optimum against {name}: the scaling law, the searches and their best seen"
            other, value = ("data" if name == "size" else "size"), float(own["other"][0])
            caption = f"{name}, at {other} {short(value)}" if np.isfinite(value) else name
            svg = to_svg(panels.get_viz("figure"), f"law{index}", label)
            result.append(Drawing(caption, svg))
    return result


def draw_slices(tree: xr.DataTree, search: str) -> list[Drawing]:
    """Return a picture per hyperparameter: the surface of a search along it."""
    numbers = surface_numbers(tree, search)
    limits = score_limits(numbers, tree)
    result = []
    for index, name in enumerate(numbers["hyperparameter"].to_numpy().astype(str)):
        own = numbers.isel(hyperparameter=[index])
        with _panels((3.0, 2.1), "hyperparameter", own["hyperparameter"]) as panels:
            draw_surface(Picture(panels, tree, [], _PLAIN), own, limits)
            axes = panels.viz["plot"].item()
            axes.set_ylabel("")
            _simplify(axes.yaxis)
            label = f"Expected score of {search} along {name}, the others at their best"
            salt = f"slice-{search}-{index}"
            result.append(Drawing(name, to_svg(panels.get_viz("figure"), salt, label)))
    return result


@contextmanager
def _panels(size: tuple[float, float], dim: str, facets: xr.DataArray) -> Iterator[PlotCollection]:
    """Yield a column of panels, one per facet, in a figure of so many inches.

    The settings of the caller do not apply: the same data give the same bytes. The figure is not
    one of pyplot, which would open a window on some backends.
    """
    names = facets.to_numpy().astype(str)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(names), squeeze=False)[:, 0]
        places = {"row_index": (dim, np.arange(len(names))), "col_index": (dim, [0] * len(names))}
        parts = {"figure": xr.DataArray(figure), "plot": (dim, axes), **places}
        viz = xr.Dataset(parts, {dim: names})
        data = xr.Dataset({"panel": (dim, np.zeros(len(names)))}, {dim: names})
        yield PlotCollection(data, xr.DataTree(viz), backend="matplotlib")


def _simplify(axis: Any) -> None:
    """Give an axis few ticks, with numbers written out."""
    axis.set_major_locator(MaxNLocator(4))
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-5, 6))
    axis.set_major_formatter(formatter)


def _tick_counts(axes: Axes) -> None:
    """Put round numbers of trials on the horizontal axis: 10, 100, 1,000."""
    low, high = axes.get_xlim()
    steps = (1, 2, 5) if high / low < 50 else (1, 3) if high / low < 300 else (1,)
    every = [step * 10**power for power in range(7) for step in steps]
    ticks = [tick for tick in every if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()


def _shorten(name: str) -> str:
    """Return a name on a few short lines, truncated where it is longer."""
    lines = textwrap.wrap(name, _LABEL_CHARACTERS, max_lines=_MOST_LINES, placeholder=" …")
    return "\n".join(lines)


def _measure_frame(figure: Figure, axes: Axes) -> dict[str, float]:
    """Return the ends of the axes in points from the top left, and the budgets there."""
    box, (low, high) = axes.get_window_extent(), axes.get_xlim()
    dpi, top = figure.dpi / 72.0, figure.bbox.height
    points = {"x0": box.x0 / dpi, "x1": box.x1 / dpi}
    points |= {"y0": (top - box.y1) / dpi, "y1": (top - box.y0) / dpi, "k0": low, "k1": high}
    return {name: round(float(value), 1) for name, value in points.items()}
