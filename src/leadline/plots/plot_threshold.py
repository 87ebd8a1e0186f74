"""`plot_threshold`: what each threshold says, and how much it counts: a stability plot."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz import rc_context
from arviz_plots import PlotCollection
from arviz_plots.visuals import ci_line_y, hline, scatter_xy

from leadline.answers.fitted_search import search_names, validate_tree
from leadline.answers.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.errors import LeadlineError
from leadline.plots.panels import (
    FIT,
    MARK,
    QUIET,
    Visuals,
    add_legend,
    add_warning,
    backend_module,
    backend_of,
    settings,
)

_QUANTITIES = ("optimum", "effective_dim", "noise_sd")
_ROWS = (*_QUANTITIES, "weight")
_SCALE_COLORS = {"identity": FIT, "log": "#009E73", "logit": "#CC79A7"}
# Scales share tail fractions: their marks stand side by side, this share of the axis apart.
_APART = 0.012


def plot_threshold(
    tree: xr.DataTree,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot optimum, effective dimension and noise against the tail fraction, weights beneath.

    One column a search. Where the law holds, the estimates agree within their intervals and only
    get more certain as the tail widens; where they start to drift, it has ended. Thresholds whose
    tail did not look like the law were left out, and are grey. The dashed lines are the averages.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit` with several candidate thresholds.
    ci_prob, ci_kind : optional
        Probability and kind of the intervals. Default: those of ``arviz.rcParams``.
    plot_collection : PlotCollection, optional
        Draw into this one, with rows by `quantity` and columns by `search`.
    backend : str, optional
        "matplotlib", "bokeh" or "plotly". Default: ``arviz.rcParams["plot.backend"]``.
    visuals : mapping of str to mapping or False, optional
        Keyword arguments for, or False to leave out: `interval` (`ci_line_y`), `dropped`
        (`ci_line_y`), `point_estimate` (`scatter_xy`), `average` (`hline`), `legend`, `title`,
        `warning`.
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.grid`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, has one threshold only, or an option is not valid.
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    candidates = tree["candidates"].dataset
    if candidates.sizes["candidate"] < 2:
        raise LeadlineError(
            "this fit has one threshold, so that there is nothing to compare; fit with "
            "threshold='auto', or with several numbers for tail_fraction"
        )
    ranges, middles = _ranges(tree, prob, kind)
    averages = _averages(tree)
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        plot_collection = _grid(ranges, backend, figure_kwargs, **pc_kwargs)

    everywhere: dict[str, Any] = {"ignore_aes": "all"}
    legend: list[tuple[str, Mapping[str, Any]]] = []
    if (style := settings(visuals, "average", color=MARK, linestyle="C1")) is not None:
        for name in _QUANTITIES:
            plot_collection.map(
                hline,
                f"average_{name}",
                data=averages.sel(quantity=name, drop=True),
                coords={"quantity": name},
                **everywhere,
                **style,
            )
        legend.append(("average over thresholds", style))
    kept = candidates["kept"] == 1
    scales = [name for name in _SCALE_COLORS if (kept & (candidates["scale"] == name)).any()]
    for name in scales:
        shown = kept & (candidates["scale"] == name)
        color = _SCALE_COLORS[name]
        which = f" on the {name} scale" if len(scales) > 1 else ""
        if (style := settings(visuals, "interval", color=color, width=2)) is not None:
            plot_collection.map(
                ci_line_y, f"interval_{name}", data=ranges.where(shown), **everywhere, **style
            )
            legend.append((f"{100 * prob:g} % interval, and weight{which}", style))
        dot = settings(visuals, "point_estimate", color=color, facecolor=color, marker="o")
        if dot is not None:
            plot_collection.map(
                scatter_xy,
                f"point_estimate_{name}",
                data=middles.where(shown),
                **everywhere,
                **dot,
            )
    dropped = (candidates["kept"] == 0) & (candidates["scale"] != "")
    if (style := settings(visuals, "dropped", color=QUIET, width=2)) is not None and dropped.any():
        plot_collection.map(ci_line_y, "dropped", data=ranges.where(dropped), **everywhere, **style)
        legend.append(("does not look like the law: left out", style))
    _add_words(plot_collection, tree, titles=settings(visuals, "title") is not None)
    if settings(visuals, "legend") is not None and legend:
        add_legend(plot_collection, legend)
    if settings(visuals, "warning") is not None:
        add_warning(plot_collection, tree)
    return plot_collection


def _ranges(tree: xr.DataTree, prob: float, kind: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return ends and means of the posterior of each candidate, and bars of its weight.

    Dims (quantity, search, candidate, plot_axis), with x, y_bottom and y_top, or x and y.
    """
    candidates = tree["candidates"].dataset
    n_trials = tree["constant_data"]["n_trials"]
    x = candidates["n_tail"] / n_trials
    places = {name: place for place, name in enumerate(_SCALE_COLORS)}
    scale = candidates["scale"].to_numpy().astype(str)
    x = x + _APART * np.vectorize(lambda name: places.get(name, 0))(scale)
    bars, dots = [], []
    for name in _QUANTITIES:
        draws = candidates[name].rename(sample="draw").expand_dims(chain=1)
        lower, upper = interval(draws, prob, kind)
        bars.append(xr.concat([x, lower, upper], "plot_axis"))
        dots.append(xr.concat([x, draws.mean(SAMPLE_DIMS)], "plot_axis"))
    weight = candidates["weight"]
    bars.append(xr.concat([x, xr.zeros_like(weight), weight], "plot_axis"))
    dots.append(xr.concat([x, weight], "plot_axis"))
    rows = {"quantity": list(_ROWS)}
    ranges = xr.concat(bars, "quantity").rename("range")
    middles = xr.concat(dots, "quantity").rename("middle")
    return (
        ranges.assign_coords(plot_axis=["x", "y_bottom", "y_top"], **rows),
        middles.assign_coords(plot_axis=["x", "y"], **rows),
    )


