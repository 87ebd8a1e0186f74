"""Check the sampler: divergences, R-hat, effective sample size and E-BFMI."""

import json

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS
from leadline.stats.sampling_advice import fit_again
from leadline.stats.surface_tree import is_surface

MIN_BFMI = 0.3
"""Betancourt (2016, arXiv:1604.00695): below it, NUTS does not reach the tails of the posterior."""

_MORE = "tune=4000, draws=4000"


def divergences(evidence: Evidence) -> Outcome:
    """Check that no transition diverged: NUTS missed a part of the posterior at each that did."""
    return at_most(
        evidence.convergence.divergences,
        0,
        f"The sampler missed a part of the posterior: {evidence.convergence.advice}.",
    )


def rhat(evidence: Evidence) -> Outcome:
    """Check that the chains agree."""
    figure = evidence.convergence.max_rhat
    if np.isnan(figure):
        return not_made(
            MAX_RHAT, f"R-hat compares chains, and there is one: {evidence.convergence.advice}."
        )
    return at_most(figure, MAX_RHAT, f"The chains disagree: {evidence.convergence.advice}.")


def ess_bulk(evidence: Evidence) -> Outcome:
    """Check that the effective sample size suffices for means."""
    return _enough(evidence, evidence.convergence.min_ess_bulk)


def ess_tail(evidence: Evidence) -> Outcome:
    """Check that the effective sample size suffices for intervals."""
    return _enough(evidence, evidence.convergence.min_ess_tail)


def energy(evidence: Evidence) -> Outcome:
    """Check E-BFMI, the worst over the averaged candidates.

    `leadline.fit` computes it from all draws of each candidate. The draws of the mixture cannot
    replace them: energies differ between thresholds, and mixed draws are not successive.
    """
    again = fit_again(json.loads(evidence.tree.attrs.get("settings", "{}")), _MORE)
    slow = f"The sampler moves slowly through the posterior: {again}."
    if is_surface(evidence.tree):
        return at_least(evidence.convergence.min_bfmi, MIN_BFMI, slow)
    candidates = evidence.candidates
    if "min_bfmi" not in candidates:
        return not_made(MIN_BFMI, "The fit has no E-BFMI: an earlier version made it.")
    figure = float(candidates["min_bfmi"].where(candidates["weight"] > 0).min())
    if np.isnan(figure):
        return not_made(MIN_BFMI, "The sampler recorded no energy.")
    return at_least(figure, MIN_BFMI, slow)


def _enough(evidence: Evidence, size: float) -> Outcome:
    """Return whether an effective sample size suffices."""
    return at_least(size, MIN_ESS, f"The draws are too few: {evidence.convergence.advice}.")
