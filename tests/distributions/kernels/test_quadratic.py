"""The quadratic distribution against its closed form."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from leadline.distributions.kernels import quadratic

ALPHA, BETA, GAMMA = 0.2, 1.5, 3.0
OUTSIDE = np.array([-np.inf, -3.0, 0.2 - 1e-9, 1.5 + 1e-9, 7.0, np.inf])


BOTH = pytest.mark.parametrize("convex", [True, False])


@BOTH
@pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])
def test_values_are_those_of_a_beta_distribution(name, convex):
    y = np.linspace(0.21, 1.49, 12)
    params = (y, ALPHA, BETA) if convex else (-y, -BETA, -ALPHA)
    beta = stats.beta(GAMMA / 2.0, 1.0, loc=ALPHA, scale=BETA - ALPHA)
    mirrored = {"logpdf": "logpdf", "logcdf": "logsf", "logsf": "logcdf"}
    expected = getattr(beta, name if convex else mirrored[name])(y)
    actual = getattr(quadratic, name)(*params, GAMMA, convex=convex).eval()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


def test_log_survival_next_to_the_far_end_keeps_its_digits():
    # 1 − ((y − α)/(β − α))^(γ/2) = γ/2 · distance to first order.
    distance = 2.0**-60
    value = quadratic.logsf(-distance, -1.0, 0.0, GAMMA).eval()
    np.testing.assert_allclose(value, np.log(1.5 * distance), rtol=1e-14)


@BOTH
def test_outside_the_support(convex):
    params = (ALPHA, BETA, GAMMA)
    assert np.all(quadratic.logpdf(OUTSIDE, *params, convex=convex).eval() == -np.inf)
    below = np.array([True, True, True, False, False, False])
    log_cdf = quadratic.logcdf(OUTSIDE, *params, convex=convex).eval()
    log_sf = quadratic.logsf(OUTSIDE, *params, convex=convex).eval()
    np.testing.assert_array_equal(log_cdf, np.where(below, -np.inf, 0.0))
    np.testing.assert_array_equal(log_sf, np.where(below, 0.0, -np.inf))


@BOTH
@pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])
def test_gradients_are_finite_everywhere(name, convex):
    y = np.concatenate([OUTSIDE[np.isfinite(OUTSIDE)], [0.2, 0.3, 1.4, 1.5]])
    params = pt.dscalars("alpha", "beta", "gamma")
    value = getattr(quadratic, name)(y, *params, convex=convex)
    total = pt.switch(pt.isinf(value), 0.0, value).sum()
    gradient = pytensor.function(params, pytensor.grad(total, params))(ALPHA, BETA, GAMMA)
    assert np.isfinite(gradient).all()


def test_density_at_the_optimum():
    gamma = np.array([1.0, 2.0, 3.0])
    expected = [np.inf, 0.0, -np.inf]
    np.testing.assert_array_equal(quadratic.logpdf(0.0, 0.0, 1.0, gamma).eval(), expected)


@BOTH
def test_quantile_inverts(convex):
    q = np.array([0.0, 1e-9, 0.3, 0.9, 1.0])
    y = quadratic.ppf(q, ALPHA, BETA, GAMMA, convex=convex)
    actual = np.exp(quadratic.logcdf(y, ALPHA, BETA, GAMMA, convex=convex).eval())
    np.testing.assert_allclose(actual, q, rtol=1e-7, atol=1e-12)
    outside = quadratic.ppf([-0.1, 1.1, np.nan], ALPHA, BETA, GAMMA, convex=convex).eval()
    assert np.isnan(outside).all()
