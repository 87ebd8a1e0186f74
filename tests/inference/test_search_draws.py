"""Draws of a search fitted alone, in the coordinates of populations."""

import numpy as np
import xarray as xr
from scipy import stats

import leadline as ll
from leadline.inference.draw_ratios import SMOOTHING
from leadline.inference.search_draws import draws_of


def test_log_base_is_the_prior_of_the_search_alone_in_the_coordinates():
    rng = np.random.default_rng(2)
    dims = ("chain", "draw", "search")
    values = {
        "effective_dim": 1.0 + 3.0 * rng.random((2, 5, 1)),
        "noise_ratio": np.exp(rng.standard_normal((2, 5, 1))),
        "gap": np.exp(rng.standard_normal((2, 5, 1))),
    }
    own = {
        "posterior": xr.Dataset({name: (dims, value) for name, value in values.items()}),
        "noisy_quadratic": xr.Dataset(),
    }
    tail = xr.Dataset({"max_effective_dim": ("search", [4.0])})
    priors = ll.Priors(
        effective_dim=ll.Prior("Exponential", lam=0.5),
        noise_ratio=ll.Prior("LogNormal", mu=-1, sigma=1.5),
        gap=ll.Prior("LogNormal", mu=1, sigma=0.7),
    )
    found = draws_of(own, tail, "hierarchical", priors)
    excess, noise, depth = found["z"].to_numpy().T
    gamma, ratio, gap = (value.ravel() for value in values.values())
    np.testing.assert_allclose(np.exp(-excess), 1 / (gamma - 1) - 1 / 3)
    np.testing.assert_allclose([noise, depth], [np.log(ratio), np.log(gap)])
    expected = stats.expon.logpdf(gamma - 1, scale=2) - stats.expon.logcdf(3, scale=2)
    # The slope of gamma by its coordinate.
    expected += np.log((gamma - 1) * (4 - gamma) / 3)
    expected += stats.norm.logpdf(noise, -1, 1.5) + stats.norm.logpdf(depth, 1, 0.7)
    np.testing.assert_allclose(found["log_base"], expected)
    width = found["width"].to_numpy()
    np.testing.assert_allclose(width, SMOOTHING * found["z"].to_numpy().std(axis=0))
