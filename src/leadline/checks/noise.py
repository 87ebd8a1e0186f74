"""Check whether the fitted noise explains the best trials: their luck, and their own noise."""

import numpy as np
from scipy.stats import chi2

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.errors import pluralize

MAX_EXCURSION = 0.05
"""Posterior probability that the best score is a noise excursion of over 3 sds beyond the optimum.
If one hyperparameter matters and the noise is a thirtieth of the spread, some 70 of 400 trials are
near the optimum. The luckiest of these gets there by chance in one search of ten; with two
hyperparameters, hardly ever."""

MIN_P_NOISE = 0.01
"""At most one search in a hundred with constant normal noise is flagged: the noise sd was fitted
to the same seeds."""

_SDS = 3.0
_MIN_REPEATED = 10


def best_seen(evidence: Evidence) -> Outcome:
    """Check the probability that the best score is over three noise sds beyond the optimum."""
    return at_most(
        excursion_probability(evidence),
        MAX_EXCURSION,
        "The best trial is too good for the fitted optimum: run it again with other seeds. If the "
        "run is neither broken nor lucky, too many trials are used for the quadratic law: fit with "
        "a smaller tail_fraction.",
    )


def excursion_probability(evidence: Evidence) -> float:
    """Return P(the best score is over 3 of its noise sds beyond the optimum)."""
    best = evidence.best(1).iloc[0]
    draws = evidence.draws
    noise_sd = draws.sigma / np.sqrt(float(best["replicates"]))
    return float((draws.alpha - draws.on_scale(best["loss"]) > _SDS * noise_sd).mean())


def constant_noise(evidence: Evidence) -> Outcome:
    """Check the variance between seeds in the better half of the repeated trials.

    A noise sd that suits the worse trials of the tail is too large for the best ones. Their scores
    then pass for luck and the optimum comes out too poor, although every sampler diagnostic is
    fine. The figure is the posterior mean of the probability that seeds with the fitted noise sd
    would vary as little.
    """
    draws = evidence.main_draws
    tail = evidence.best(evidence.n_tail)
    tail = tail[tail["seed_variance"].notna()]
    if len(tail) < _MIN_REPEATED:
        count = pluralize(len(tail), "trial")
        reason = f"At the likeliest threshold the fit uses {count} of several seeds, and this check"
        advice = "run some of the best with more seeds"
        return not_made(MIN_P_NOISE, f"{reason} needs {_MIN_REPEATED}: {advice}.")
    better = tail.head(len(tail) // 2)
    freedom = better["replicates"].to_numpy(dtype=float) - 1.0
    # To first order, the variance on the scale of the fit.
    loss = draws.on_scale(better["loss"].to_numpy(dtype=float))
    slope = 1.0 / draws.score_units_per_unit(loss)[0]
    sum_of_squares = float((better["seed_variance"].to_numpy() * slope**2) @ freedom)
    return at_least(
        chi2.cdf(sum_of_squares / draws.sigma**2, freedom.sum()).mean(),
        MIN_P_NOISE,
        "The best trials have less noise than the fit, which assumes constant noise and takes good "
        "scores for luck: fit with scale='log' or a smaller tail_fraction.",
    )
