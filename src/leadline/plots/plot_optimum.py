"""`plot_optimum`: what is known of the optimum of each search, beside the best seen."""

from collections.abc import Mapping
from typing import Any, Literal

import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import fill_between_y, line_x, scatter_x, vline

from leadline.answers.fitted_search import best_seen, search_names, validate_tree
from leadline.answers.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.plots.panels import (
    FIT,
    MARK,
    Visuals,
    add_axis_labels,
    add_legend,
    add_warning,
    backend_module,
    backend_of,
    panels,
    score_label,
    settings,
)

# Where the interval lies, under densities that are 1 high.
_INTERVAL_HEIGHT = -0.2
_LIMITS = (-0.45, 1.15)
# A density is drawn where it holds this much, so that a long tail does not squeeze the rest.
_SHOWN = 0.995


def plot_optimum(
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
    """Plot the posterior of the optimum of each search, with the best seen.

    One row a search: the density, under it the mean, the interval and the middle half, and a line
    at the best measured score. Searches on one task share the axis.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind : optional
        Probability and kind of the interval. Default: those of ``arviz.rcParams``.
    plot_collection : PlotCollection, optional
        Draw into this one, faceted by `search`.
    backend : str, optional
        "matplotlib", "bokeh" or "plotly". Default: ``arviz.rcParams["plot.backend"]``.
    visuals : mapping of str to mapping or False, optional
        Keyword arguments for, or False to leave out: `density` (`fill_between_y`), `twig`,
        `trunk` (`line_x`), `point_estimate` (`scatter_x`), `best_seen` (`vline`), `labels`,
        `legend`, `warning`.
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    posterior = tree["posterior"].dataset
    optimum = posterior["optimum"]
    mean = optimum.mean(SAMPLE_DIMS)
    one_task = len(set(posterior["task"].to_numpy())) == 1
    shared = one_task and mean.sizes["search"] > 1

    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        alone = mean.sizes["search"] == 1
        longest = 0 if alone else max(map(len, search_names(tree)))
        size = (6.0 + 0.08 * longest, 2.2 if alone else 0.65 if shared else 0.9)
        plot_collection = panels(
            xr.Dataset({"optimum": mean}),
            backend,
            size,
            one_column=True,
            figure_kwargs={"sharex": shared, **(figure_kwargs or {})},
            **pc_kwargs,
        )

    legend: list[tuple[str, Mapping[str, Any]]] = []
    everywhere: dict[str, Any] = {"ignore_aes": "all"}
    if (style := settings(visuals, "density", color=FIT, alpha=0.25)) is not None:
        x, height = _density(optimum)
        base = xr.zeros_like(height)
        ends = {"x": x, "y_bottom": base, "y_top": height}
        plot_collection.map(fill_between_y, "density", data=height, **ends, **everywhere, **style)
        legend.append(("posterior of the optimum", {**style, "width": 8}))
    if (style := settings(visuals, "twig", color=FIT, width=1.5)) is not None:
        line = xr.concat(interval(optimum, prob, kind), "ci_bound")
        plot_collection.map(line_x, "twig", data=line, y=_INTERVAL_HEIGHT, **everywhere, **style)
        legend.append((f"{100 * prob:g} % interval", style))
    if (style := settings(visuals, "trunk", color=FIT, width=4)) is not None:
        inner = 0.5 if prob > 0.5 else 0.5 * prob
        line = xr.concat(interval(optimum, inner, kind), "ci_bound")
        plot_collection.map(line_x, "trunk", data=line, y=_INTERVAL_HEIGHT, **everywhere, **style)
    dot = settings(visuals, "point_estimate", color=FIT, facecolor="white", marker="o")
    if dot is not None:
        plot_collection.map(
            scatter_x, "point_estimate", data=mean, y=_INTERVAL_HEIGHT, **everywhere, **dot
        )
    if (style := settings(visuals, "best_seen", color=MARK, width=2)) is not None:
        plot_collection.map(vline, "best_seen", data=best_seen(tree), **everywhere, **style)
        legend.append(("best seen", style))

    module = backend_module(backend)
    for name in search_names(tree):
        target = plot_collection.get_target(None, {"search": name})
        module.ylim(_LIMITS, target)
        labelled = settings(visuals, "labels") is not None and mean.sizes["search"] > 1
        module.yticks([0.35] if labelled else [], [name] if labelled else [], target)
    add_axis_labels(plot_collection, tree, score_label(tree), None)
    if settings(visuals, "legend") is not None and legend:
        add_legend(plot_collection, legend)
    if settings(visuals, "warning") is not None:
        add_warning(plot_collection, tree)
    return plot_collection


def _density(draws: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return points and the density there, at most 1, dims (search, kde_dim)."""
    density = draws.azstats.kde(dim=list(SAMPLE_DIMS))
    x, height = (density.sel(plot_axis=axis, drop=True) for axis in ("x", "y"))
    low, high = interval(draws, _SHOWN, "eti")
    height = (height / height.max("kde_dim")).where((x >= low) & (x <= high))
    return x, height
