"""Check whether reported bests are where the fit of their search expects them."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import NO_TRIALS, Outcome, at_least, not_made
from leadline.stats.fitted_search import direction_sign
from leadline.stats.reported import reported_best_of, reported_scores

MIN_P_REPORTED = 0.01
"""At most one search in a hundred whose reports follow its distribution is flagged: the fit used
the reports too."""


def reported(evidence: Evidence) -> Outcome:
    """Check that the best of as many trials of the fitted distribution is about as good.

    The figure is the smallest two-sided p-value of a report, from the posterior mean of P(the best
    of k trials is better), times the number of reports (Bonferroni).
    """
    scores = reported_scores(evidence.tree, evidence.search)
    best_of = reported_best_of(evidence.tree, evidence.search)
    known = ~np.isnan(best_of)
    if not len(scores):
        return not_made(MIN_P_REPORTED, "The search has no reported bests.")
    if not evidence.has_trials and known.sum() < 2:
        # A single report without trials determines the fit, and so always agrees with it.
        return not_made(MIN_P_REPORTED, NO_TRIALS)
    if not known.any():
        return not_made(MIN_P_REPORTED, "No report comes with the number of its trials.")
    draws = evidence.draws
    loss = direction_sign(evidence.tree) * scores[known]
    # Beyond the threshold, the fit gives the share of the scores but not their distribution: the
    # best of k is there at least as good with probability 1.
    with np.errstate(divide="ignore"):
        log_poorer = np.maximum(draws.log_worse(loss), np.log1p(-draws.tail_fraction))
    poorer = np.exp(best_of[known] * log_poorer)
    better = np.where(draws.on_scale(loss) < draws.threshold, 1.0 - poorer, 1.0)
    figure = 2.0 * np.minimum(better.mean(axis=0), poorer.mean(axis=0)).min()
    return at_least(
        min(1.0, known.sum() * figure),
        MIN_P_REPORTED,
        "A reported best is not where the fit of its search expects it: make sure that it has the "
        "same search space, metric and data. If not, make it a model of its own.",
    )
