"""Answers of a surface: functions drawn from its posterior, their minima, and what surrounds them.

A function is drawn for some draws of the parameters. Its minimum is a draw of the optimum; its
values at random points of the space say what random trials score; and its values along each
hyperparameter, the others at their best, say how much that one matters near the optimum.

The minimum is that of the smooth part. The best trial has a deviation of its own, which is partly
its luck: the smaller of the two, in each draw, held the truth less often (benchmarks/README.md).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.surface_scores import SurfaceScores
from leadline.data.surface_trials import SurfaceTrials
from leadline.data.unit_cube import UnitCube
from leadline.stats.surface_paths import (
    PARAMETERS,
    Function,
    SurfacePath,
    minimise,
    search_points,
    surface_data,
)

Floats = npt.NDArray[np.float64]

_MOST_PATHS = 200
"""Functions that are drawn; each is a draw of the answers."""

RANDOM_TRIALS = 1000
"""Random points at which each function is stored: the largest number of trials of a forecast."""

_SLICE_POINTS = 41
"""Points along a hyperparameter; a choice has as many as choices."""


def surface_answers(
    search: SurfaceTrials,
    scores: SurfaceScores,
    surface: xr.Dataset,
    draws: xr.Dataset,
    generator: np.random.Generator,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return draws of the answers, and the functions they come from, dims (chain, draw, ...).

    The answers are in score units. The functions are `random_loss` (..., random_trial), the smooth
    standardised loss at random points; `own_sd` and `noise`, the sd of deviation and noise of one
    run; `slice` (..., hyperparameter, slice_point), expected scores along each hyperparameter
    through the point `through` (hyperparameter) of the best mean, at the positions `slice_unit`;
    `safest_expected`, the expected score of the trial named `safest` in the attributes, which would
    be best on average if all were run again.
    """
    cube = search.cube
    data = surface_data(cube, surface)
    start = search_points(data, generator)
    chains, count = draws.sizes["chain"], draws.sizes["draw"]
    thinned = draws.isel(draw=slice(None, None, max(1, chains * count // _MOST_PATHS)))
    shape = chains, thinned.sizes["draw"]
    values = {name: thinned[name].to_numpy() for name in PARAMETERS}
    paths, minima, places = [], [], []
    random = np.empty((*shape, RANDOM_TRIALS), dtype=np.float32)
    for index in np.ndindex(shape):
        path = SurfacePath(data, {name: own[index] for name, own in values.items()}, generator)
        value, place = minimise(path, cube, start, generator)
        random[index] = path(cube.draw(RANDOM_TRIALS, generator))
        paths.append(path)
        minima.append(value)
        places.append(place)
    noise = np.array([path.noise_sd for path in paths])
    lowest, where = np.array(minima), np.array(places)
    rerun = np.array([path.at_trials for path in paths])
    again, safest = rerun[:, search.best], int(rerun.mean(axis=0).argmin())
    # Beyond the worst trial, a compressed loss that is extrapolated maps back to a huge score,
    # which would be all of a mean.
    worst = float(data.loss.max())
    slope = search.sign * _rise(paths, cube, where, scores, lowest, noise, worst)
    through = _best_mean(paths, cube, np.concatenate([where, cube.seen]), generator)
    positions = _positions(cube, _SLICE_POINTS)
    slices = np.array([_along(path, cube, through, positions) for path in paths], dtype=np.float64)
    dims = ("chain", "draw")
    by_parameter = (*dims, "hyperparameter")

    def shaped(array: Floats) -> Floats:
        return array.reshape(*shape, *array.shape[1:])

    answers = {
        "optimum": (dims, shaped(scores.expected_score(lowest, noise))),
        "noise_sd": (dims, shaped(scores.noise_sd(lowest, noise))),
        "best_seen_expected": (dims, shaped(scores.expected_score(again, noise))),
        "best_setting": (by_parameter, shaped(where)),
        "tuning_gain": (by_parameter, shaped(np.maximum(slope, 0.0))),
        "relevance": thinned["relevance"],
    }
    residual, share = thinned["residual_sd"], thinned["own_share"]
    expected = scores.expected_score(slices, noise[:, None, None])
    functions = {
        "random_loss": ((*dims, "random_trial"), random),
        "own_sd": residual * np.sqrt(share),
        "noise": residual * np.sqrt(1.0 - share),
        "slice": ((*by_parameter, "slice_point"), shaped(expected)),
        "slice_unit": (("hyperparameter", "slice_point"), positions),
        "through": ("hyperparameter", through),
        "safest_expected": (dims, shaped(scores.expected_score(rerun[:, safest], noise))),
    }
    coords = {name: thinned[name] for name in (*dims, "hyperparameter")}
    safe = {"safest": search.trials[safest]}
    return xr.Dataset(answers, coords), xr.Dataset(functions, coords, safe)


def _positions(cube: UnitCube, count: int) -> Floats:
    """Return evenly spread positions on each axis (axis, point), nan beyond the last choice."""
    most = max(count, *(len(axis.choices) for axis in cube.axes))
    positions = np.full((len(cube.axes), most), np.nan)
    for index, axis in enumerate(cube.axes):
        if axis.choices:
            positions[index, : len(axis.choices)] = np.arange(len(axis.choices))
        else:
            positions[index, :count] = axis.snap((np.arange(count) + 0.5) / count)
    return positions


def _along(path: Function, cube: UnitCube, point: Floats, positions: Floats) -> Floats:
    """Return a function along each axis through a point (axis, position), nan where inactive."""
    axes, count = positions.shape
    points = np.repeat(np.repeat(point[None], axes, axis=0)[:, None], count, axis=1)
    points[np.arange(axes), :, np.arange(axes)] = positions
    found = path(points.reshape(axes * count, -1)).reshape(axes, count)
    return np.where(np.isnan(positions) | np.isnan(point)[:, None], np.nan, found)


def _rise(
    paths: Sequence[Function],
    cube: UnitCube,
    where: Floats,
    scores: SurfaceScores,
    lowest: Floats,
    noise: Floats,
    worst: float,
) -> Floats:
    """Return what a random value of each hyperparameter adds to the score, (path, axis).

    The others are at the minimum of the function. The mean is over scores: that of standardised
    losses, of which bad ones are compressed, maps back to less. Values above `worst` count as it.
    """
    positions = _positions(cube, _SLICE_POINTS)
    along = np.array(
        [_along(path, cube, point, positions) for path, point in zip(paths, where, strict=True)]
    )
    known = np.isfinite(along)
    expected = scores.expected_score(np.minimum(along, worst), noise[:, None, None])
    total = np.where(known, expected, 0.0).sum(axis=-1)
    mean = np.where(known.any(axis=-1), total / np.maximum(known.sum(axis=-1), 1), np.nan)
    return np.asarray(mean - scores.expected_score(lowest, noise)[:, None])


def _best_mean(
    paths: Sequence[Function], cube: UnitCube, start: Floats, generator: np.random.Generator
) -> Floats:
    """Return the point of the smallest mean over the functions that is found from `start`."""

    def mean(points: Floats) -> Floats:
        return np.asarray(sum(path(points) for path in paths) / len(paths))

    return minimise(mean, cube, start, generator)[1]
