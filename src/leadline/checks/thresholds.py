"""Whether the thresholds that were averaged tell the same story."""

import itertools

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made

MAX_SEPARATION = 1.0
"""Above it, the 95 % intervals of the optimum at two thresholds do not overlap: the mixture has
two humps, and its mean lies where neither puts it."""

MIN_WEIGHT = 0.05
"""What has less weight moves no 90 % interval."""

_ENDS = (0.025, 0.5, 0.975)


def thresholds(evidence: Evidence) -> Outcome:
    """Check that candidates of some weight agree on the optimum.

    The figure is the largest distance between two of their medians, in units of what their 95 %
    intervals reach towards each other.
    """
    candidates = evidence.candidates
    heavy = candidates.isel(candidate=np.flatnonzero(candidates["weight"] > MIN_WEIGHT))
    if heavy.sizes["candidate"] < 2:
        return not_made(
            MAX_SEPARATION, "The fit is of one threshold and scale: nothing to compare."
        )
    optimum = heavy["optimum"].transpose("candidate", "sample").to_numpy()
    ends = [np.quantile(row[np.isfinite(row)], _ENDS) for row in optimum]
    figure = max(separation(one, other) for one, other in itertools.combinations(ends, 2))
    return at_most(
        figure,
        MAX_SEPARATION,
        "The optimum depends on the threshold: look at the stability plot, and give the "
        "tail fraction or the threshold you trust, or run more trials.",
    )


def separation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the distance of two medians in units of what their intervals reach to each other.

    Parameters
    ----------
    one, other : ndarray, shape (3,)
        Lower end, median and upper end.
    """
    low, high = sorted((one, other), key=lambda ends: float(ends[1]))
    reach = (low[2] - low[1]) + (high[1] - high[0])
    distance = float(high[1] - low[1])
    return distance / float(reach) if reach > 0 else np.inf if distance > 0 else 0.0
