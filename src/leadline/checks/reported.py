"""Whether reported bests are where the law of their search expects them."""

import numpy as np

from leadline.checks.evidence import Evidence, on_scale
from leadline.checks.outcome import Outcome, at_least, not_made
from leadline.distributions.array_functions import log_survival
from leadline.stats.fitted_search import FittedSearch
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

    def chances(part: FittedSearch) -> tuple[float, float]:
        """Return P(the best of so many is at least as good), P(at most), added up."""
        loss = np.full_like(part.alpha, on_scale(part, score))
        past = loss < part.threshold
        poorer = np.exp(trials * log_survival(np.minimum(loss, part.threshold), part.law))
        # The law says nothing of scores beyond the threshold, but how often they are.
        return float(np.where(past, 1.0 - poorer, 1.0).sum()), float(poorer.sum())

    better, poorer = np.sum([chances(part) for part in evidence.parts], axis=0)
    return 2.0 * float(min(better, poorer)) / sum(len(part.rows) for part in evidence.parts)
