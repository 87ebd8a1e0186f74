"""Check whether the best trials pile up at an edge of the range of a hyperparameter."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import hypergeom

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made
from leadline.data.trials import PARAM_PREFIX

MIN_P_EDGE = 0.01
"""After Bonferroni over hyperparameters and edges: one search in a hundred is flagged by chance."""

_SHARE = 0.1
"""Outer tenth of the searched range, and best tenth of the trials."""
_MIN_BEST = 20
_MIN_TRIALS = 40


def space_edges(evidence: Evidence) -> Outcome:
    """Check that no outer tenth of a range holds far more than its share of the best trials.

    Tenths are by rank among the trials, so that uniform and logarithmic ranges are treated alike.
    An optimum inside the range may lie near the edge. A pile is therefore reported only if the
    outer tenth holds at least as many of the best trials as the next tenth.
    """
    trials = evidence.trials
    params = {
        name.removeprefix(PARAM_PREFIX): pd.to_numeric(trials[name], errors="coerce").to_numpy(
            float
        )
        for name in map(str, trials.columns)
        if name.startswith(PARAM_PREFIX)
    }
    # Only hyperparameters that all trials have, as numbers of which at least two differ.
    params = {
        name: values
        for name, values in params.items()
        if np.isfinite(values).all() and np.ptp(values) > 0
    }
    if not params:
        return not_made(
            MIN_P_EDGE, "No trial has numeric hyperparameters; `params` names their columns."
        )
    if len(trials) < _MIN_TRIALS:
        return not_made(
            MIN_P_EDGE, f"The search has {len(trials)} trials; this check needs {_MIN_TRIALS}."
        )
    best = evidence.best(max(_MIN_BEST, round(_SHARE * len(trials))))
    is_best = trials.index.isin(best.index)
    found = [
        (pile_p_value(sign * values, is_best), name, edge, way)
        for name, values in params.items()
        for sign, edge, way in ((1.0, "lower", "downward"), (-1.0, "upper", "upward"))
    ]
    figure, name, edge, way = min(found)
    return at_least(
        min(1.0, len(found) * figure),
        MIN_P_EDGE,
        f"The best trials lie at the {edge} edge of {name}: widen its range {way} and search "
        "again.",
        about=name,
    )


def pile_p_value(values: npt.NDArray[np.float64], is_best: npt.NDArray[np.bool_]) -> float:
    """Return P(at least as many of the best trials at the low edge by chance); 1 without a pile.

    Parameters
    ----------
    values : ndarray of float, shape (trial,)
        Values of one hyperparameter.
    is_best : ndarray of bool, shape (trial,)
        Marks the best trials.
    """
    n = len(values)
    first, second = np.sort(values)[[round(_SHARE * n) - 1, round(2 * _SHARE * n) - 1]]
    outer = values <= first
    next_tenth = (values > first) & (values <= second)
    if outer.mean() > 0.5:
        return 1.0
    # Repeated values of an integer hyperparameter make the tenths unequal: compare shares.
    if next_tenth.any() and is_best[outer].mean() < is_best[next_tenth].mean():
        return 1.0
    return float(hypergeom.sf(is_best[outer].sum() - 1, n, outer.sum(), is_best.sum()))
