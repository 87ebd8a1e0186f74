"""`effective_dim_numbers`: the numbers behind `plot_effective_dim`."""

from typing import Literal

import xarray as xr

from leadline.plots.posterior_numbers import density_numbers, posterior_numbers
from leadline.stats.fitted_search import validate_tree
from leadline.stats.intervals import SAMPLE_DIMS


def effective_dim_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return what `leadline.plot_effective_dim` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind : optional
        Probability and kind of the interval. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        `mean`, `lower`, `upper`, `inner_lower`, `inner_upper` (the middle half), and the bounds
        of the prior, `prior_lower` and `prior_upper`, dims (search). Of a fit with
        ``effective_dim="integer"``, `probability` (search, dimension); of others `value` and
        `density`, relative to its peak, dims (search, point).

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    posterior = validate_tree(tree)["posterior"].dataset
    draws = posterior["effective_dim"]
    numbers = posterior_numbers(draws, ci_prob, ci_kind)
    upper = tree["constant_data"].dataset["max_effective_dim"].sel(search=posterior["search"])
    numbers["prior_lower"] = xr.ones_like(upper)
    numbers["prior_upper"] = upper
    if "effective_dim_probability" in posterior:
        return numbers.assign(
            probability=posterior["effective_dim_probability"].mean(SAMPLE_DIMS).fillna(0.0)
        )
    return numbers.merge(density_numbers(draws))
