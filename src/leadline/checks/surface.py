"""Check a surface: whether it predicts its good trials, and where in the space the optimum is."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most
from leadline.stats.surface_prediction import leave_one_out_levels
from leadline.stats.surface_settings import edge_share
from leadline.stats.surface_tree import axes_of, surface_groups

MIN_INSIDE = 0.65
"""Smallest share of good trials inside their 80 % interval. Of 20 trials, 16 ± 1.8 are."""

_INSIDE = 0.8

MAX_AT_EDGE = 0.8
"""Largest probability that the optimum is in the outer twentieth of a range, and it matters."""


def leave_one_out(evidence: Evidence) -> Outcome:
    """Check that the better half of the trials are as far off their predictions as they should.

    Each is predicted from all others. The figure is the share inside the central 80 % interval.
    """
    loss, level = leave_one_out_levels(evidence.tree, evidence.search)
    good = level[loss <= np.median(loss)]
    inside = float(np.mean(np.abs(good - 0.5) <= 0.5 * _INSIDE))
    return at_least(
        inside,
        MIN_INSIDE,
        "The surface does not follow the scores: its intervals are too short. Name all "
        "hyperparameters that varied, or run a random search, which needs no surface.",
    )


def optimum_at_edge(evidence: Evidence) -> Outcome:
    """Check that the optimum is not at an end of the range of a number."""
    posterior = evidence.posterior
    gain, noise = posterior["tuning_gain"], posterior["noise_sd"]
    found = [(0.0, "", "")]
    for axis in axes_of(surface_groups(evidence.tree)[evidence.search]):
        if axis.choices:
            continue
        edge = edge_share(axis)
        at = {"hyperparameter": axis.name}
        # The place of the optimum has no meaning along a hyperparameter that does not matter.
        matters = gain.sel(at) > noise
        place = posterior["best_setting"].sel(at)
        low, high = place < edge, place > 1.0 - edge
        found.append((float((low & matters).mean()), axis.name, "lower"))
        found.append((float((high & matters).mean()), axis.name, "upper"))
    figure, name, end = max(found)
    return at_most(
        figure,
        MAX_AT_EDGE,
        f"The optimum is at the {end} end of the range of {name}: widen it and go on.",
        about=name,
    )
