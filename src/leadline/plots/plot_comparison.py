"""`plot_comparison`: difference of each pair of models, on each task and overall."""

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x, vline, vspan

from leadline.plots.figures import Options, limits, make_figure
from leadline.plots.legend import make_entry
from leadline.plots.page import fit_columns, fit_size, text_scale
from leadline.plots.picture import Picture, Visuals, make_caption
from leadline.plots.style import FIT, OBSERVED, QUIET, Style, model_styles
from leadline.stats.compare import compare_once
from leadline.stats.comparison_sentences import (
    LEAST,
    conditions,
    likeliest,
    mean_scale,
    short_doubts,
)
from leadline.stats.diagnostics import convergence
from leadline.stats.rounding import percent

# Rows beside the tasks, each with the suffix of its variables in `leadline.compare`.
_SUMMARY_ROWS = {"overall": "_overall", "a new task": "_new_task"}
_IN_SCORES = {"overall": "_in_scores", "a new task": "_in_scores_new_task"}
_SOURCES = {
    "difference": "difference{}",
    "lower": "difference{}_lower",
    "upper": "difference{}_upper",
    "p_better": "p_better{}",
    "p_equal": "p_equal{}",
    "p_worse": "p_worse{}",
}
_KINDS = ("better", "equal", "worse")
_MOST_COLUMNS = 3
_MOST_RATIO = 10.0
"""Tasks whose scales differ by a larger factor do not share an axis in score units."""

_MOST_CHARACTERS = 34
_SETTLED, _UNDECIDED, _EQUAL = Style(FIT, "C0"), Style(QUIET, "C0"), Style(OBSERVED, "C0")


