"""Check a surface: its predictions of good trials, its noise, and where the optimum is."""

import numpy as np
from scipy.stats import chi2

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.stats.noise_of_seeds import sd_between_seeds
from leadline.stats.surface_prediction import leave_one_out_levels
from leadline.stats.surface_settings import MAX_AT_EDGE, edge_probabilities
from leadline.stats.surface_tree import axes_of, best_trial_name, surface_groups

MIN_INSIDE = 0.65
"""Smallest share of good trials inside their 80 % interval. Of 20 trials, 16 ± 1.8 are."""

_INSIDE = 0.8

MIN_P_SEEDS = 0.05
"""At most one search in twenty with the same noise at all scores is noted: the surface was fitted
to the same seeds."""


MIN_P_BEST = 0.01
"""At most one sound search in a hundred is noted."""


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


def best_trial(evidence: Evidence) -> Outcome:
    """Check that the best trial is no better than the best of so many should be.

    It is predicted from all others. The figure is the probability that the best of as many trials,
    each as good as its prediction, would be as far above its own.
    """
    _, level = leave_one_out_levels(evidence.tree, evidence.search)
    best = level[int(surface_groups(evidence.tree)[evidence.search].attrs["best"])]
    name = best_trial_name(evidence.tree, evidence.search)
    return at_least(
        -np.expm1(len(level) * np.log1p(-min(best, 1.0 - 1e-12))),
        MIN_P_BEST,
        f"The best trial{f' ({name})' * bool(name)} is better than the others let expect, by luck "
        "or by more than the surface can follow: run it again before you rely on it.",
    )


def noise_of_seeds(evidence: Evidence) -> Outcome:
    """Check that seeds of good trials differ no more than the noise of the surface has it.

    Bad losses are compressed, and their noise with them, so that the noise of the surface, which
    is one for all trials, may be too small. The figure is the posterior mean of the probability
    that seeds with this noise would differ as much.
    """
    group = surface_groups(evidence.tree)[evidence.search]
    data = group.to_dataset()
    if "seed_variance" not in data:
        return not_made(MIN_P_SEEDS, "No trial has several seeds: run some of the best with more.")
    freedom = data["seed_freedom"].to_numpy()
    squares = float(freedom @ data["seed_variance"].to_numpy())
    variance = data["residual_sd"] ** 2 * (1.0 - data["own_share"])
    return at_least(
        chi2.sf((squares / variance).to_numpy(), freedom.sum()).mean(),
        MIN_P_SEEDS,
        f"Seeds of the same trial differ by an sd of {sd_between_seeds(group):.3g}, more than the "
        "noise of the surface: take this for the noise of one run, also where a hyperparameter is "
        "said to matter or a gain to be worth having.",
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
