"""`plot_tuning_curve`: the best score of k trials, fitted, observed and extrapolated."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import fill_between_y, hline, line_xy, set_xscale, vline

from leadline.answers.empirical_curve import empirical_tuning_curve
from leadline.answers.fitted_search import validate_tree
from leadline.answers.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.answers.tuning_curve import tuning_curve
from leadline.plots.panels import (
    FIT,
    MARK,
    OBSERVED,
    QUIET,
    Visuals,
    add_axis_labels,
    add_legend,
    add_titles,
    add_warning,
    backend_of,
    panels,
    score_label,
    settings,
)

_POINTS = 60
_EXTRAPOLATED = 10
_BEST = {"measured": "best of k", "expected": "best of k, run again"}


def plot_tuning_curve(
    tree: xr.DataTree,
    budgets: Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64] | None = None,
    *,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "measured",
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot the best score of k trials against k, past the number of trials that were run.

    One panel a search. The band is the posterior of the curve, the black line is the curve of the
    observed trials, which ends where they do. A best measured score may pass the optimum, which is
    an expected score: part of it is luck, and ``kind="expected"`` leaves that out.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budgets : array_like, optional
        Numbers of trials, k. Default: from where the best of k is past the threshold, to ten times
        the trials that were run.
    quantile, kind
        As in `leadline.tuning_curve`.
    ci_prob, ci_kind : optional
        Probability and kind of the band. Default: those of ``arviz.rcParams``.
    plot_collection : PlotCollection, optional
        Draw into this one, faceted by `search`.
    backend : str, optional
        "matplotlib", "bokeh" or "plotly". Default: ``arviz.rcParams["plot.backend"]``.
    visuals : mapping of str to mapping or False, optional
        Keyword arguments for, or False to leave out: `ci_band` (`fill_between_y`), `fit_line`,
        `observed` (`line_xy`), `optimum` (`hline`), `n_trials` (`vline`), `legend`, `title`,
        `warning`.
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
    prob, ci = validate_interval(ci_prob, ci_kind)
    sizes = _default_budgets(tree) if budgets is None else np.asarray(budgets)
    curve = tuning_curve(tree, sizes, quantile=quantile, kind=kind)
    # The end of an interval between a score and a failure is no score.
    curve = curve.where((abs(curve) < np.inf).all(SAMPLE_DIMS))
    lower, upper = interval(curve, prob, ci)
    middle = curve.mean(SAMPLE_DIMS)
    observed = _observed_curve(tree, sizes, quantile)
    n_trials = tree["constant_data"]["n_trials"].astype(float)
    optimum = tree["posterior"]["optimum"].mean(SAMPLE_DIMS)

    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        data = xr.Dataset({"curve": middle})
        size = (6.0, 3.7) if data.sizes["search"] == 1 else (3.2, 2.6)
        plot_collection = panels(data, backend, size, figure_kwargs=figure_kwargs, **pc_kwargs)

    legend: list[tuple[str, Mapping[str, Any]]] = []
    where = "all"
    if (style := settings(visuals, "n_trials", color=QUIET, linestyle="C2")) is not None:
        plot_collection.map(vline, "n_trials", data=n_trials, ignore_aes=where, **style)
        legend.append(("trials run", style))
    if (style := settings(visuals, "optimum", color=MARK, linestyle="C1")) is not None:
        plot_collection.map(hline, "optimum", data=optimum, ignore_aes=where, **style)
        legend.append(("optimum (without luck)", style))
    x = curve["budget"].astype(float)
    if (style := settings(visuals, "ci_band", color=FIT, alpha=0.25)) is not None:
        ends = {"x": x, "y_bottom": lower, "y_top": upper}
        plot_collection.map(
            fill_between_y,
            "ci_band",
            data=middle.rename("curve"),
            ignore_aes=where,
            **ends,
            **style,
        )
        legend.append((f"{100 * prob:g} % interval", {**style, "width": 8}))
    if (style := settings(visuals, "fit_line", color=FIT, width=2)) is not None:
        plot_collection.map(
            line_xy, "fit_line", data=middle.rename("curve"), x=x, ignore_aes=where, **style
        )
        legend.append(("fit", style))
    if (style := settings(visuals, "observed", color=OBSERVED, width=1.5)) is not None:
        plot_collection.map(
            line_xy,
            "observed",
            data=observed.rename("curve"),
            x=observed["budget"].astype(float),
            ignore_aes=where,
            **style,
        )
        measured = kind == "measured"
        legend.append(("observed trials" if measured else "observed trials, with luck", style))
    plot_collection.map(
        set_xscale, "xscale", data=optimum, scale="log", ignore_aes=where, store_artist=False
    )
    add_axis_labels(plot_collection, tree, "number of trials k", _y_label(tree, quantile, kind))
    if settings(visuals, "title") is not None and tree["posterior"].sizes["search"] > 1:
        add_titles(plot_collection, tree)
    if settings(visuals, "legend") is not None and legend:
        add_legend(plot_collection, legend)
    if settings(visuals, "warning") is not None:
        add_warning(plot_collection, tree)
    return plot_collection


def _default_budgets(tree: xr.DataTree) -> npt.NDArray[np.int64]:
    """Return budgets, evenly on the log scale, for which the law speaks of the best of k."""
    fraction = tree["posterior"]["tail_fraction"].mean(SAMPLE_DIMS).max()
    first = max(1.0, np.log(2.0) / -np.log1p(-min(float(fraction), 0.99)))
    last = _EXTRAPOLATED * int(tree["constant_data"]["n_trials"].max())
    return np.unique(np.round(np.geomspace(first, last, _POINTS))).astype(int)


def _observed_curve(
    tree: xr.DataTree, sizes: npt.NDArray[Any], quantile: float | Literal["mean"]
) -> xr.DataArray:
    """Return the empirical curve at the budgets and at the number of trials, where it ends."""
    every = np.unique(np.concatenate([sizes, tree["constant_data"]["n_trials"].values]))
    every = every[(every >= sizes.min()) & (every <= sizes.max())]
    curve = empirical_tuning_curve(tree, every, quantile=quantile)
    return curve.where(abs(curve) < np.inf)


def _y_label(tree: xr.DataTree, quantile: float | Literal["mean"], kind: str) -> str:
    which = "mean" if quantile == "mean" else f"{100 * quantile:g} % quantile,"
    which = "median" if quantile == 0.5 else which
    return f"{which} {_BEST[kind]}\n{score_label(tree)}"
