"""Guided trials in the tree of a fit: those that a sampler that learns chose."""

import numpy as np
import numpy.typing as npt
import xarray as xr

GUIDED = "guided_trial"
"""The dim of guided trials in `constant_data`."""


def has_guided(tree: xr.DataTree) -> bool:
    """Return whether any search of a fit has guided trials."""
    return "n_guided" in tree["constant_data"].data_vars


def guided_searches(tree: xr.DataTree) -> list[str]:
    """Return the names of the searches that have guided trials."""
    if not has_guided(tree):
        return []
    count = tree["constant_data"]["n_guided"]
    return [str(name) for name in count["search"].to_numpy()[count.to_numpy() > 0]]


def guided_losses(
    tree: xr.DataTree, search: str, sign: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return the losses of complete guided trials of a search, and their numbers of seeds."""
    # A surface is fitted to them too, and has their number alone.
    if "guided_score" not in tree["constant_data"].data_vars:
        return np.empty(0), np.empty(0, dtype=int)
    constant = tree["constant_data"].dataset
    own = constant["guided_search"].to_numpy().astype(str) == search
    replicates = constant["guided_replicates"].to_numpy()[own]
    return sign * constant["guided_score"].to_numpy()[own], replicates
