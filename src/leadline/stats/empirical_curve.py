"""The tuning curve of the observed trials, without a model."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import gammaln

from leadline.stats.fitted_search import (
    Array,
    completed_losses,
    direction_sign,
    search_names,
    validate_tree,
)
from leadline.stats.options import validate_budgets
from leadline.stats.reported import has_trials
from leadline.stats.tuning_curve import loss_quantile, validate_quantile


def empirical_tuning_curve(
    tree: xr.DataTree,
    budgets: int | float | Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64],
    *,
    quantile: float | Literal["mean"] = 0.5,
) -> xr.DataArray:
    """Return the best score among k of the observed trials, drawn without replacement.

    The average over all subsets of k trials is a U-statistic: unbiased for each probability, and
    for the mean, while k is at most the number of trials n; at k = n it is the best score seen.
    A trial that was repeated counts with its first seed alone, because the tuning curve of a fit
    is that of trials run once.

    Arguments and errors are those of `leadline.tuning_curve`; the mean is over subsets with at
    least one completed trial.

    Returns
    -------
    DataArray
        In score units, dims (search, budget); nan for k > n, where n may be 0, and infinite where
        the best of k trials is a failed one.

    Notes
    -----
    The share C(n − i, k) / C(n, k) of all subsets of k trials holds none of the best i (Tang et
    al. 2020, doi:10.18653/v1/2020.acl-main.246).
    """
    validate_tree(tree)
    sizes = validate_budgets(budgets)
    validate_quantile(quantile)
    names = search_names(tree)
    return xr.DataArray(
        np.stack([_best_of_subsets(tree, name, sizes, quantile) for name in names]),
        {"search": names, "budget": np.asarray(budgets).reshape(-1)},
        dims=("search", "budget"),
        name="score",
    )


def _best_of_subsets(
    tree: xr.DataTree, name: str, budgets: Array, quantile: float | Literal["mean"]
) -> Array:
    """Return the best score of k trials of one search, shape (budget,)."""
    if not has_trials(tree, name):
        return np.full(len(budgets), np.nan)
    sign = direction_sign(tree)
    losses = completed_losses(tree, name, scores="trial_first_score")
    n_trials = int(tree["constant_data"]["n_trials"].sel(search=name))
    worse = _probability_worse(n_trials, len(losses), budgets)
    if quantile == "mean":
        best = (worse[:, :-1] - worse[:, 1:]) @ losses / (1.0 - worse[:, -1])
    else:
        wanted = 1.0 - loss_quantile(quantile, sign)
        # The first i with P(the best of k is worse than the i-th best) ≤ 1 − quantile.
        rank = (worse[:, 1:] > wanted * (1.0 + 1e-12)).sum(axis=1)
        best = np.append(losses, np.inf)[rank]
    return np.where(budgets > n_trials, np.nan, sign * best)


def _probability_worse(n: int, n_complete: int, budgets: Array) -> Array:
    """Return C(n − i, k) / C(n, k) for i = 0..n_complete and k up to n, shape (budget, i)."""
    k, i = np.minimum(budgets, n)[:, None], np.arange(n_complete + 1)
    left = np.maximum(n - i - k, 0.0)
    log_share = gammaln(n - i + 1) - gammaln(left + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    return np.where(i <= n - k, np.exp(log_share), 0.0)
