"""Guided trials in the tree of a fit: those that a sampler that learns chose."""

import numpy as np
import numpy.typing as npt
import xarray as xr

GUIDED = "guided_trial"
"""The dim of guided trials in `constant_data`."""


def has_guided(tree: xr.DataTree) -> bool:
    """Return whether any search of a fit has guided trials."""
    return "n_guided" in tree["constant_data"].data_vars


def guided_losses(
    tree: xr.DataTree, search: str, sign: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return the losses of complete guided trials of a search, and their numbers of seeds."""
    if not has_guided(tree):
        return np.empty(0), np.empty(0, dtype=int)
    constant = tree["constant_data"].dataset
    own = constant["guided_search"].to_numpy().astype(str) == search
    replicates = constant["guided_replicates"].to_numpy()[own]
    return sign * constant["guided_score"].to_numpy()[own], replicates
