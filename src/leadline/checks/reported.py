"""Whether reported bests are where the law of their search expects them."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made
from leadline.distributions.law import log_survival
from leadline.stats.reported import reported_best_of, reported_scores

MIN_P_REPORTED = 0.01
"""One search in a hundred whose reports follow its law is flagged, or fewer: the law was fitted to
them too."""

NO_TRIALS = (
    "There are no trials, only reported bests: that they follow the law is assumed, not checked."
)


def reported(evidence: Evidence) -> Outcome:
    """Check that the best of so many trials of the fitted law is about as good as reported.

    The figure is the smallest two-sided p-value of a report, times their number: that of the
    posterior mean of P(the best of k trials is better).
    """
    scores = reported_scores(evidence.tree, evidence.search)
    if not len(scores):
        return not_made(MIN_P_REPORTED, "The search has no reported bests.")
    best_of = reported_best_of(evidence.tree, evidence.search)
    known = ~np.isnan(best_of)
    if not evidence.has_trials and known.sum() < 2:
        # One alone is always where the law is put.
        return not_made(MIN_P_REPORTED, NO_TRIALS)
    if not known.any():
        return not_made(MIN_P_REPORTED, "No report tells how many trials it is the best of.")
    figure = min(
        _p_value(evidence, score, trials)
        for score, trials in zip(scores[known], best_of[known], strict=True)
    )
    return at_least(
        min(1.0, int(known.sum()) * figure),
        MIN_P_REPORTED,
        "A reported best is not where the law of its search expects it: make sure that it is of "
        "the same search space, metric and data, and give it a model of its own where it is not.",
    )


def _p_value(evidence: Evidence, score: float, trials: float) -> float:
    """Return that of a report, two-sided, averaged over the draws."""
    draws = evidence.draws
    loss = draws.on_scale(draws.sign * score)
    poorer = np.exp(trials * log_survival(np.minimum(loss, draws.threshold), draws.law))
    # Scores that are worse than the threshold have a probability, but no distribution.
    better = np.where(loss < draws.threshold, 1.0 - poorer, 1.0)
    return 2.0 * min(float(better.mean()), float(poorer.mean()))
