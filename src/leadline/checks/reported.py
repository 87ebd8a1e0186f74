"""Check whether reported bests are where the fit of their search expects them."""

import numpy as np
import numpy.typing as npt

from leadline.checks.evidence import Evidence, loss_on_scale
from leadline.checks.outcome import NO_TRIALS, Outcome, at_least, not_made
from leadline.distributions.law import log_survival
from leadline.stats.fitted_search import FittedSearch
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
    better, poorer = np.sum(
        [_chances(part, scores[known], best_of[known]) for part in evidence.parts], axis=0
    )
    figure = 2.0 * np.minimum(better, poorer).min() / evidence.n_draws
    return at_least(
        min(1.0, known.sum() * figure),
        MIN_P_REPORTED,
        "A reported best is not where the fit of its search expects it: make sure that it has the "
        "same search space, metric and data. If not, make it a model of its own.",
    )


def _chances(
    part: FittedSearch, scores: npt.NDArray[np.float64], best_of: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return P(the best of k trials is at least as good) and P(at most as good), summed over draws.

    The shape is (2, report). Beyond the threshold the fit gives only the share of the scores, not
    their distribution: there the first probability is 1.
    """
    loss = loss_on_scale(part, scores)
    poorer = np.exp(best_of * log_survival(np.minimum(loss, part.threshold), part.law))
    better = np.where(loss < part.threshold, 1.0 - poorer, 1.0)
    return np.stack([better.sum(axis=0), poorer.sum(axis=0)])
