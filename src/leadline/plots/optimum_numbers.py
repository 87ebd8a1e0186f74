"""`optimum_numbers`: the numbers behind `plot_optimum`."""

from typing import Literal

import xarray as xr

from leadline.plots.posterior_numbers import density_numbers, posterior_numbers
from leadline.stats.fitted_search import best_seen, validate_tree


def optimum_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return what `leadline.plot_optimum` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind : optional
        Probability and kind of the interval. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        In score units: `mean`, `lower`, `upper`, `inner_lower`, `inner_upper` (the middle half)
        and `best_seen`, dims (search); `value` and `density`, relative to its peak, dims
        (search, point).

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    optimum = validate_tree(tree)["posterior"].dataset["optimum"]
    numbers = posterior_numbers(optimum, ci_prob, ci_kind)
    return numbers.merge(density_numbers(optimum)).assign(best_seen=best_seen(tree))
