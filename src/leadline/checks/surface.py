"""Check a surface: whether it predicts its good trials, and where in the space the optimum is."""

import numpy as np

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most
from leadline.stats.surface_prediction import leave_one_out_levels
from leadline.stats.surface_settings import MAX_AT_EDGE, edge_probabilities
from leadline.stats.surface_tree import axes_of, surface_groups

MIN_INSIDE = 0.65
"""Smallest share of good trials inside their 80 % interval. Of 20 trials, 16 ± 1.8 are."""

_INSIDE = 0.8


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
    found = [(0.0, "", "")]
    for axis in axes_of(surface_groups(evidence.tree)[evidence.search]):
        ends = edge_probabilities(axis, evidence.posterior.sel(hyperparameter=axis.name))
        found += [(chance, axis.name, end) for end, chance in ends.items()]
    figure, name, end = max(found)
    return at_most(
        figure,
        MAX_AT_EDGE,
        f"The optimum is at the {end} end of the range of {name}: widen it, where it can be wider, "
        "and go on.",
        about=name,
    )
