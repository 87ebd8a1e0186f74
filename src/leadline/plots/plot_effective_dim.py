"""`plot_effective_dim`: posterior of the effective dimension of each search."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hist, vline

from leadline.plots import forest
from leadline.plots.figures import Options
from leadline.plots.picture import Visuals
from leadline.plots.style import DOTTED
from leadline.stats.fitted_search import validate_tree
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.plateau import with_law

# Room beyond the bounds of the prior for half a bar.
_ROOM = 0.6
_MOST_TICKS = 12


def effective_dim_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_effective_dim`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`.

    Returns
    -------
    Dataset
        `mean`, `lower`, `upper`, `inner_lower`, `inner_upper` (the middle half), and the bounds
        of the prior, `prior_lower` and `prior_upper`, dims (search). For a fit with
        ``effective_dim="integer"``, `probability` (search, dimension); for others `value` and
        `density`, relative to its peak, dims (search, point). Searches that end in a plateau are
        left out.

    Examples
    --------
    >>> ll.effective_dim_numbers(fit)["mean"].dims
    ('search',)
    """
    tree = with_law(validate_tree(tree, asked="this picture"))
    posterior = tree["posterior"].dataset
    draws = posterior["effective_dim"]
    numbers = forest.posterior_numbers(draws, ci_prob, ci_kind)
    upper = tree["constant_data"].dataset["max_effective_dim"].sel(search=posterior["search"])
    numbers = numbers.assign(prior_lower=xr.ones_like(upper), prior_upper=upper)
    if "effective_dim_probability" in posterior:
        probability = posterior["effective_dim_probability"].mean(SAMPLE_DIMS)
        return numbers.assign(probability=probability.fillna(0.0))
    return numbers.merge(forest.density_numbers(draws), compat="override", join="exact")


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

    A row per search holds the density, below it the mean, the interval and the middle half. For a
    fit with ``effective_dim="integer"`` it holds one bar per number, as high as the row at
    probability 1. Dotted lines are the bounds of the prior: 1, and the number of hyperparameters
    searched. A posterior close to one of them is less informative than its width suggests.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `density` (`fill_between_y`) or `probability` (`hist`), `twig`, `trunk` (`line_x`),
        `point_estimate` (`scatter_x`), `prior_lower`, `prior_upper` (`vline`), `labels`, `legend`,
        `caption`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_effective_dim(fit, visuals={"prior_upper": False})
    """
    numbers = effective_dim_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    picture = forest.open_forest(tree, numbers[["mean"]], options, shared=True)
    if "probability" in numbers:
        bars, style = _make_bars(numbers["probability"]), {"color": picture.colors, "alpha": 0.35}
        picture.draw("probability", hist, bars, style, label="probability", kind="band")
    else:
        forest.draw_density(picture, numbers, "posterior")
    forest.draw_rows(picture, numbers)
    for name, label in (("prior_lower", "bounds of the prior"), ("prior_upper", None)):
        picture.draw(name, vline, numbers[name], DOTTED, label=label)
    most = float(numbers["prior_upper"].max())
    ticks = np.arange(1, most + 0.5, math.ceil(most / _MOST_TICKS)).astype(int).tolist()
    for target, _ in picture.panels(numbers):
        picture.module.xlim((1.0 - _ROOM, most + _ROOM), target)
        picture.module.xticks(ticks, [str(tick) for tick in ticks], target)
    return forest.finish_rows(picture, "effective dimension")


def _make_bars(probability: xr.DataArray) -> xr.DataArray:
    """Return heights and edges of bars, dims (search, plot_axis, dimension)."""
    middle = probability["dimension"].astype(float).broadcast_like(probability)
    names = xr.DataArray(["histogram", "left_edges", "right_edges"], dims="plot_axis")
    sides = xr.concat([probability, middle - 0.5, middle + 0.5], "plot_axis")
    return sides.assign_coords(plot_axis=names).rename("probability")
