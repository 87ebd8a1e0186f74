"""Guided trials in the tree of a fit, and the expected loss of one of them.

The law holds for random trials. The expected loss Q of a guided trial has a density of its own, an
exponential from `guided_start` on with mean `guided_scale` (`leadline.models.guided`). Given its
measured loss Y, Q is normal with mean ``Y − s²/scale`` and sd s, the noise of the measurement, cut
off at the start.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr, ndtri

Array = npt.NDArray[np.float64]

GUIDED = "guided_trial"
"""The dim of guided trials in `constant_data`."""

# Means over equal parts of the probability; the error is below 0.01 of the noise sd.
_NODES = 64


def has_guided(tree: xr.DataTree) -> bool:
    """Return whether any search of a fit has guided trials."""
    return "n_guided" in tree["constant_data"].data_vars


def guided_losses(
    tree: xr.DataTree, search: str, sign: float
) -> tuple[Array, npt.NDArray[np.intp]]:
    """Return the losses of complete guided trials of a search, and their numbers of seeds."""
    if not has_guided(tree):
        return np.empty(0), np.empty(0, dtype=int)
    constant = tree["constant_data"].dataset
    own = constant["guided_search"].to_numpy().astype(str) == search
    replicates = constant["guided_replicates"].to_numpy()[own]
    return sign * constant["guided_score"].to_numpy()[own], replicates


def quantiles_given_measured(loss: Array, start: Array, scale: Array, noise: Array) -> Array:
    """Return equally likely values of Q given Y = `loss`, shape (draw, node).

    The arguments are (draw, 1), and `noise` is the sd of the measurement.
    """
    centre = loss - noise**2 / scale
    # P(Q > x) runs evenly from P(Q > start) down to 0: no digits are lost far above the centre.
    beyond = ndtr((centre - start) / noise)
    level = (np.arange(_NODES) + 0.5) / _NODES * beyond
    far = beyond < 1e-280
    normal = centre - noise * ndtri(np.where(far, 0.5, level))
    # So far below the start that Q is next to it: an exponential with the slope of the normal.
    slope = (start - centre) / noise**2
    near = start - np.log1p(-(np.arange(_NODES) + 0.5) / _NODES) / slope
    return np.asarray(np.where(far, near, np.maximum(normal, start)))
