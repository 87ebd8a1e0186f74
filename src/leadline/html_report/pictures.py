"""The report's pictures: functions from the dictionary of `report_data` to SVG."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from leadline.html_report.drawing import INK, as_svg, figure, model_color, named, plain_axis, short
from leadline.html_report.formats import estimate, number, percent

_ROW, _FRAME = 0.34, 0.55
_BETTER = {"minimize": "lower is better", "maximize": "higher is better"}
# A curve goes to ten times the trials that were run, or as far as the slider.
_EXTRAPOLATED = 10
_ON_TASK = "#0072B2"
# Pairs beyond these are in the table alone.
_MOST_PAIRS = 12


@dataclass(frozen=True)
class Picture:
    """A picture and where its axes are.

    Attributes
    ----------
    name : str
        What it is of.
    svg : str
        The element.
    frame : mapping
        `x0`, `x1`, `y0`, `y1`, the ends of the axes in the units of the picture, and `k0`, `k1`,
        the budgets at `x0` and `x1`; empty where no mark moves over it.
    """

    name: str
    svg: str
    frame: Mapping[str, float]


def optimum_pictures(data: Mapping[str, Any]) -> list[Picture]:
    """Return a picture for each task: the optimum of each search on it, and the best seen."""
    searches, models = data["searches"], model_names(data)
    result = []
    for number_of_task, task in enumerate(dict.fromkeys(one["task"] for one in searches)):
        places = [place for place, one in enumerate(searches) if one["task"] == task]
        titles = {}
        with figure(4.2, _ROW * len(places) + _FRAME) as drawn:
            axes = drawn.subplots()
            for row, place in enumerate(places):
                one = searches[place]
                optimum, color = one["optimum"], model_color(models, one["model"])
                ends, inner = (
                    [optimum[f"{which}lower"], optimum[f"{which}upper"]] for which in ("", "inner_")
                )
                part = f"search-{place}"
                for artist in (
                    *axes.plot(ends, [-row, -row], color=color, lw=1.5),
                    *axes.plot(inner, [-row, -row], color=color, lw=5, solid_capstyle="butt"),
                    *axes.plot(optimum["mean"], -row, "o", ms=4.5, mfc="white", mec=color, mew=1.3),
                    *axes.plot(one["best_seen"], -row, "d", ms=5.5, color=INK, mew=0),
                ):
                    named(artist, part)
                best = number(one["best_seen"], optimum["decimals"])
                titles[part] = f"{one['name']}: optimum {estimate(optimum)}, best seen {best}"
            labels = [short(searches[place]["model"]) for place in places]
            axes.set_yticks([-row for row in range(len(places))], labels)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.set_ylim(-len(places) + 0.4, 0.6)
            plain_axis(axes, "x")
            label = f"The optimum of each search on {task}, with its interval and the best seen"
            svg = as_svg(drawn, f"optimum{number_of_task}", label, titles)
        result.append(Picture(task, svg, {}))
    return result


def curve_picture(data: Mapping[str, Any], place: int) -> Picture:
    """Return the picture of one search: expected score of the best of k trials, against k."""
    search, curves = data["searches"][place], data["curves"]
    color = model_color(model_names(data), search["model"])
    trials = search["trials"]
    # From where the median best is past every threshold that counts; without trials, nobody knows.
    first = max(1.0, math.log(2.0) / search["tail_fraction"][0]) if trials else 10.0
    last = max(_EXTRAPOLATED * trials, 10 * first) if trials else 1000.0
    shown = [
        j
        for j, budget in enumerate(curves["budgets"])
        if first <= budget <= last and curves["mean"][place][j] is not None
    ]
    mean, lower, upper = (
        [curves[name][place][j] for j in shown] for name in ("mean", "lower", "upper")
    )
    budgets = [curves["budgets"][j] for j in shown]
    with figure(3.5, 2.3) as drawn:
        axes = drawn.subplots()
        axes.set_xscale("log")
        axes.fill_between(budgets, lower, upper, color=color, alpha=0.25, lw=0)
        axes.plot(budgets, mean, color=color, lw=1.8)
        axes.axhline(search["optimum"]["mean"], color=INK, lw=0.8, ls=(0, (4, 3)))
        if trials:
            axes.plot(trials, search["best_seen"], "d", ms=5.5, color=INK, mew=0)
        if budgets:
            axes.set_xlim(budgets[0], max(budgets[-1], trials))
        _counts_axis(axes)
        plain_axis(axes, "y")
        axes.set_xlabel("number of trials k")
        label = f"Expected score of the best of k trials of {search['name']}, against k"
        svg = as_svg(drawn, f"curve{place}", label)
        box, (low, high) = axes.get_window_extent(), axes.get_xlim()
        dpi, tall = drawn.dpi / 72.0, 72.0 * drawn.get_figheight()
    frame = {
        "x0": box.x0 / dpi,
        "x1": box.x1 / dpi,
        "y0": tall - box.y1 / dpi,
        "y1": tall - box.y0 / dpi,
        "k0": low,
        "k1": high,
    }
    return Picture(
        search["name"], svg, {name: round(float(value), 1) for name, value in frame.items()}
    )


def comparison_pictures(data: Mapping[str, Any]) -> list[Picture]:
    """Return a picture for each pair: how much better the first is, on each task and overall.

    Of many models, the pairs that the likeliest best is in.
    """
    comparison = data["comparison"]
    if comparison is None:
        return []
    pairs = comparison["pairs"]
    chances = [chance or 0.0 for chance in comparison["p_best"]]
    favourite = comparison["models"][chances.index(max(chances))]
    if len(pairs) > _MOST_PAIRS:
        pairs = [pair for pair in pairs if favourite in (pair["first"], pair["second"])]
    result = []
    for place, pair in enumerate(pairs[:_MOST_PAIRS]):
        columns = [column for column in pair["columns"] if column["difference"] is not None]
        name = f"{pair['first']} against {pair['second']}"
        titles = {}
        with figure(3.6, 0.26 * max(len(columns), 1) + _FRAME + 0.2) as drawn:
            axes = drawn.subplots()
            axes.axvline(0.0, color=INK, lw=0.6)
            for row, column in enumerate(columns):
                color = _ON_TASK if column["kind"] == "task" else INK
                ends = [column["lower"], column["upper"]]
                for artist in (
                    *axes.plot(ends, [-row, -row], color=color, lw=1.8),
                    *axes.plot(column["difference"], -row, "o", ms=4.5, color=color, mew=0),
                ):
                    named(artist, f"row-{row}")
                better = percent(column["p_better"][0])
                titles[f"row-{row}"] = f"{column['label']}: better with probability {better}"
            axes.set_yticks(
                [-row for row in range(len(columns))], [short(one["label"]) for one in columns]
            )
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.set_ylim(-len(columns) + 0.4, 0.6)
            plain_axis(axes, "x", most=6)
            axes.set_xlabel("difference in task scales")
            svg = as_svg(drawn, f"pair{place}", f"How much better {name}", titles)
        result.append(Picture(name, svg, {}))
    return result


def model_names(data: Mapping[str, Any]) -> list[str]:
    """Return the models, in the order of the searches."""
    return list(dict.fromkeys(one["model"] for one in data["searches"]))


def better_words(data: Mapping[str, Any]) -> str:
    """Return which scores are good."""
    return _BETTER[data["direction"]]


def _counts_axis(axes: Axes) -> None:
    """Write numbers of trials on the horizontal axis, as 10, 100, 1,000."""
    low, high = axes.get_xlim()
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 50 else (1, 3) if high / low < 300 else (1,)
    ticks = [step * 10**power for power in powers for step in steps]
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
