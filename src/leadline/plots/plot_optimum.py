"""`plot_optimum`: posterior of the optimum of each search, with the best score seen."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import vline

from leadline.plots import forest
from leadline.plots.figures import Options, limits
from leadline.plots.picture import Picture, Visuals, best_seen_label, score_label
from leadline.plots.style import OBSERVED
from leadline.stats.fitted_search import best_seen, validate_tree
from leadline.stats.surface_tree import is_surface, scores_of, surface_groups


def optimum_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_optimum`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`.

    Returns
    -------
    Dataset
        In score units: `mean`, `lower`, `upper`, `inner_lower`, `inner_upper` (the middle half)
        and `best_seen`, dims (search); `value` and `density`, relative to its peak, dims
        (search, point).

    Examples
    --------
    >>> numbers = ll.optimum_numbers(fit, ci_prob=0.8)
    >>> (numbers["best_seen"] - numbers["mean"]).dims
    ('search',)
    """
    optimum = validate_tree(tree, surface=True)["posterior"].dataset["optimum"]
    numbers = forest.posterior_numbers(optimum, ci_prob, ci_kind)
    density = forest.density_numbers(optimum, few=is_surface(tree))
    if is_surface(tree):
        for name, group in surface_groups(tree).items():
            # A density ends with its scale, such as at an accuracy of 1.
            scale, own = scores_of(group).scale, density["value"].sel(search=name)
            density["value"].loc[{"search": name}] = own.clip(scale.lower, scale.upper)
    return numbers.merge(density, compat="override", join="exact").assign(best_seen=best_seen(tree))


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
    """Plot the posterior of the optimum of each search, with the best score seen.

    A row per search holds the density, below it the mean, the interval and the middle half, and a
    line at the best measured score. The density ends where it is small, or with a cliff at a bound.
    Searches on one task share the axis.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `density` (`fill_between_y`), `twig`, `trunk` (`line_x`), `point_estimate` (`scatter_x`),
        `best_seen` (`vline`), `labels`, `legend`, `caption`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_optimum(fit, backend="plotly", visuals={"density": False})
    """
    numbers = optimum_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    # Searches on one task share the axis.
    shared = len(set(tree["posterior"].dataset["task"].to_numpy())) == 1
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    picture = forest.open_forest(tree, numbers[["mean"]], options, shared=shared)
    return draw_optimum(picture, numbers)


def draw_optimum(picture: Picture, numbers: xr.Dataset) -> PlotCollection:
    """Draw what `optimum_numbers` returned."""
    forest.draw_density(picture, numbers, "posterior of the optimum")
    forest.draw_rows(picture, numbers)
    black = {"color": OBSERVED, "width": 2}
    picture.draw(
        "best_seen", vline, numbers["best_seen"], black, label=best_seen_label(picture.tree)
    )
    tasks = picture.tree["posterior"].dataset["task"].sel(search=picture.names)
    for (target, _), task in zip(picture.panels(numbers), tasks.to_numpy(), strict=True):
        on_axis = numbers.isel(search=np.flatnonzero(tasks == task))
        ends = (on_axis[name] for name in ("value", "best_seen", "lower", "upper"))
        picture.module.xlim(limits(*ends), target)
    return forest.finish_rows(picture, score_label(picture.tree))
