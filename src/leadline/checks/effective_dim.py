"""Check whether the posterior of the effective dimension piles up at a bound."""

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made

MAX_AT_BOUND = 0.5
"""Posterior probability within a twentieth of a bound. Nine fits of searches with one effective
hyperparameter, the bound itself, gave 0.05 to 0.32 (40 and 120 trials beyond the threshold). Fits
whose tail was forced too wide, which pull towards less than 1, gave 0.86 to 0.96."""

_WIDTH = 0.05


def lower_bound(evidence: Evidence) -> Outcome:
    """Check the probability that the effective dimension is next to 1."""
    if "effective_dim_probability" in evidence.posterior:
        return not_made(
            MAX_AT_BOUND,
            "An integer effective dimension of 1 does not show whether less would fit better; fit "
            "with effective_dim='continuous' to see.",
        )
    return at_most(
        (evidence.values("effective_dim") < 1.0 + _WIDTH).mean(),
        MAX_AT_BOUND,
        "The best scores are closer together, compared with the rest of the tail, than one "
        "effective hyperparameter explains: fit with a smaller tail_fraction, and see whether the "
        "best trials lie at an edge of the space.",
    )


def upper_bound(evidence: Evidence) -> Outcome:
    """Check the probability that the effective dimension is next to its upper bound."""
    bound = evidence.constant("max_effective_dim")
    if "effective_dim_probability" in evidence.posterior:
        probability = evidence.posterior["effective_dim_probability"].mean(("chain", "draw"))
        figure = float(probability.sel(dimension=int(bound)))
    else:
        figure = (evidence.values("effective_dim") > bound * (1.0 - _WIDTH)).mean()
    return at_most(
        figure,
        MAX_AT_BOUND,
        f"The effective dimension is at its upper bound, {bound:g}: make sure that `params` names "
        "all hyperparameters that were searched, or raise max_effective_dim in leadline.Priors.",
    )
