"""Check whether the averaged thresholds agree on the optimum."""

import itertools

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made

MAX_SEPARATION = 1.0
"""Above it, the 95 % intervals of the optimum at two thresholds do not overlap: the mixture is
bimodal, and its mean lies between the modes."""

MIN_WEIGHT = 0.05
"""Candidates of less weight cannot move a 90 % interval."""

_ENDS = (0.025, 0.5, 0.975)


def thresholds(evidence: Evidence) -> Outcome:
    """Check that the candidates above `MIN_WEIGHT` agree on the optimum.

    The figure is the largest `separation` of two candidates.
    """
    candidates = evidence.candidates
    heavy = candidates.isel(candidate=np.flatnonzero(candidates["weight"] > MIN_WEIGHT))
    if heavy.sizes["candidate"] < 2:
        return not_made(MAX_SEPARATION, "The fit uses one threshold and scale.")
    optimum = heavy["optimum"].transpose("candidate", "sample").to_numpy()
    ends = [np.quantile(row[np.isfinite(row)], _ENDS) for row in optimum]
    return at_most(
        max(separation(first, second) for first, second in itertools.combinations(ends, 2)),
        MAX_SEPARATION,
        "The optimum depends on the threshold: look at the stability plot, and fit with the tail "
        "fraction or threshold that you trust, or run more trials.",
    )


def separation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance of two medians, over the summed half-widths that face each other.

    Parameters
    ----------
    first, second : ndarray, shape (3,)
        Lower end, median and upper end of an interval.
    """
    low, high = sorted((first, second), key=lambda ends: float(ends[1]))
    half_widths = float((low[2] - low[1]) + (high[1] - high[0]))
    distance = float(high[1] - low[1])
    return distance / half_widths if half_widths > 0 else np.inf if distance > 0 else 0.0
