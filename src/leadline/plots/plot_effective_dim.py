"""`plot_effective_dim`: how many hyperparameters effectively matter in each search."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hist, vline

from leadline.plots.effective_dim_numbers import effective_dim_numbers
from leadline.plots.forest import draw_rows, forest_panels, name_rows
from leadline.plots.panels import backend_of
from leadline.plots.picture import Picture, Visuals, band
from leadline.plots.style import QUIET
from leadline.stats.fitted_search import search_names

# Beyond the bounds of the prior: a bar and a little more.
_ROOM = 0.6
_MOST_TICKS = 12


def plot_effective_dim(
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
    """Plot the posterior of the effective dimension of each search.

    One row a search: the density, or for a fit with ``effective_dim="integer"`` a bar for the
    probability of each number, as high as the row when it is certain; under it the mean, the
    interval and the middle half. The dotted lines are the bounds of the prior: at least one
    hyperparameter matters, and no more than were searched. A posterior that leans on one of them
    says less than its width.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `density` (`fill_between_y`) or `probability` (`hist`), `twig`, `trunk` (`line_x`),
        `point_estimate` (`scatter_x`), `prior_lower`, `prior_upper` (`vline`), `labels`, `legend`,
        `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    See Also
    --------
    leadline.effective_dim_numbers : The numbers behind it.
    """
    numbers = effective_dim_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        plot_collection = forest_panels(
            numbers[["mean"]], backend, figure_kwargs, shared=True, **pc_kwargs
        )
    picture = Picture(plot_collection, tree, visuals)
    if "probability" in numbers:
        picture.draw(
            "probability",
            hist,
            _bars(numbers["probability"]),
            label="probability",
            kind="band",
            color=picture.colors,
            alpha=0.35,
        )
    else:
        height = numbers["density"]
        picture.draw(
            "density",
            band,
            height,
            {"x": numbers["value"], "y_bottom": xr.zeros_like(height), "y_top": height},
            label="posterior",
            kind="band",
            color=picture.colors,
            alpha=0.25,
        )
    draw_rows(picture, numbers)
    bounds: dict[str, Any] = {"color": QUIET, "linestyle": "C2", "width": 1.5}
    picture.draw(
        "prior_lower", vline, numbers["prior_lower"], label="bounds of the prior", **bounds
    )
    picture.draw("prior_upper", vline, numbers["prior_upper"], **bounds)
    most = float(numbers["prior_upper"].max())
    step = math.ceil(most / _MOST_TICKS)
    ticks = np.arange(1, most + 0.5, step).astype(int).tolist()
    for name in search_names(tree):
        target = picture.target(search=name)
        picture.module.xlim((1.0 - _ROOM, most + _ROOM), target)
        picture.module.xticks(ticks, [str(tick) for tick in ticks], target)
    name_rows(picture, "effective dimension")
    return picture.finish(titles=False)


def _bars(probability: xr.DataArray) -> xr.DataArray:
    """Return heights and edges of bars, dims (search, plot_axis, dimension)."""
    middle = probability["dimension"].astype(float).broadcast_like(probability)
    sides = [probability, middle - 0.5, middle + 0.5]
    names = xr.DataArray(["histogram", "left_edges", "right_edges"], dims="plot_axis")
    return xr.concat(sides, "plot_axis").assign_coords(plot_axis=names).rename("probability")