def comparison_numbers(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_comparison`.

    Parameters
    ----------
    tree, by, budget, rope, ci_prob
        As in `leadline.compare`, with its errors.

    Returns
    -------
    Dataset
        Dims (pair, row): `difference`, `lower` and `upper`, positive where the first of the pair
        is better; `p_better`, `p_equal`, `p_worse`; and `label`, the name of the row with them.
        Dims (pair): `first`, `second`, and `axis`, which score is subtracted from which. Rows are
        the tasks, overall and a new task; rows without a figure for any pair are left out.
        Differences are in score units, overall those of `difference_in_scores` and on a new task of
        `difference_in_scores_new_task`; all are in task scales if one of these is more than ten
        times another, as for tasks with other metrics.
        ``attrs`` hold `ci_prob`, `unit`, and the `rope`, 0 where it has another unit.

    Examples
    --------
    >>> ll.comparison_numbers(fit, rope=0.01)["p_equal"].dims
    ('pair', 'row')
    """
    comparison = compare_once(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    numbers = tabulate_pairs(comparison, by, rope, in_scores=_share_an_axis(comparison))
    return numbers.isel(row=numbers["difference"].notnull().any("pair").to_numpy())


def _share_an_axis(comparison: xr.Dataset) -> bool:
    """Return whether differences on all tasks can be read on one axis in score units."""
    scale = comparison["scale"].to_numpy()
    scale = scale[np.isfinite(scale)]
    return len(scale) > 0 and float(scale.max() / scale.min()) <= _MOST_RATIO


def tabulate_pairs(
    comparison: xr.Dataset,
    by: Literal["model", "task"] = "model",
    rope: float = 0.0,
    *,
    in_scores: bool = False,
) -> xr.Dataset:
    """Return the numbers of every row, of what `leadline.compare` returned.

    Differences are in task scales, or in score units if `in_scores`. Those of tasks are in score
    units.
    """
    context = "task" if by == "model" else "model"
    items = comparison[by].to_numpy().astype(str)
    names = comparison[context].to_numpy().astype(str)
    pairs = list(itertools.combinations(items, 2))
    # A single task has no row "overall".
    summaries = list(_SUMMARY_ROWS)[len(names) < 2 :]
    rows = [*names, *summaries]
    figures = {name: np.full((len(pairs), len(rows)), np.nan) for name in _SOURCES}
    in_scores = in_scores or by == "task"
    for name, source in _SOURCES.items():
        is_chance = name.startswith("p_")
        unit = 1.0 if is_chance or in_scores else comparison["scale"].to_numpy()
        suffixes = _SUMMARY_ROWS if is_chance or not in_scores else _IN_SCORES
        for i, (first, second) in enumerate(pairs):
            pair = comparison.sel({by: first, f"other_{by}": second})
            figures[name][i, : len(names)] = pair[source.format("")] / unit
            # By position, since a task may be called "overall".
            overall = [float(pair[source.format(suffixes[row])]) for row in summaries]
            figures[name][i, len(names) :] = overall
    labels = [
        [_label(row, own, rope) for row, *own in zip(rows, *chances, strict=True)]
        for chances in zip(*(figures[f"p_{kind}"] for kind in _KINDS), strict=True)
    ]
    metric = comparison.attrs["metric"]
    step = -1 if comparison.attrs["direction"] == "minimize" else 1
    scores = [[f"{metric} of {name}" for name in pair][::step] for pair in pairs]
    in_scales = "" if in_scores else ", in task scales"
    axes = [f"{' minus '.join(own)}{in_scales}" for own in scores]
    notes = [conditions(comparison), "dot and line: posterior mean and "]
    notes[-1] += f"{100 * comparison.attrs['ci_prob']:g} % interval"
    notes.append(f"numbers: P(better / {'practically equal / ' * (rope > 0)}worse)")
    if len(names) > 1 and by == "model":
        notes.append("overall, each task counts alike")
        if in_scores:
            new = comparison["p_better_new_task"].notnull().any()
            notes[-1] = (
                f"overall{' and on a new task' * bool(new)}: in task scales, so that tasks count "
                f"alike, times their harmonic mean, {mean_scale(comparison):.3g}"
            )
    if not in_scores:
        notes.append("a task scale is about the spread of the good scores on a task")
    notes += short_doubts(comparison)
    return xr.Dataset(
        {
            **{name: (("pair", "row"), values) for name, values in figures.items()},
            "label": (("pair", "row"), labels),
            "axis": ("pair", axes),
            "first": ("pair", [first for first, _ in pairs]),
            "second": ("pair", [second for _, second in pairs]),
        },
        {"pair": [f"{first} better than {second}" for first, second in pairs], "row": rows},
        attrs={
            "ci_prob": comparison.attrs["ci_prob"],
            "conditions": "; ".join(notes),
            "rope": rope if in_scores else 0.0,
            "unit": f"difference in {metric}{in_scales}",
        },
    )


def plot_comparison(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
) -> PlotCollection:
    """Plot the difference of each pair: one panel per pair, one row per task, and overall.

    To the right of the line at 0 the first is better, and in the band both are practically equal.
    A row has the colour and the marker of the model that is better with probability 0.6 or more, is
    black if both are practically equal with that probability, and else grey, by the rule of
    `leadline.comparison_sentences`. Differences are in score units, or in task scales where tasks
    are too different to share an axis: see `leadline.comparison_numbers`. The numbers beside the
    rows are P(better), with a `rope` P(practically equal), and P(worse).

    Parameters
    ----------
    tree, by, budget, rope, ci_prob
        As in `leadline.compare`, with its errors.
    backend, figure_kwargs
        As in all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `interval` (`line_x`), `difference` (`scatter_x`), `rope` (`vspan`), `zero` (`vline`),
        `legend`, `caption`, `title`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_comparison(fit, budget=50, rope=0.01)
    """
    numbers = comparison_numbers(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    pairs = numbers.sizes["pair"]
    longest = max(len(str(label)) for label in numbers["label"].to_numpy().ravel())
    width = 3.0 + 0.07 * longest
    columns = fit_columns(min(pairs, _MOST_COLUMNS), width)
    height = 0.32 * numbers.sizes["row"] + 1.3
    inches = fit_size((width * columns, 0.0))[0] / text_scale()
    caption = math.ceil(len(make_caption(tree, numbers.attrs["conditions"])) / (15 * inches))
    # A warning of sampling is above the panels.
    rest = 0.6 + 0.25 * caption + 0.5 * (not convergence(tree).ok)
    size = (width * columns, height * math.ceil(pairs / columns) + rest)
    spaces = (0.3 + 0.075 * longest, 0.75 if pairs > columns else 0.0)
    data = numbers[["difference"]].isel(row=0, drop=True)
    facets = {"cols": ["pair"], "col_wrap": columns}
    options = Options(None, backend, visuals, figure_kwargs, {})
    collection = make_figure(data, size, options, facets, spaces=spaces)
    picture = Picture(collection, tree, [], visuals)
    return draw_comparison(picture, numbers, model_styles(tree) if by == "model" else {})


def draw_comparison(
    picture: Picture, numbers: xr.Dataset, styles: Mapping[str, Style]
) -> PlotCollection:
    """Draw what `comparison_numbers` returned, in one panel per pair.

    `styles` holds the style of each model; it is empty for a comparison of tasks.
    """
    rows = numbers["row"].to_numpy()
    colors, markers = choose_styles(numbers, styles)
    heights = -np.arange(len(rows), dtype=float)
    for row, name in enumerate(rows):
        differences = numbers.isel(row=row, drop=True)
        color, marker = (part.isel(row=row, drop=True) for part in (colors, markers))
        at, line = {"y": heights[row]}, {"color": color, "width": 2}
        ends = xr.concat([differences["lower"], differences["upper"]], "ci_bound")
        ends = ends.rename("difference")
        picture.draw(f"interval {name}", line_x, ends, line, at, option="interval")
        dot = {"color": color, "facecolor": color, "marker": marker}
        middle = differences["difference"]
        picture.draw(
            f"difference {name}", scatter_x, middle, dot, at, kind="dot", option="difference"
        )
    zero = 0 * numbers["difference"].isel(row=0, drop=True)
    if rope := numbers.attrs["rope"]:
        band = xr.concat([zero - rope, zero + rope], "end").transpose(..., "end")
        words: dict[str, Any] = {"label": f"practically equal: up to {rope:g}", "kind": "band"}
        picture.draw("rope", vspan, band, {"color": QUIET, "alpha": 0.2}, **words)
    picture.draw("zero", vline, zero, {"color": QUIET, "width": 1})
    x_limits = limits(-rope, rope, numbers["lower"], numbers["upper"])
    names = numbers["pair"].to_numpy()
    longest = max(len(str(label)) for label in numbers["label"].to_numpy().ravel())
    room = picture.characters(picture.target(pair=names[0]), 0.08 * longest, _MOST_CHARACTERS + 10)
    for pair in names:
        target = picture.target(pair=pair)
        labels = [str(label) for label in numbers["label"].sel(pair=pair).to_numpy()]
        picture.module.yticks(heights.tolist(), labels, target)
        picture.module.ylim((-len(rows) + 0.4, 0.6), target)
        picture.module.xlim(x_limits, target)
        if picture.backend == "matplotlib":
            # The labels of more would touch.
            target.locator_params(axis="x", nbins=max(2, min(5, room // 7)))
        first, second = (str(numbers[name].sel(pair=pair).item()) for name in ("first", "second"))
        if picture.options("title") is not None:
            picture.add_title(f"Is {first} better than {second}?", target, min(room, 32))
        axis = str(numbers["axis"].sel(pair=pair).item())
        parts = [axis] if len(axis) <= room else axis.replace(" minus ", "\nminus ").split("\n")
        parts.append(f"right of {'the band' if rope else '0'}, {first} is better")
        lines = [textwrap.fill(part, room, max_lines=2, placeholder=" …") for part in parts]
        label = "\n".join(lines)
        label = label.replace("\n", "<br>") if picture.backend == "plotly" else label
        picture.module.xlabel(label, target)
    entries = {f"{name} better: {LEAST} % or more": style for name, style in styles.items()}
    entries = entries or {f"one better: {LEAST} % or more": _SETTLED}
    entries[f"practically equal: {LEAST} % or more"] = _EQUAL
    entries["cannot be told apart"] = _UNDECIDED
    used = set(colors.to_numpy().ravel())
    entries = {label: style for label, style in entries.items() if style.color in used}
    picture.add_entries([make_entry(label, "dot", vars(entries[label])) for label in entries])
    return picture.finish(titles=False, conditions=numbers.attrs["conditions"])


def _label(row: str, chances: Sequence[float], rope: float) -> str:
    """Return a row with P(better), P(equal) if there is a rope, and P(worse)."""
    if not np.isfinite(chances[0]):
        return row
    shown = chances if rope > 0 else chances[::2]
    return f"{row}  {' / '.join(percent(own).removesuffix(' %') for own in shown)} %"


def choose_styles(
    numbers: xr.Dataset, styles: Mapping[str, Style]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return colours and markers, dims (pair, row): those of the likeliest, as in sentences."""

    def choose(first: str, second: str, *chances: float) -> Style:
        found = likeliest(*chances)
        better = styles.get(first if found == "better" else second, _SETTLED)
        return {"": _UNDECIDED, "equal": _EQUAL}.get(found, better)

    names = (numbers[name].to_numpy().tolist() for name in ("first", "second"))
    rows = (numbers[f"p_{kind}"].transpose("pair", "row").to_numpy().tolist() for kind in _KINDS)
    chosen = [
        [choose(first, second, *chances) for chances in zip(*own, strict=True)]
        for first, second, *own in zip(*names, *rows, strict=True)
    ]
    colors = [[style.color for style in row] for row in chosen]
    markers = [[style.marker for style in row] for row in chosen]
    like = numbers["p_better"].transpose("pair", "row")
    return like.copy(data=colors), like.copy(data=markers)
