"""Functions drawn from the posterior of a surface, and their minima.

A draw of the parameters gives a Gaussian process; its posterior gives functions. A function is a
draw from the prior, by random Fourier features, plus an update that makes it agree with the trials
(Wilson et al. 2021, arXiv:2011.04026, Matheron's rule). It can be evaluated anywhere, so that its
minimum can be searched for: first among random points and trials, then near the best of them.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import linalg

from leadline.data.unit_cube import UnitCube
from leadline.distributions.surface_kernels import (
    JITTER,
    matern52,
    scaled,
    squared_distances,
)

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]

PARAMETERS = ("relevance", "surface_variance", "residual_sd", "own_share", "level")
"""The variables of a draw that define the Gaussian process."""

_FREQUENCIES = 256
"""Number of random frequencies, each with a sine and a cosine."""

_DEGREES = 5.0
"""The spectrum of the Matérn 5/2 covariance is a Student t with so many degrees of freedom."""

_RANDOM_POINTS, _NEAR_POINTS = 600, 300
_WIDTHS = (0.2, 0.1, 0.05)
_KEPT, _CHILDREN = 15, 10


@dataclasses.dataclass(frozen=True)
class SurfaceData:
    """The trials of one search as a surface sees them, and the space.

    `loss` and `replicates` are (trial,), `points` (trial, coordinate), `owners` (coordinate,) the
    axis of a coordinate, `own_factor` (trial, other_trial) the Cholesky factor of the correlation
    of deviations.
    """

    cube: UnitCube
    loss: Floats
    replicates: Floats
    points: Floats
    owners: npt.NDArray[np.intp]
    own_correlation: Floats
    own_factor: Floats


def surface_data(cube: UnitCube, surface: xr.Dataset) -> SurfaceData:
    """Return the data of `leadline.models.surface` for the trials that `cube` has seen."""
    points, owners = cube.embed(cube.seen)
    own = surface["own_correlation"].to_numpy()
    factor = np.linalg.cholesky(own + JITTER * np.eye(len(own)))
    loss, replicates = (surface[name].to_numpy().astype(float) for name in ("loss", "replicates"))
    return SurfaceData(cube, loss, replicates, points, owners, own, factor)


class SurfacePath:
    """One function drawn from the posterior, given one draw of the parameters.

    Attributes
    ----------
    at_trials : (trial,)
        Its values at the trials, each with the deviation of its configuration.
    noise_sd : float
        Sd of the noise of a single evaluation.
    """

    def __init__(
        self, data: SurfaceData, draw: Mapping[str, Floats], generator: np.random.Generator
    ) -> None:
        self._data, self._relevance = data, np.asarray(draw["relevance"])
        self._variance, self._level = float(draw["surface_variance"]), float(draw["level"])
        residual, share = float(draw["residual_sd"]) ** 2, float(draw["own_share"])
        self.noise_sd = float(np.sqrt((1.0 - share) * residual))
        n, coordinates = data.points.shape
        frequencies = generator.standard_normal((coordinates, _FREQUENCIES))
        frequencies *= np.sqrt(_DEGREES / generator.chisquare(_DEGREES, _FREQUENCIES))
        self._frequencies = frequencies
        # a cos + b sin is one cosine with a phase, which takes half of the time.
        cosine, sine = generator.standard_normal((2, _FREQUENCIES))
        self._phases = np.arctan2(sine, cosine)
        self._amplitudes = np.hypot(cosine, sine) * np.sqrt(self._variance / _FREQUENCIES)
        self._trials = scaled(data.points, data.owners, self._relevance)
        prior = self._prior(self._trials)
        own_prior = np.sqrt(share * residual) * data.own_factor @ generator.standard_normal(n)
        noise = (1.0 - share) * residual / data.replicates + JITTER
        smooth = self._variance * matern52(squared_distances(self._trials, self._trials))
        own = share * residual * data.own_correlation
        errors = np.sqrt(noise) * generator.standard_normal(n)
        factor = linalg.cho_factor(smooth + own + np.diag(noise), lower=True)
        gap = data.loss - self._level - prior - own_prior - errors
        self._update = linalg.cho_solve(factor, gap)
        fitted = prior + smooth @ self._update
        self.at_trials: Floats = self._level + fitted + own_prior + own @ self._update

    def __call__(self, points: Floats) -> Floats:
        """Return the smooth part at points (point, axis) of the space."""
        coordinates, owners = self._data.cube.embed(points)
        place = scaled(coordinates, owners, self._relevance)
        near = self._variance * matern52(squared_distances(place, self._trials))
        return np.asarray(self._level + self._prior(place) + near @ self._update)

    def _prior(self, place: Floats) -> Floats:
        return np.asarray(np.cos(place @ self._frequencies - self._phases) @ self._amplitudes)


def search_points(data: SurfaceData, generator: np.random.Generator) -> Floats:
    """Return points (point, axis) among which the search for a minimum starts."""
    seen = data.cube.seen
    best = seen[np.argsort(data.loss)[: max(1, len(seen) // 3)]]
    centres = best[generator.integers(len(best), size=_NEAR_POINTS)]
    near = data.cube.near(centres, 0.15, generator)
    return np.concatenate([data.cube.draw(_RANDOM_POINTS, generator), seen, near])


def minimise(
    path: Function, cube: UnitCube, start: Floats, generator: np.random.Generator
) -> tuple[float, Floats]:
    """Return the smallest value of a function that is found, and its point (axis,)."""
    points, values = start, path(start)
    for width in _WIDTHS:
        kept = np.argsort(values)[:_KEPT]
        children = cube.near(np.repeat(points[kept], _CHILDREN, axis=0), width, generator)
        points = np.concatenate([points[kept], children])
        values = np.concatenate([values[kept], path(children)])
    best = int(values.argmin())
    return float(values[best]), points[best]
