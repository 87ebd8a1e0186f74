"""Whether enough trials are past the threshold."""

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least

MIN_TAIL_POINTS = 20
"""`leadline.fit` refuses fewer than 8. With fewer than 20 the posterior leans on the prior of the
effective dimension and no test of fit has power; 20 is also the deepest tail that the automatic
threshold tries in a large search."""


def tail_points(evidence: Evidence) -> Outcome:
    """Check the number of trials past the threshold that most draws use."""
    figure = int(evidence.main["n_tail"])
    return at_least(
        figure,
        MIN_TAIL_POINTS,
        "Run more trials: so few past the threshold leave much to the prior and hide a bad fit.",
    )
