"""`tuning_curve`: the best score of k trials as a function of k, for every draw of a fit."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.best_expected import expected_mean, expected_quantile
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.fitted_search import (
    FittedSearch,
    by_part,
    direction_sign,
    search_names,
    validate_tree,
)

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

    The best of k trials differs from one search to the next. Its distribution follows from the
    law of the trials, once for each posterior draw; this is one quantile of it, or its mean. The
    spread over the draws says how well that number is known.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budgets : array_like
        Numbers of trials k, at least 1. All trials count, those that fail too.
    quantile : float or "mean"
        Which quantile of the best score, between 0 and 1: the best of k trials is at or below it
        with that probability. 0.5 is the median. The mean is over searches in which at least one
        trial completes.
    kind : {"measured", "expected"}
        `"measured"`: the best measured score of k trials, each evaluated once. `"expected"`: the
        expected score of the configuration that measured best, what it would give on average if
        it were run again. Some of a best score is luck; this is what remains.

    Returns
    -------
    DataArray
        In score units, dims (chain, draw, search, budget). Where the best of k is not past the
        threshold, the observed scores stand in for the law, see
        `leadline.stats.best_measured`; where it is a failed trial, the score is infinite: inf
        when minimising, -inf when maximising. Of a search that is known from reported bests alone
        the law is used there too, for want of trials: do not rely on its small budgets.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    The law is that of arXiv 2510.02721, ``P(best of k > y) = (1 - F(y))^k``.
    """
    validate_tree(tree)
    sizes = validate_budgets(budgets)
    validate_quantile(quantile)
    if kind not in _MEANS:
        raise LeadlineError(f"kind must be 'measured' or 'expected', got {format_value(kind)}")
    sign = direction_sign(tree)
    posterior = tree["posterior"]
    names = search_names(tree)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], len(sizes))

    def loss(part: FittedSearch) -> npt.NDArray[np.float64]:
        if quantile == "mean":
            return _MEANS[kind](part, sizes)
        return _QUANTILES[kind](part, sizes, loss_quantile(quantile, sign))

    curves = [sign * by_part(tree, name, loss).reshape(shape) for name in names]
    coords = {name: posterior[name] for name in ("chain", "draw", "search", "task", "model")}
    return xr.DataArray(
        np.stack(curves, axis=2),
        dims=("chain", "draw", "search", "budget"),
        coords=coords | {"budget": np.asarray(budgets).reshape(-1)},
        name="score",
        attrs={"quantile": quantile, "kind": kind, "direction": tree.attrs["direction"]},
    )


def validate_budgets(budgets: object, name: str = "budgets") -> npt.NDArray[np.float64]:
    """Return the budgets as numbers, shape (budget,), or raise `LeadlineError`."""
    try:
        sizes = np.asarray(budgets, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        sizes = np.array([])
    if not sizes.size or not (np.isfinite(sizes) & (sizes >= 1)).all():
        raise LeadlineError(
            f"{name} must be numbers of trials, at least 1, as in [1, 10, 100]; "
            f"got {format_value(budgets)}"
        )
    return sizes


def validate_quantile(quantile: object) -> None:
    """Raise `LeadlineError` unless the quantile is between 0 and 1, or "mean"."""
    if isinstance(quantile, str) and quantile == "mean":
        return
    number = isinstance(quantile, int | float | np.number) and not isinstance(quantile, bool)
    if not number or not 0 < quantile < 1:  # type: ignore[operator]
        raise LeadlineError(
            f"quantile must be between 0 and 1, or 'mean'; got {format_value(quantile)}"
        )


def loss_quantile(quantile: float, sign: float) -> float:
    """Return the quantile of the losses that is this quantile of the scores."""
    return float(quantile) if sign > 0 else 1.0 - float(quantile)
