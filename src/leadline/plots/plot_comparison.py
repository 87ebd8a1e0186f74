"""`plot_comparison`: how much better one model is than another, on each task and overall."""

import itertools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz import rc_context
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x, vline

from leadline.answers.compare import compare
from leadline.plots.panels import (
    FIT,
    QUIET,
    Visuals,
    add_legend,
    add_warning,
    backend_module,
    backend_of,
    settings,
)

OVERALL, NEW_TASK = "overall", "a new task"
_SUFFIXES = {OVERALL: "_overall", NEW_TASK: "_new_task"}


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
    """Plot the difference of each pair: one panel a pair, one row a task, and overall.

    To the right of the line at 0 the first is better. Differences are in task scales (in score
    units for tasks compared), so that tasks with other metrics share an axis; the numbers beside
    the rows are P(better), and P(practically equal) with a `rope`.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    by, budget, rope, ci_prob
        As in `leadline.compare`.
    backend : str, optional
        "matplotlib", "bokeh" or "plotly". Default: ``arviz.rcParams["plot.backend"]``.
    visuals : mapping of str to mapping or False, optional
        Keyword arguments for, or False to leave out: `interval` (`line_x`), `difference`
        (`scatter_x`), `zero` (`vline`), `legend`, `warning`.
    figure_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        As `leadline.compare`.
    """
    found = comparison_rows(compare(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob))
    pairs, rows = found["pair"].to_numpy(), found["row"].to_numpy()
    backend = backend_of(None, backend)
    columns = min(len(pairs), 3)
    tall = 0.32 * len(rows) + 0.75
    longest = max(len(str(row)) for row in rows) + 12
    figure: dict[str, Any] = {
        "figsize": ((3.0 + 0.07 * longest) * columns, tall * -(-len(pairs) // columns) + 0.5),
        "figsize_units": "inches",
        "sharex": True,
    }
    if backend == "matplotlib":
        figure["layout"] = "constrained"
    with rc_context({"plot.max_subplots": None}):
        collection = PlotCollection.wrap(
            found[["difference"]].isel(row=0, drop=True),
            cols=["pair"],
            backend=backend,
            col_wrap=columns,
            figure_kwargs={**figure, **(figure_kwargs or {})},
        )
    legend: list[tuple[str, Mapping[str, Any]]] = []
    place = xr.DataArray(-np.arange(len(rows), dtype=float), {"row": rows}, dims="row")
    if (style := settings(visuals, "zero", color=QUIET, width=1)) is not None:
        collection.map(vline, "zero", data=0 * found["difference"].isel(row=0), **style)
    line = settings(visuals, "interval", color=FIT, width=2)
    dot = settings(visuals, "difference", color=FIT, facecolor=FIT, marker="o")
    for number, row in enumerate(rows):
        one = found.isel(row=number, drop=True)
        y = float(place[number])
        ends = xr.concat([one["lower"], one["upper"]], "ci_bound")
        if line is not None:
            collection.map(line_x, f"interval {row}", data=ends, y=y, **line)
        if dot is not None:
            collection.map(scatter_x, f"difference {row}", data=one["difference"], y=y, **dot)
    if line is not None:
        prob = 100 * found.attrs["ci_prob"]
        legend.append((f"posterior mean and {prob:g} % interval", line))
    module = backend_module(backend)
    for pair in pairs:
        target = collection.get_target(None, {"pair": pair})
        labels = [str(label) for label in found["label"].sel(pair=pair).to_numpy()]
        module.yticks(place.to_numpy().tolist(), labels, target)
        module.ylim((-len(rows) + 0.4, 0.6), target)
        module.title(str(pair), target, size="medium")
        module.xlabel(found.attrs["unit"], target)
    if settings(visuals, "legend") is not None and legend:
        add_legend(collection, legend)
    if settings(visuals, "warning") is not None:
        add_warning(collection, tree)
    return collection


def comparison_rows(comparison: xr.Dataset) -> xr.Dataset:
    """Return the numbers behind the picture, dims (pair, row).

    Parameters
    ----------
    comparison : Dataset
        What `leadline.compare` returned.

    Returns
    -------
    Dataset
        `difference`, `lower` and `upper`, positive where the first of the pair is better; and
        `label`, the row's name with P(better). Rows without a figure for any pair are left out.
    """
    by = comparison.attrs["by"]
    context = "task" if by == "model" else "model"
    items = comparison[by].to_numpy().astype(str)
    names = comparison[context].to_numpy().astype(str)
    scale = comparison["scale"].to_numpy()
    rope = comparison.attrs["rope"] > 0
    pairs = list(itertools.combinations(items, 2))
    rows = [*names, *([OVERALL] if len(names) > 1 else []), NEW_TASK]
    figures = {
        name: np.full((len(pairs), len(rows)), np.nan) for name in ("difference", "lower", "upper")
    }
    labels = np.full((len(pairs), len(rows)), "", dtype=object)
    for i, (first, second) in enumerate(pairs):
        pair = comparison.sel({by: first, f"other_{by}": second})
        for j, row in enumerate(rows):
            # A task may be called "overall".
            suffix = "" if j < len(names) else _SUFFIXES[row]
            part = pair if suffix else pair.sel({context: row})
            unit = 1.0 if suffix else scale[j]
            for name, source in (
                ("difference", f"difference{suffix}"),
                ("lower", f"difference{suffix}_lower"),
                ("upper", f"difference{suffix}_upper"),
            ):
                figures[name][i, j] = float(part[source]) / unit
            better, equal = (float(part[f"p_{kind}{suffix}"]) for kind in ("better", "equal"))
            if better == better:
                labels[i, j] = f"{row}  {100 * better:.0f} %"
                labels[i, j] += f" (equal {100 * equal:.0f} %)" if rope else ""
            else:
                labels[i, j] = row
    result = xr.Dataset(
        {
            **{name: (("pair", "row"), values) for name, values in figures.items()},
            "label": (("pair", "row"), labels.astype(str)),
        },
        {"pair": [f"{first} better than {second}" for first, second in pairs], "row": rows},
        attrs={
            "ci_prob": comparison.attrs["ci_prob"],
            "unit": "difference in task scales" if by == "model" else "difference in score units",
        },
    )
    known = np.isfinite(figures["difference"]).any(axis=0)
    return result.isel(row=np.flatnonzero(known))
