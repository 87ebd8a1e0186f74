"""`tuning_curve`: the best score of k trials as a function of k, for every draw of a fit."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.best_expected import expected_mean, expected_quantile
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.fitted_search import Array, FittedSearch, map_searches, validate_tree
from leadline.stats.options import validate_budgets, validate_number

_MEANS = {"measured": measured_mean, "expected": expected_mean}
_QUANTILES = {"measured": measured_quantile, "expected": expected_quantile}


def tuning_curve(
    tree: xr.DataTree,
    budgets: int | float | Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64],
    *,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "measured",
) -> xr.DataArray:
    """Return the best score of k random trials, as a function of k.

    The best of k trials differs between repetitions of a search. Each posterior draw implies its
    distribution; the result is one quantile of it, or its mean. The variation over the draws is
    the uncertainty of that number.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budgets : array_like
        Numbers of trials k, at least 1. All trials count, failed ones too.
    quantile : float or "mean"
        Quantile of the best score, between 0 and 1: the best of k trials is at or below it with
        that probability. 0.5 is the median. The mean is over searches in which at least one trial
        completes.
    kind : {"measured", "expected"}
        `"measured"`: the best measured score of k trials, each evaluated once. `"expected"`: the
        expected score of the configuration that measured best, the average over many re-runs of
        it, without the luck in the best measurement.

    Returns
    -------
    DataArray
        In score units, dims (chain, draw, search, budget). A best of k that is worse than the
        threshold is an observed score, see `leadline.stats.best_measured`. A failed trial counts
        as inf when minimising, -inf when maximising. A search known from reported bests alone has
        no observed scores; do not rely on its small budgets.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    ``P(best of k > y) = (1 - F(y))^k`` with the noisy quadratic F of arXiv 2510.02721.

    Examples
    --------
    With `fit` the result of `leadline.fit`:

    >>> curve = ll.tuning_curve(fit, [1, 10, 100], kind="expected")
    >>> curve.dims
    ('chain', 'draw', 'search', 'budget')
    >>> bool((curve.sel(budget=100) < curve.sel(budget=1)).all())
    True
    """
    validate_tree(tree)
    sizes = validate_budgets(budgets)
    validate_quantile(quantile)
    if kind not in _MEANS:
        raise LeadlineError(f"kind must be 'measured' or 'expected', got {format_value(kind)}")

    def scores(search: FittedSearch) -> Array:
        if quantile == "mean":
            return search.sign * _MEANS[kind](search, sizes)
        prob = loss_quantile(quantile, search.sign)
        return search.sign * _QUANTILES[kind](search, sizes, prob)

    curve = map_searches(tree, scores, {"budget": np.asarray(budgets).reshape(-1)})
    attrs = {"quantile": quantile, "kind": kind, "direction": tree.attrs["direction"]}
    return curve.rename("score").assign_attrs(attrs)


def validate_quantile(quantile: object) -> None:
    """Raise `LeadlineError` unless the quantile is between 0 and 1, or "mean"."""
    if not (isinstance(quantile, str) and quantile == "mean"):
        validate_number(quantile, "quantile", "between 0 and 1, or 'mean'", lambda x: 0 < x < 1)


def loss_quantile(quantile: float, sign: float) -> float:
    """Return the quantile of the losses that equals this quantile of the scores."""
    return float(quantile) if sign > 0 else 1.0 - float(quantile)