def _averages(tree: xr.DataTree) -> xr.DataArray:
    """Return the posterior means of the averaged fit, dims (quantity, search)."""
    posterior = tree["posterior"].dataset
    means = [posterior[name].mean(SAMPLE_DIMS) for name in _QUANTITIES]
    joined = xr.concat(means, "quantity").rename("average")
    return joined.assign_coords(quantity=list(_QUANTITIES))


def _grid(
    ranges: xr.DataArray, backend: str, figure_kwargs: Mapping[str, Any] | None, **pc_kwargs: Any
) -> PlotCollection:
    columns = ranges.sizes["search"]
    width = 5.6 if columns == 1 else 2.9 * columns
    figure: dict[str, Any] = {
        "figsize": (width + 0.6, 7.4),
        "figsize_units": "inches",
        "sharex": "col",
    }
    if backend == "matplotlib":
        figure["layout"] = "constrained"
    figure.update(figure_kwargs or {})
    with rc_context({"plot.max_subplots": None}):
        return PlotCollection.grid(
            xr.Dataset({"range": ranges}),
            rows=["quantity"],
            cols=["search"],
            backend=backend,
            figure_kwargs=figure,
            **pc_kwargs,
        )


def _add_words(plot_collection: PlotCollection, tree: xr.DataTree, *, titles: bool) -> None:
    """Write what the rows and columns are."""
    backend = backend_module(plot_collection.backend)
    names = search_names(tree)
    words = {
        "optimum": f"optimum\n{tree.attrs['metric']}",
        "effective_dim": "effective\ndimension",
        "noise_sd": "noise sd",
        "weight": "weight",
    }
    for column, name in enumerate(names):
        for row in _ROWS:
            target = plot_collection.get_target(None, {"search": name, "quantity": row})
            if column == 0:
                backend.ylabel(words[row], target)
            if row == "weight":
                backend.xlabel("tail fraction", target)
                top = float(tree["candidates"]["weight"].sel(search=name).max())
                backend.ylim((0.0, 1.1 * top if math.isfinite(top) else 1.0), target)
        if titles and len(names) > 1:
            target = plot_collection.get_target(None, {"search": name, "quantity": _ROWS[0]})
            backend.title(name, target, size="medium")
