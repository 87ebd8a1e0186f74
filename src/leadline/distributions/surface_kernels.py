"""Covariance functions of a surface, and what its covariance is built from.

The surface over the unit cube is smooth: a Gaussian process with the Matérn 5/2 covariance and one
inverse squared length scale per hyperparameter. Each configuration has a deviation of its own from
it, which neighbours within a short distance share. Functions take the array module or PyTensor as
`xp`, so that the model and its draws use one formula.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OWN_LENGTH = 0.15
"""Length scale of the deviation of a configuration, in units of the cube."""

JITTER = 1e-6
"""Added to the variance of a standardised loss, so that covariances are positive definite."""

# The derivative of a square root is infinite at 0.
_TINY = 1e-12


def matern52(squared: Any, xp: Any = np) -> Any:
    """Return the Matérn 5/2 correlation at squared scaled distances (Rasmussen and Williams 2006).

    The formula is ``(1 + r + r²/3) exp(−r)`` with ``r = sqrt(5 · squared)``.
    """
    r = xp.sqrt(5.0 * squared + _TINY)
    return (1.0 + r + r * r / 3.0) * xp.exp(-r)


def own_correlation(squared: Floats) -> Floats:
    """Return the correlation of deviations at squared distances in the cube, 1 at 0."""
    return np.asarray(np.exp(-np.sqrt(np.maximum(squared, 0.0)) / OWN_LENGTH))


def squared_distances(first: Floats, second: Floats) -> Floats:
    """Return squared Euclidean distances (point, other point)."""
    norms = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1)
    return np.maximum(norms - 2.0 * first @ second.T, 0.0)


def squared_by_axis(points: Floats, owners: npt.NDArray[np.intp], axes: int) -> Floats:
    """Return squared distances between points by hyperparameter, (axis, point, other point).

    `points` are (point, coordinate) and `owners` (coordinate) the axis of each coordinate.
    """
    distances = np.zeros((axes, len(points), len(points)))
    for coordinate, axis in enumerate(owners):
        own = points[:, coordinate]
        distances[axis] += (own[:, None] - own) ** 2
    return distances


def scaled(points: Floats, owners: npt.NDArray[np.intp], relevance: Floats) -> Floats:
    """Return coordinates in length scales, (point, coordinate)."""
    return np.asarray(points * np.sqrt(relevance[owners]))
