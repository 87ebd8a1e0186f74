"""`tuning_curve_numbers`: the numbers behind `plot_tuning_curve`."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.stats.fitted_search import validate_tree
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.tuning_curve import empirical_tuning_curve, tuning_curve

_POINTS = 32
_EXTRAPOLATED = 10


def tuning_curve_numbers(
    tree: xr.DataTree,
    budgets: Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64] | None = None,
    *,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "measured",
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
) -> xr.Dataset:
    """Return what `leadline.plot_tuning_curve` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budgets : array_like, optional
        Numbers of trials, k. Default: from where the best of k is past the threshold, to ten times
        the trials that were run.
    quantile, kind
        As in `leadline.tuning_curve`.
    ci_prob, ci_kind : optional
        Probability and kind of the intervals. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        In score units: `curve`, the posterior mean, `lower` and `upper` (search, budget);
        `observed` (search, observed_budget), nan past the trials that were run; `optimum`,
        `optimum_lower`, `optimum_upper` and `n_trials` (search). A curve is nan where the best of
        k may be a failed trial, `n_trials` where a search has only reported bests.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    validate_tree(tree)
    prob, ci = validate_interval(ci_prob, ci_kind)
    sizes = _default_budgets(tree) if budgets is None else np.asarray(budgets).reshape(-1)
    curve = tuning_curve(tree, sizes, quantile=quantile, kind=kind)
    # The end of an interval between a score and a failure is no score.
    curve = curve.where((abs(curve) < np.inf).all(SAMPLE_DIMS))
    lower, upper = interval(curve, prob, ci)
    optimum = tree["posterior"].dataset["optimum"]
    optimum_lower, optimum_upper = interval(optimum, prob, ci)
    n_trials = tree["constant_data"].dataset["n_trials"]
    figures = {
        "curve": curve.mean(SAMPLE_DIMS),
        "lower": lower,
        "upper": upper,
        "observed": _observed_curve(tree, sizes, quantile).rename(budget="observed_budget"),
        "optimum": optimum.mean(SAMPLE_DIMS),
        "optimum_lower": optimum_lower,
        "optimum_upper": optimum_upper,
        "n_trials": n_trials.where(n_trials > 0),
    }
    return xr.Dataset(figures, attrs={**curve.attrs, "ci_prob": prob, "ci_kind": ci})


def _default_budgets(tree: xr.DataTree) -> npt.NDArray[np.int64]:
    """Return budgets, evenly on the log scale, for which the law speaks of the best of k."""
    fraction = tree["posterior"]["tail_fraction"].mean(SAMPLE_DIMS).max()
    first = max(1.0, np.log(2.0) / -np.log1p(-min(float(fraction), 0.99)))
    last = _EXTRAPOLATED * int(tree["constant_data"]["n_trials"].max())
    return np.unique(np.round(np.geomspace(first, last, _POINTS))).astype(int)


def _observed_curve(
    tree: xr.DataTree, sizes: npt.NDArray[Any], quantile: float | Literal["mean"]
) -> xr.DataArray:
    """Return the empirical curve at the budgets and at the number of trials, where it ends."""
    every = np.unique(np.concatenate([sizes, tree["constant_data"]["n_trials"].values]))
    every = every[(every >= sizes.min()) & (every <= sizes.max())]
    curve = empirical_tuning_curve(tree, every, quantile=quantile)
    return curve.where(abs(curve) < np.inf)
