"""Whether the best score seen is too good for the optimum and the noise that were found."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most

MAX_EXCURSION = 0.05
"""The posterior probability that the best seen is a noise excursion of over 3 sds past the optimum.
Issue 4 of the project sets it. Where one hyperparameter matters and the noise is a thirtieth of
the spread, some 70 of 400 trials are near the optimum, and the luckiest of these gets there by
chance in one search of ten; with two, hardly ever."""

_SDS = 3.0


def best_seen(evidence: Evidence) -> Outcome:
    """Check how likely the best seen is better than the optimum by over three noise sds."""
    return at_most(
        excursion_probability(evidence),
        MAX_EXCURSION,
        "The best trial is too good for this optimum: run it again with other seeds; if it is not "
        "a broken or lucky run, the tail is too wide for the law: fit with a smaller tail "
        "fraction.",
    )


def excursion_probability(evidence: Evidence) -> float:
    """Return P(the best seen is past the optimum by over 3 of its noise sds)."""
    best = evidence.best(1).iloc[0]
    draws = evidence.draws
    noise_sd = draws.sigma / np.sqrt(float(best["replicates"]))
    return float((draws.alpha - draws.on_scale(best["loss"]) > _SDS * noise_sd).mean())
