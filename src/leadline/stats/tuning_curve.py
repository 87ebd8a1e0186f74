"""The best score of k trials as a function of k, from a fit and from the observed trials alone."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.best_expected import expected_mean, expected_quantile
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.fitted_search import (
    Array,
    FittedSearch,
    completed_losses,
    direction_sign,
    map_searches,
    search_names,
    validate_tree,
)
from leadline.stats.options import validate_budgets, validate_number
from leadline.stats.reported import has_trials

Budgets = int | float | Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64]

_MEANS = {"measured": measured_mean, "expected": expected_mean}
_QUANTILES = {"measured": measured_quantile, "expected": expected_quantile}


def tuning_curve(
    tree: xr.DataTree,
    budgets: Budgets,
    *,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "measured",
) -> xr.DataArray:
    """Return the best score of k random trials, as a function of k.

    The best of k trials differs between repetitions of a search. The result is a quantile of its
    distribution under each posterior draw, or its mean; the draws show how uncertain that is.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budgets : array_like
        Numbers of trials k, at least 1. All trials count, failed ones too.
    quantile : float or "mean"
        The best of k trials is at or below its quantile with this probability, between 0 and 1.
        The mean is over searches in which at least one trial completes.
    kind : {"measured", "expected"}
        `"measured"`: the best measured score of k trials, each evaluated once. `"expected"`: the
        average over many re-runs of the configuration that measured best, so without luck.

    Returns
    -------
    DataArray
        In score units, dims (chain, draw, search, budget). A best of k worse than the threshold
        is an observed score; a failed trial counts as inf (-inf when maximising). Do not rely on
        small budgets of a search known from reported bests alone: it has no observed scores.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    ``P(best of k > y) = (1 - F(y))^k`` with the noisy quadratic F of arXiv 2510.02721.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> curve = ll.tuning_curve(fit, [1, 10, 100], kind="expected")
    >>> curve.dims
    ('chain', 'draw', 'search', 'budget')
    >>> bool((curve.sel(budget=100) < curve.sel(budget=1)).all())
    True
    """
    validate_tree(tree)
    sizes = validate_budgets(budgets)
    _validate_quantile(quantile)
    if kind not in _MEANS:
        raise LeadlineError(f"kind must be 'measured' or 'expected', got {format_value(kind)}")

    def scores(search: FittedSearch) -> Array:
        if quantile == "mean":
            return search.sign * _MEANS[kind](search, sizes)
        prob = _loss_quantile(quantile, search.sign)
        return search.sign * _QUANTILES[kind](search, sizes, prob)

    curve = map_searches(tree, scores, {"budget": np.asarray(budgets).reshape(-1)})
    attrs = {"quantile": quantile, "kind": kind, "direction": tree.attrs["direction"]}
    return curve.rename("score").assign_attrs(attrs)


def _validate_quantile(quantile: object) -> None:
    """Raise `LeadlineError` unless the quantile is between 0 and 1, or "mean"."""
    if not (isinstance(quantile, str) and quantile == "mean"):
        validate_number(quantile, "quantile", "between 0 and 1, or 'mean'", lambda x: 0 < x < 1)


def _loss_quantile(quantile: float, sign: float) -> float:
    """Return the quantile of the losses that equals this quantile of the scores."""
    return float(quantile) if sign > 0 else 1.0 - float(quantile)


def empirical_tuning_curve(
    tree: xr.DataTree, budgets: Budgets, *, quantile: float | Literal["mean"] = 0.5
) -> xr.DataArray:
    """Return the best score among k of the observed trials, without a model.

    The average over all subsets of k trials is a U-statistic: unbiased for each probability, and
    for the mean, while k is at most the number of trials n; at k = n it is the best score seen.
    A trial that was repeated counts with its first seed alone, because the tuning curve of a fit
    is that of trials run once.

    Arguments and errors are those of `leadline.tuning_curve`; the mean is over subsets with at
    least one completed trial. The result is in score units, dims (search, budget): nan for k > n,
    where n may be 0, and infinite where the best of k trials is a failed one.
    """
    validate_tree(tree)
    sizes = validate_budgets(budgets)
    _validate_quantile(quantile)
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
        wanted = 1.0 - _loss_quantile(quantile, sign)
        # The first i with P(the best of k is worse than the i-th best) ≤ 1 − quantile.
        rank = (worse[:, 1:] > wanted * (1.0 + 1e-12)).sum(axis=1)
        best = np.append(losses, np.inf)[rank]
    return np.where(budgets > n_trials, np.nan, sign * best)


def _probability_worse(n: int, n_complete: int, budgets: Array) -> Array:
    """Return C(n − i, k) / C(n, k) for i = 0..n_complete and k up to n, shape (budget, i).

    This share of all subsets of k trials holds none of the best i (Tang et al. 2020,
    doi:10.18653/v1/2020.acl-main.246).
    """
    from scipy.special import gammaln

    k, i = np.minimum(budgets, n)[:, None], np.arange(n_complete + 1)
    left = np.maximum(n - i - k, 0.0)
    log_share = gammaln(n - i + 1) - gammaln(left + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    return np.where(i <= n - k, np.exp(log_share), 0.0)
