"""The noisy quadratic: consistency of its functions, its tails, and values at the edges."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from leadline.distributions.kernels import noisy_quadratic

PARAMS = (0.1, 1.0, 3.0, 0.05)
EXTREME = np.array([-np.inf, -1e3, -2.0, 0.1, 0.5, 1.0, 3.0, 1e3, np.inf])
BOTH = pytest.mark.parametrize("convex", [True, False])


@BOTH
@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0, 7.5, 20.0])
@pytest.mark.parametrize("sigma", [0.01, 0.3, 20.0])
def test_density_integrates_to_the_distribution_function(gamma, sigma, convex):
    params = (-1.0, 1.5, gamma, sigma)
    edges = np.linspace(-1.0 - 12.0 * sigma, 1.5 + 12.0 * sigma, 12)
    # The density changes within sigma of both ends.
    edges = np.sort(np.r_[edges, -1.0 + sigma * np.arange(-8, 9), 1.5 + sigma * np.arange(-8, 9)])
    x, weights = np.polynomial.legendre.leggauss(60)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    points = (middle[:, None] + half[:, None] * x).ravel()
    values = np.exp(noisy_quadratic.logpdf(points, *params, convex=convex).eval())
    mass = np.cumsum(half * (values.reshape(len(half), -1) @ weights))
    np.testing.assert_allclose(mass[-1], 1.0, rtol=1e-9)
    log_cdf = noisy_quadratic.logcdf(edges[1:], *params, convex=convex).eval()
    np.testing.assert_allclose(np.exp(log_cdf), mass, atol=1e-9)


@BOTH
@pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])
def test_extreme_values_and_gradients(name, convex):
    params = pt.dscalars("alpha", "beta", "gamma", "sigma")
    value = getattr(noisy_quadratic, name)(EXTREME, *params, convex=convex)
    total = pt.switch(pt.isinf(value), 0.0, value).sum()
    values, *gradient = pytensor.function(params, [value, *pytensor.grad(total, params)])(*PARAMS)
    limits = {"logpdf": (-np.inf, -np.inf), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}
    assert (values[0], values[-1]) == limits[name]
    assert np.isfinite(values[1:-1]).all()
    assert np.isfinite(gradient).all()


@BOTH
@pytest.mark.parametrize("gamma", [0.3, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("sigma", [1e-3, 0.05, 5.0])
def test_quantile_inverts_the_distribution_function(gamma, sigma, convex):
    params = (0.1, 1.0, gamma, sigma)
    q = np.array([1e-300, 1e-100, 1e-10, 0.01, 0.3, 0.5, 0.9, 1.0 - 1e-10, 1.0 - 1.2e-16])
    y = noisy_quadratic.ppf(q, *params, convex=convex).eval()
    assert np.all(np.diff(y) > 0.0)
    log_cdf, log_sf = (
        value.eval() for value in noisy_quadratic.log_both_tails(y, *params, convex=convex)
    )
    # y itself is rounded, and the logarithm has a slope of up to 40/sigma.
    tolerance = 1e-10 + 40.0 / sigma * 1e-14 * (1.0 + np.abs(y))
    small = q < 0.5
    assert np.all(np.abs(log_cdf - np.log(q))[small] < tolerance[small])
    assert np.all(np.abs(log_sf - np.log1p(-q))[~small] < tolerance[~small])


@BOTH
def test_quantile_at_and_outside_the_ends(convex):
    y = noisy_quadratic.ppf([0.0, 1.0, -0.1, 1.1, np.nan], *PARAMS, convex=convex).eval()
    np.testing.assert_array_equal(y, [-np.inf, np.inf, np.nan, np.nan, np.nan])
