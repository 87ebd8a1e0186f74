"""The noise between seeds of a trial, where it is more than a surface takes for noise."""

import numpy as np
import xarray as xr

from leadline.stats.diagnostics import failed_searches
from leadline.stats.surface_tree import scores_of, surface_groups

CHECK = "noise of seeds"
"""The name of the check that compares the two."""


def sd_between_seeds(group: xr.DataTree) -> float:
    """Return the sd between seeds of the same trial, of the good trials of one surface."""
    data = group.to_dataset()
    freedom = data["seed_freedom"].to_numpy()
    squares = float(freedom @ data["seed_variance"].to_numpy())
    loss = np.median(data["loss"].to_numpy()[data["seed_trial"].to_numpy()])
    noise = np.sqrt([squares / freedom.sum()])
    return float(scores_of(group).noise_sd(np.array([loss]), noise)[0])


def larger_noises(tree: xr.DataTree) -> dict[str, float]:
    """Return the sd between seeds of each search whose check of it failed."""
    groups = surface_groups(tree)
    return {name: sd_between_seeds(groups[name]) for name in failed_searches(tree).get(CHECK, ())}


def seeds_clause(tree: xr.DataTree, search: str) -> str:
    """Return a clause on the sd between seeds, "" where the surface has it right."""
    sd = larger_noises(tree).get(search)
    return "" if sd is None else f"; seeds differ by more than this noise, an sd of {sd:.2g}"


def seeds_mark(sd: float) -> str:
    """Return what stands after the noise of a surface in a table, "" where `sd` is nan."""
    return f" (seeds {sd:.2g})" if np.isfinite(sd) else ""
