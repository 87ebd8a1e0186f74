"""`plot_tuning_curve`: the best score of k trials, fitted, observed and extrapolated."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hline, hspan, line_xy, vline

from leadline.plots.panels import (
    add_axis_labels,
    backend_of,
    decades,
    limits,
    panels,
    score_label,
    set_log_x,
)
from leadline.plots.picture import Picture, Visuals, band
from leadline.plots.style import MARK, OBSERVED, QUIET
from leadline.plots.tuning_curve_numbers import tuning_curve_numbers
from leadline.stats.fitted_search import search_names

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
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `fit_line`, `observed` (`line_xy`), `optimum` (`hline`),
        `optimum_band` (`hspan`), `n_trials` (`vline`), `legend`, `title`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    See Also
    --------
    leadline.tuning_curve_numbers : The numbers behind it.
    """
    numbers = tuning_curve_numbers(
        tree, budgets, quantile=quantile, kind=kind, ci_prob=ci_prob, ci_kind=ci_kind
    )
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        size = (6.0, 3.7) if numbers.sizes["search"] == 1 else (3.2, 2.6)
        plot_collection = panels(
            numbers[["optimum"]], backend, size, log_x=True, figure_kwargs=figure_kwargs,
            **pc_kwargs,
        )  # fmt: skip
    picture = Picture(plot_collection, tree, visuals)
    interval = f"{100 * numbers.attrs['ci_prob']:g} % interval"
    curve, x = numbers["curve"], numbers["budget"].astype(float)
    n_trials = numbers["n_trials"].astype(float)
    picture.draw(
        "ci_band",
        band,
        curve,
        {"x": x, "y_bottom": numbers["lower"], "y_top": numbers["upper"]},
        label=interval,
        kind="band",
        color=picture.colors,
        alpha=0.3,
    )
    picture.draw("fit_line", line_xy, curve, {"x": x}, label="fit", color=picture.colors, width=2)
    picture.draw(
        "observed",
        line_xy,
        numbers["observed"].rename("curve"),
        {"x": numbers["observed_budget"].astype(float)},
        label="observed trials" if kind == "measured" else "observed trials, with luck",
        color=OBSERVED,
        width=1.5,
    )
    # Plotly draws lines across a panel only where there is something else already.
    picture.draw(
        "n_trials", vline, n_trials, label="trials run", color=QUIET, linestyle="C2", width=1.5
    )
    picture.draw(
        "optimum",
        hline,
        numbers["optimum"],
        label="optimum (without luck)",
        color=MARK,
        linestyle="C1",
        width=1.5,
    )
    ends = xr.concat([numbers["optimum_lower"], numbers["optimum_upper"]], "ci_bound")
    picture.draw(
        "optimum_band",
        hspan,
        ends.rename("optimum"),
        label=f"its {interval}",
        kind="band",
        color=MARK,
        alpha=0.12,
    )
    names = search_names(tree)
    smallest, largest = float(x.min()), float(x.max())
    for name in names:
        of_panel = numbers.sel(search=name)
        shown = [of_panel[part] for part in ("lower", "upper", "observed")]
        marks = [of_panel[part] for part in ("optimum_lower", "optimum_upper")]
        picture.module.ylim(limits(*shown, *marks), picture.target(search=name))
    sides = (smallest / 1.15, largest * 1.15)
    ticks = [f"{tick:g}" for tick in decades(*sides)]
    set_log_x(plot_collection, sides, dict.fromkeys(names, ticks))
    add_axis_labels(plot_collection, tree, "number of trials k", _y_label(tree, quantile, kind))
    return picture.finish(titles=True, models=True)


def _y_label(tree: xr.DataTree, quantile: float | Literal["mean"], kind: str) -> str:
    which = "mean" if quantile == "mean" else f"{100 * quantile:g} % quantile,"
    which = "median" if quantile == 0.5 else which
    return f"{which} {_BEST[kind]}\n{score_label(tree)}"
