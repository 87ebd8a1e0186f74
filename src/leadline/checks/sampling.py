"""Check the sampler: divergences, R-hat, effective sample size and E-BFMI."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS

MIN_BFMI = 0.3
"""Betancourt (2016, arXiv:1604.00695): below it, NUTS does not reach the tails of the posterior."""

_MORE_DRAWS = "Fit again with more draws or chains."
_MORE_TUNING = "fit again with more tuning and more draws."


def divergences(evidence: Evidence) -> Outcome:
    """Check that no transition diverged: NUTS missed a part of the posterior at each that did."""
    return at_most(
        evidence.convergence.divergences,
        0,
        "Fit again with more tuning; if some transitions still diverge, fit each search on its own "
        "(model='single'), or with other priors.",
    )


def rhat(evidence: Evidence) -> Outcome:
    """Check that the chains agree."""
    figure = evidence.convergence.max_rhat
    if np.isnan(figure):
        return not_made(MAX_RHAT, "R-hat compares chains, and there is one; fit with chains=4.")
    return at_most(figure, MAX_RHAT, f"The chains disagree: {_MORE_TUNING}")


def ess_bulk(evidence: Evidence) -> Outcome:
    """Check that the effective sample size suffices for means."""
    return at_least(evidence.convergence.min_ess_bulk, MIN_ESS, _MORE_DRAWS)


def ess_tail(evidence: Evidence) -> Outcome:
    """Check that the effective sample size suffices for intervals."""
    return at_least(evidence.convergence.min_ess_tail, MIN_ESS, _MORE_DRAWS)


def energy(evidence: Evidence) -> Outcome:
    """Check E-BFMI, the worst over the averaged candidates.

    `leadline.fit` computes it from all draws of each candidate. The draws of the mixture cannot
    replace them: energies differ between thresholds, and mixed draws are not successive.
    """
    candidates = evidence.candidates
    if "min_bfmi" not in candidates:
        return not_made(MIN_BFMI, "The fit has no E-BFMI: an earlier version made it.")
    figure = float(candidates["min_bfmi"].where(candidates["weight"] > 0).min())
    if np.isnan(figure):
        return not_made(MIN_BFMI, "The sampler recorded no energy.")
    return at_least(figure, MIN_BFMI, f"NUTS moves slowly through the posterior: {_MORE_TUNING}")
