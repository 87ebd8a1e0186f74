"""Check whether the best trials pile up at an edge of the range of a hyperparameter."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import hypergeom

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made, too_few_trials
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
    params = trials.filter(regex=f"^{PARAM_PREFIX}").apply(pd.to_numeric, errors="coerce")
    params = params.astype(float).rename(columns=lambda name: name.removeprefix(PARAM_PREFIX))
    # Only hyperparameters that all trials have, as numbers of which at least two differ.
    params = params.loc[:, np.isfinite(params).all() & (params.min() < params.max())]
    if params.empty:
        reason = "No trial has numeric hyperparameters; `params` names their columns."
        return not_made(MIN_P_EDGE, reason)
    if len(trials) < _MIN_TRIALS:
        return too_few_trials(MIN_P_EDGE, len(trials), _MIN_TRIALS)
    best = evidence.best(max(_MIN_BEST, round(_SHARE * len(trials))))
    is_best = trials.index.isin(best.index)
    found = [
        (pile_p_value(sign * values.to_numpy(), is_best), str(name), edge, way)
        for name, values in params.items()
        for sign, edge, way in ((1.0, "lower", "downward"), (-1.0, "upper", "upward"))
    ]
    figure, name, edge, way = min(found)
    figure = min(1.0, len(found) * figure)
    advice = f"The best trials lie at the {edge} edge of {name}: widen its range {way}"
    return at_least(figure, MIN_P_EDGE, f"{advice} and search again.", about=name)


def pile_p_value(values: npt.NDArray[np.float64], is_best: npt.NDArray[np.bool_]) -> float:
    """Return P(at least as many of the best trials at the low edge by chance); 1 without a pile.

    `values` of one hyperparameter and `is_best` have shape (trial,).
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
