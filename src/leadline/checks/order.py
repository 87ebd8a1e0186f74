"""Whether the scores drift with the order of the trials, as those of a random search do not."""

import numpy as np
from scipy.stats import spearmanr

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made

MIN_P_ORDER = 0.01
"""One random search in a hundred is flagged. A model-based search gets better as it goes, which
shows with p far below this within a few dozen trials."""

_LEAST_TRIALS = 10


def order(evidence: Evidence) -> Outcome:
    """Check the rank correlation of the losses of all trials, failures last, with their order."""
    trials = evidence.trials
    place = np.arange(len(trials), dtype=float)
    if "order" in trials and trials["order"].notna().all():
        place = trials["order"].to_numpy(dtype=float)
    if len(trials) < _LEAST_TRIALS:
        return not_made(MIN_P_ORDER, f"There are only {len(trials)} trials.")
    found = spearmanr(place, trials["loss"])
    return at_least(
        found.pvalue,
        MIN_P_ORDER,
        f"Later trials are {'better' if found.statistic < 0 else 'worse'} than early ones: make "
        "sure that the search was random and nothing was changed on the way, else no answer holds.",
    )
