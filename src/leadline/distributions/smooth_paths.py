"""Random smooth functions of a few coordinates: Gaussian processes of variance 1.

The covariance is Matern's of order 3/2 (Rasmussen and Williams 2006, equation 4.17,
http://gaussianprocess.org/gpml/chapters/RW4.pdf). Its paths have one derivative. Those of the
squared exponential have all, so that a few points seem to determine the path far beyond them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SMOOTH_SHARE = 0.9
"""The share of smooth misfits in the variance of all (`leadline.models.scaling`)."""

# The variance that is added to each point, against rounding.
_JITTER = 1e-6

# Draws whose matrices are held at once, which bounds the memory.
_BLOCK = 250


def distances(first: Any, second: Any) -> Any:
    """Return the distances of points (..., coordinate) to others, shape (first, second)."""
    return np.sqrt(((first[:, None] - second) ** 2).sum(axis=-1))


def covariance(distance: Any, library: Any = np) -> Any:
    """Return the covariance at distances (..., point, point) in lengths, of points with themselves.

    `library` is NumPy, or `pytensor.tensor` for tensors.
    """
    return correlation(distance, library) + _JITTER * library.eye(distance.shape[-1])


def correlation(distance: Any, library: Any = np) -> Any:
    """Return the correlation at distances in lengths, in their shape."""
    scaled = np.sqrt(3.0) * distance
    return (1.0 + scaled) * library.exp(-scaled)


def continue_paths(
    paths: Array, length: Array, known: Array, new: Array, rng: np.random.Generator
) -> Array:
    """Return draws of paths at new points, given their values at known ones, shape (draw, new).

    `paths` is (draw, known) and `length` (draw,); `known` and `new` are points (..., coordinate).
    """
    between, apart, far = distances(known, known), distances(known, new), distances(new, new)
    result = np.empty((len(paths), len(new)))
    for start in range(0, len(paths), _BLOCK):
        block = slice(start, start + _BLOCK)
        unit = length[block, None, None]
        cross = correlation(apart / unit)
        slope = np.linalg.solve(covariance(between / unit), cross)
        mean = np.einsum("dkn,dk->dn", slope, paths[block])
        left = covariance(far / unit) - np.swapaxes(cross, 1, 2) @ slope
        noise = rng.standard_normal(mean.shape)
        # Twice the jitter: differences of matrices are rounded.
        root = np.linalg.cholesky(left + _JITTER * np.eye(len(new)))
        result[block] = mean + np.einsum("dnm,dm->dn", root, noise)
    return result
