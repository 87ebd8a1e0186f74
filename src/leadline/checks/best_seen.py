"""Check whether the best score is too good for the fitted optimum and noise."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most

MAX_EXCURSION = 0.05
"""Posterior probability that the best score is a noise excursion of over 3 sds beyond the optimum.
If one hyperparameter matters and the noise is a thirtieth of the spread, some 70 of 400 trials are
near the optimum. The luckiest of these gets there by chance in one search of ten; with two
hyperparameters, hardly ever."""

_SDS = 3.0


def best_seen(evidence: Evidence) -> Outcome:
    """Check the probability that the best score is over three noise sds beyond the optimum."""
    return at_most(
        excursion_probability(evidence),
        MAX_EXCURSION,
        "The best trial is too good for the fitted optimum: run it again with other seeds. If the "
        "run is neither broken nor lucky, the tail is too wide for the quadratic law: fit with a "
        "smaller tail fraction.",
    )


def excursion_probability(evidence: Evidence) -> float:
    """Return P(the best score is over 3 of its noise sds beyond the optimum)."""
    best = evidence.best(1).iloc[0]
    draws = evidence.draws
    noise_sd = draws.sigma / np.sqrt(float(best["replicates"]))
    return float((draws.alpha - draws.on_scale(best["loss"]) > _SDS * noise_sd).mean())
