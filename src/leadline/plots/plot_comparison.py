"""`plot_comparison`: how much better one model is than another, on each task and overall."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz import rc_context
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x, vline

from leadline.plots.comparison_numbers import comparison_numbers
from leadline.plots.legend import Entry
from leadline.plots.panels import add_title, backend_of, figure_options, finish_figure, limits
from leadline.plots.picture import Picture, Visuals
from leadline.plots.style import FIT, QUIET, Look, model_looks

_MOST_COLUMNS = 3
_SETTLED, _OPEN = Look(FIT, "C0"), Look(QUIET, "C0")


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

    To the right of the line at 0 the first is better. Where the interval leaves 0 out, it has the
    colour and the mark of the model that is better. Differences are in task scales (in score
    units for tasks compared), so that tasks with other metrics share an axis; the numbers beside
    the rows are P(better), and P(practically equal) with a `rope`.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    by, budget, rope, ci_prob
        As in `leadline.compare`.
    backend, figure_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `interval` (`line_x`), `difference` (`scatter_x`), `zero` (`vline`), `legend`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        As `leadline.compare`.

    See Also
    --------
    leadline.comparison_numbers : The numbers behind it.
    """
    numbers = comparison_numbers(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    rows = numbers["row"].to_numpy()
    picture = Picture(_panels(numbers, backend_of(None, backend), figure_kwargs), tree, visuals)
    looks = _looks(numbers, model_looks(tree) if by == "model" else {})
    places = -np.arange(len(rows), dtype=float)
    for row, name in enumerate(rows):
        one = numbers.isel(row=row, drop=True)
        colors, markers = (look.isel(row=row, drop=True) for look in looks)
        ends = xr.concat([one["lower"], one["upper"]], "ci_bound").rename("difference")
        picture.draw(
            f"interval {name}",
            line_x,
            ends,
            {"y": places[row]},
            option="interval",
            color=colors,
            width=2,
        )
        picture.draw(
            f"difference {name}",
            scatter_x,
            one["difference"],
            {"y": places[row]},
            option="difference",
            kind="dot",
            color=colors,
            facecolor=colors,
            marker=markers,
        )
    picture.draw(
        "zero", vline, 0 * numbers["difference"].isel(row=0, drop=True), color=QUIET, width=1
    )
    sides = limits(0.0, numbers["lower"], numbers["upper"])
    for pair in numbers["pair"].to_numpy():
        target = picture.target(pair=pair)
        labels = [str(label) for label in numbers["label"].sel(pair=pair).to_numpy()]
        picture.module.yticks(places.tolist(), labels, target)
        picture.module.ylim((-len(rows) + 0.4, 0.6), target)
        picture.module.xlim(sides, target)
        add_title(picture.collection, str(pair), target)
        picture.module.xlabel(numbers.attrs["unit"], target)
    picture.explain(_entries(tree, by, numbers.attrs["ci_prob"], set(looks[0].values.ravel())))
    return picture.finish(titles=False, models=False)


def _looks(numbers: xr.Dataset, looks: Mapping[str, Look]) -> tuple[xr.DataArray, xr.DataArray]:
    """Return colours and markers, dims (pair, row): of the better one where that is settled.

    Parameters
    ----------
    numbers : Dataset
        What `comparison_numbers` returned.
    looks : mapping of str to Look
        Of each of those compared; none for tasks, which are told apart by words alone.
    """
    found = np.full((2, numbers.sizes["pair"], numbers.sizes["row"]), "", dtype=object)
    for pair, row in np.ndindex(*found.shape[1:]):
        here = numbers.isel(pair=pair, row=row)
        better = here["first"] if here["lower"] > 0 else here["second"]
        settled = bool(here["lower"] > 0) or bool(here["upper"] < 0)
        look = looks.get(str(better.item()), _SETTLED) if settled else _OPEN
        found[:, pair, row] = look.color, look.marker
    coords = {"pair": numbers["pair"], "row": numbers["row"]}
    colors, markers = (xr.DataArray(part.astype(str), coords, ("pair", "row")) for part in found)
    return colors, markers


def _entries(tree: xr.DataTree, by: str, prob: float, colors: set[str]) -> list[Entry]:
    """Return what the colours stand for, of those that are there."""
    interval = f"{100 * prob:g} % interval"
    if by == "model":
        settled = {f"{name} is better": look for name, look in model_looks(tree).items()}
    else:
        settled = {"one is better": _SETTLED}
    looks = {**settled, f"open: the {interval} has 0 in it": _OPEN}
    return [
        Entry(label, "dot", vars(look)) for label, look in looks.items() if look.color in colors
    ]


def _panels(
    numbers: xr.Dataset, backend: str, figure_kwargs: Mapping[str, Any] | None
) -> PlotCollection:
    """Return a panel for each pair."""
    pairs = numbers.sizes["pair"]
    columns = min(pairs, _MOST_COLUMNS)
    longest = max(len(str(label)) for label in numbers["label"].to_numpy().ravel())
    tall = 0.32 * numbers.sizes["row"] + 0.75
    size = ((3.0 + 0.07 * longest) * columns, tall * math.ceil(pairs / columns) + 0.5)
    figure = figure_options(backend, size, figure_kwargs)
    if backend == "plotly":
        figure.setdefault("plot_hspace", (0.3 + 0.075 * longest) / size[0])
        figure.setdefault("vertical_spacing", 0.75 / size[1] if pairs > columns else 0.0)
    with rc_context({"plot.max_subplots": None}):
        collection = PlotCollection.wrap(
            numbers[["difference"]].isel(row=0, drop=True),
            cols=["pair"],
            backend=backend,
            col_wrap=columns,
            figure_kwargs=figure,
        )
    finish_figure(collection)
    return collection
