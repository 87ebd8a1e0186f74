"""Whether the draws can be relied on: the limits of `leadline.stats.diagnostics`, and E-BFMI."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.stats.convergence import convergence
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS

MIN_BFMI = 0.3
"""Betancourt (2016, arXiv:1604.00695): below it, NUTS does not reach the tails of the posterior."""


def divergences(evidence: Evidence) -> Outcome:
    """Check that no transition diverged: each says that NUTS missed a part of the posterior."""
    found = convergence(evidence.tree, evidence.search)
    return at_most(
        found.divergences,
        0,
        "Fit again with more tuning; where some still diverge, fit the searches one by one "
        "(model='single'), or with other priors.",
    )


def rhat(evidence: Evidence) -> Outcome:
    """Check that the chains agree."""
    found = convergence(evidence.tree, evidence.search)
    if np.isnan(found.max_rhat):
        return not_made(
            MAX_RHAT, "There is one chain; fit with chains=4 to see whether they agree."
        )
    return at_most(
        found.max_rhat, MAX_RHAT, "The chains disagree: fit again with more tuning and more draws."
    )


def ess_bulk(evidence: Evidence) -> Outcome:
    """Check that the draws are enough for means."""
    found = convergence(evidence.tree, evidence.search)
    return at_least(found.min_ess_bulk, MIN_ESS, "Fit again with more draws or chains.")


def ess_tail(evidence: Evidence) -> Outcome:
    """Check that the draws are enough for intervals."""
    found = convergence(evidence.tree, evidence.search)
    return at_least(found.min_ess_tail, MIN_ESS, "Fit again with more draws or chains.")


def energy(evidence: Evidence) -> Outcome:
    """Check E-BFMI, the worst over the candidates that were averaged.

    As `leadline.fit` found it from all draws of each: energies of several thresholds cannot be
    compared, and those left in the mixture are not successive.
    """
    candidates = evidence.candidates
    if "min_bfmi" not in candidates:
        return not_made(MIN_BFMI, "The fit has no E-BFMI: it was made by an earlier version.")
    figure = float(candidates["min_bfmi"].where(candidates["weight"] > 0).min())
    if np.isnan(figure):
        return not_made(MIN_BFMI, "The sampler recorded no energy.")
    return at_least(
        figure,
        MIN_BFMI,
        "NUTS moves slowly through the posterior: fit again with more tuning and more draws.",
    )
