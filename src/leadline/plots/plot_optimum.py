"""`plot_optimum`: what is known of the optimum of each search, beside the best seen."""

from collections.abc import Mapping
from typing import Any, Literal

import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import vline

from leadline.plots.forest import draw_rows, forest_panels, name_rows
from leadline.plots.optimum_numbers import optimum_numbers
from leadline.plots.panels import backend_of, limits, score_label
from leadline.plots.picture import Picture, Visuals, band
from leadline.plots.style import OBSERVED
from leadline.stats.fitted_search import search_names


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
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `density` (`fill_between_y`), `twig`, `trunk` (`line_x`), `point_estimate` (`scatter_x`),
        `best_seen` (`vline`), `labels`, `legend`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    See Also
    --------
    leadline.optimum_numbers : The numbers behind it.
    """
    numbers = optimum_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    shared = len(set(tree["posterior"].dataset["task"].to_numpy())) == 1
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        plot_collection = forest_panels(
            numbers[["mean"]], backend, figure_kwargs, shared=shared, **pc_kwargs
        )
    picture = Picture(plot_collection, tree, visuals)
    height = numbers["density"]
    picture.draw(
        "density",
        band,
        height,
        {"x": numbers["value"], "y_bottom": xr.zeros_like(height), "y_top": height},
        label="posterior of the optimum",
        kind="band",
        color=picture.colors,
        alpha=0.25,
    )
    draw_rows(picture, numbers)
    picture.draw(
        "best_seen", vline, numbers["best_seen"], label="best seen", color=OBSERVED, width=2
    )
    for name in search_names(tree):
        of_row = numbers if shared else numbers.sel(search=name)
        ends = limits(of_row["value"], of_row["best_seen"], of_row["lower"], of_row["upper"])
        picture.module.xlim(ends, picture.target(search=name))
    name_rows(picture, score_label(tree))
    return picture.finish(titles=False)
