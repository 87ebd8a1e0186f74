"""Whether the effective dimension piles up at one of its bounds."""

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made

MAX_AT_BOUND = 0.5
"""The posterior probability within a twentieth of a bound. Fits of searches with one effective
hyperparameter, the bound itself, gave 0.05 to 0.32 (nine, with 40 and 120 trials past the
threshold); fits whose tail was forced too wide, which want less than 1, gave 0.86 to 0.96."""

_WIDTH = 0.05


def lower_bound(evidence: Evidence) -> Outcome:
    """Check the probability that the effective dimension is next to 1."""
    posterior = evidence.posterior
    if "effective_dim_probability" in posterior:
        return not_made(
            MAX_AT_BOUND,
            "An integer effective dimension of 1 is no sign of less: fit with "
            "effective_dim='continuous' to see.",
        )
    figure = float((posterior["effective_dim"] < 1.0 + _WIDTH).mean())
    return at_most(
        figure,
        MAX_AT_BOUND,
        "Scores rise more steeply past the best than with one effective hyperparameter: use a "
        "smaller tail fraction, and see whether the best trials lie at an edge of the space.",
    )


def upper_bound(evidence: Evidence) -> Outcome:
    """Check the probability that the effective dimension is next to the most that it may be."""
    posterior = evidence.posterior
    bound = evidence.constant("max_effective_dim")
    if "effective_dim_probability" in posterior:
        probability = posterior["effective_dim_probability"].mean(("chain", "draw"))
        figure = float(probability.sel(dimension=int(bound)))
    else:
        figure = float((posterior["effective_dim"] > bound * (1.0 - _WIDTH)).mean())
    return at_most(
        figure,
        MAX_AT_BOUND,
        f"The effective dimension is at its upper bound, {bound:g}: make sure that all "
        "hyperparameters that were searched are in params, or raise max_effective_dim in Priors.",
    )
