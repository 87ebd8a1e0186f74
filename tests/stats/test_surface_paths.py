"""Functions drawn from the posterior of a surface."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from leadline.data.unit_cube import unit_cube
from leadline.distributions.surface_kernels import (
    JITTER,
    matern52,
    own_correlation,
    scaled,
    squared_distances,
)
from leadline.stats.surface_paths import SurfacePath, minimise, search_points, surface_data

RNG = np.random.default_rng(5)
N = 25
DRAW = {
    "relevance": np.array([6.0, 1.0]),
    "surface_variance": 1.2,
    "residual_sd": 0.3,
    "own_share": 0.25,
    "level": 0.1,
}


@pytest.fixture(scope="module")
def data():
    x, y = RNG.random((2, N))
    table = pd.DataFrame({"param:x": x, "param:y": y})
    space = {"x": ("uniform", 0.0, 1.0), "y": ("uniform", 0.0, 1.0)}
    cube = unit_cube(table, space, "test")
    points = cube.embed(cube.seen)[0]
    surface = xr.Dataset(
        {
            "loss": ("trial", 4 * (x - 0.4) ** 2 + y + 0.1 * RNG.normal(size=N)),
            "replicates": ("trial", RNG.integers(1, 4, N)),
            "own_correlation": (
                ("trial", "other_trial"),
                own_correlation(squared_distances(points, points)),
            ),
        }
    )
    return surface_data(cube, surface)


def test_paths_have_the_mean_and_the_variance_of_the_posterior(data):
    new = data.cube.draw(6, np.random.default_rng(1))
    paths = [SurfacePath(data, DRAW, np.random.default_rng(seed)) for seed in range(1500)]
    found = np.array([path(new) for path in paths])
    again = np.array([path.at_trials for path in paths])
    trials = scaled(data.points, data.owners, DRAW["relevance"])
    place = scaled(data.cube.embed(new)[0], data.owners, DRAW["relevance"])
    own = 0.25 * 0.09 * data.own_correlation
    smooth = 1.2 * matern52(squared_distances(trials, trials))
    total = smooth + own + np.diag(0.75 * 0.09 / data.replicates + JITTER)
    for draws, cross, prior in (
        (found, 1.2 * matern52(squared_distances(place, trials)), np.full(6, 1.2)),
        (again, smooth + own, np.diag(smooth + own)),
    ):
        mean = 0.1 + cross @ np.linalg.solve(total, data.loss - 0.1)
        variance = prior - np.einsum("ij,ji->i", cross, np.linalg.solve(total, cross.T))
        # Six standard errors of 1,500 draws.
        assert (np.abs(draws.mean(axis=0) - mean) < 6 * np.sqrt(variance / 1500)).all()
        np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.25)


def test_the_noise_is_that_of_single_evaluations(data):
    path = SurfacePath(data, DRAW, np.random.default_rng(0))
    assert path.noise_sd == pytest.approx(np.sqrt(0.75) * 0.3)


def test_the_minimum_is_found(data):
    generator = np.random.default_rng(2)
    start = search_points(data, generator)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 60)] * 2), axis=-1).reshape(-1, 2)
    for seed in range(5):
        path = SurfacePath(data, DRAW, np.random.default_rng(seed))
        value, point = minimise(path, data.cube, start, generator)
        assert value == pytest.approx(path(point[None]).item())
        # The grid is no finer than the search.
        assert value < path(grid).min() + 0.02
