"""Whether the best trials pile up at an edge of the searched range of a hyperparameter."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import hypergeom

from leadline.checks.evidence import PARAM_PREFIX, Evidence
from leadline.checks.outcome import Outcome, at_least, not_made

MIN_P_EDGE = 0.01
"""After Bonferroni over hyperparameters and edges: one search in a hundred is flagged by chance."""

_SHARE = 0.1
"""The outer tenth of what was searched, and the best tenth of the trials."""
_LEAST_BEST = 20
_LEAST_TRIALS = 40


def space_edges(evidence: Evidence) -> Outcome:
    """Check that no outer tenth of a range holds far more than its share of the best trials.

    Tenths are of the trials themselves, by rank, so that it does not matter whether a
    hyperparameter was drawn uniformly or on a log scale. An optimum inside may lie near the edge:
    only where the outer tenth also holds at least as many as the next do trials pile up there.
    """
    trials = evidence.trials
    prefix = PARAM_PREFIX.removeprefix("trial_")
    params = {
        name.removeprefix(prefix): numbers(trials[name])
        for name in map(str, trials.columns)
        if name.startswith(prefix)
    }
    params = {name: values for name, values in params.items() if varies(values)}
    if not params:
        return not_made(MIN_P_EDGE, "The trials have no numeric hyperparameters (param: columns).")
    if len(trials) < _LEAST_TRIALS:
        return not_made(MIN_P_EDGE, f"There are only {len(trials)} trials.")
    n_best = max(_LEAST_BEST, round(_SHARE * len(trials)))
    is_best = trials.index.isin(evidence.best(n_best).index)
    found = [
        (pile_p_value(sign * values, is_best), name, side)
        for name, values in params.items()
        for side, sign in (("downward", 1.0), ("upward", -1.0))
    ]
    figure, name, side = min(found)
    return at_least(
        min(1.0, len(found) * figure),
        MIN_P_EDGE,
        f"The best trials lie at the {'lower' if side == 'downward' else 'upper'} edge of {name}: "
        f"widen its range {side} and search again.",
        about=name,
    )


def numbers(values: pd.Series) -> npt.NDArray[np.float64]:
    """Return the values as numbers, nan where they are none."""
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)


def varies(values: npt.NDArray[np.float64]) -> bool:
    """Return whether there is a range, of a hyperparameter that all trials have."""
    return bool(np.isfinite(values).all() and np.ptp(values) > 0)


def pile_p_value(values: npt.NDArray[np.float64], is_best: npt.NDArray[np.bool_]) -> float:
    """Return how probable so many of the best trials at the low edge are by chance; 1 without pile.

    Parameters
    ----------
    values : ndarray of float, shape (trial,)
        Of one hyperparameter.
    is_best : ndarray of bool, shape (trial,)
        Which trials are the best.
    """
    n = len(values)
    first, second = np.sort(values)[[round(_SHARE * n) - 1, round(2 * _SHARE * n) - 1]]
    outer = values <= first
    # Equal values of an integer hyperparameter make unequal tenths: compare shares.
    beside = (values > first) & (values <= second)
    if outer.mean() > 0.5:
        return 1.0
    if beside.any() and is_best[outer].mean() < is_best[beside].mean():
        return 1.0
    return float(hypergeom.sf(is_best[outer].sum() - 1, n, outer.sum(), is_best.sum()))
