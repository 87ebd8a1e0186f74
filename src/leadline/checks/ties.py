"""Whether scores are tied, or recorded too coarsely to see the noise."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most

MAX_TIED = 0.1
"""Share of the tail trials that repeat a score. Exact scores of different trials are never equal,
so that a few ties are trials that were entered twice or runs that ended alike; from one in ten on
they are as many as a fit of the best scores has to go by."""

MAX_CELLS_PER_NOISE = 2.0
"""Spacing of the grid of scores in noise sds. Rounding to a grid of width h adds h²/12 to the
variance (Sheppard's correction): at two sds a third of the noise's own, and noise that small is
known by the prior only."""


def ties(evidence: Evidence) -> Outcome:
    """Check the share of tail trials that repeat a score, when the fit took scores as exact."""
    if evidence.resolution > 0:
        return at_most(0.0, MAX_TIED, "")
    tail = evidence.best(int(evidence.main["n_tail"]))
    figure = 1.0 - tail["score"].nunique() / len(tail)
    return at_most(
        figure,
        MAX_TIED,
        f"{len(tail) - tail['score'].nunique()} of {len(tail)} scores past the threshold repeat "
        "another: record more digits, give fit the spacing of the scores as resolution, or drop "
        "trials that were entered twice.",
    )


def resolution(evidence: Evidence) -> Outcome:
    """Check the spacing of recorded scores against the noise sd, which it can hide."""
    noise = float(np.median(evidence.posterior["noise_sd"]))
    return at_most(
        evidence.resolution / noise,
        MAX_CELLS_PER_NOISE,
        "Scores are recorded too coarsely to tell the noise: record more digits, or a score with "
        "finer steps, such as the loss in place of the error.",
    )
