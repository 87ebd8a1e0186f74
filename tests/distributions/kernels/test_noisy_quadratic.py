"""The law with noise: consistency of its functions, its tails, and values at the edges."""

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import integrate, stats

from leadline.distributions.kernels import noisy_quadratic

LAW = (0.1, 1.0, 3.0, 0.05)
EXTREME = np.array([-np.inf, -1e3, -2.0, 0.1, 0.5, 1.0, 3.0, 1e3, np.inf])
BOTH = pytest.mark.parametrize("convex", [True, False])


def _compiled(function, convex):
    y = pt.dvector("y")
    law = pt.dscalars("alpha", "beta", "gamma", "sigma")
    return pytensor.function([y, *law], function(y, *law, convex=convex))


@BOTH
@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0, 7.5, 20.0])
@pytest.mark.parametrize("sigma", [0.01, 0.3, 20.0])
def test_density_integrates_to_the_distribution_function(gamma, sigma, convex):
    law = (-1.0, 1.5, gamma, sigma)
    density = _compiled(noisy_quadratic.logpdf, convex)
    edges = np.linspace(-1.0 - 12.0 * sigma, 1.5 + 12.0 * sigma, 12)
    # The density changes within sigma of both ends.
    edges = np.sort(np.r_[edges, -1.0 + sigma * np.arange(-8, 9), 1.5 + sigma * np.arange(-8, 9)])
    x, weights = np.polynomial.legendre.leggauss(60)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    values = np.exp(density((middle[:, None] + half[:, None] * x).ravel(), *law))
    mass = np.cumsum(half * (values.reshape(len(half), -1) @ weights))
    np.testing.assert_allclose(mass[-1], 1.0, rtol=1e-9)
    log_cdf = noisy_quadratic.logcdf(edges[1:], *law, convex=convex).eval()
    np.testing.assert_allclose(np.exp(log_cdf), mass, atol=1e-9)


@BOTH
def test_tails_complement_each_other(convex):
    y = np.linspace(-0.3, 1.4, 40)
    log_cdf, log_sf = (
        value.eval() for value in noisy_quadratic.log_both_tails(y, *LAW, convex=convex)
    )
    np.testing.assert_allclose(np.exp(log_cdf) + np.exp(log_sf), 1.0, rtol=1e-14)
    assert np.all(np.diff(log_cdf) >= 0.0)
    assert np.all(np.diff(log_sf) <= 0.0)


def test_the_two_forms_mirror_each_other():
    y = np.linspace(-0.3, 1.4, 40)
    mirrored = (-LAW[1], -LAW[0], *LAW[2:])
    for name, other in (("logpdf", "logpdf"), ("logcdf", "logsf"), ("logsf", "logcdf")):
        concave = getattr(noisy_quadratic, name)(-y, *mirrored, convex=False).eval()
        convex = getattr(noisy_quadratic, other)(y, *LAW).eval()
        np.testing.assert_allclose(concave, convex, rtol=1e-13)


@BOTH
@pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])
def test_extreme_values_and_gradients(name, convex):
    law = pt.dscalars("alpha", "beta", "gamma", "sigma")
    value = getattr(noisy_quadratic, name)(EXTREME, *law, convex=convex)
    total = pt.switch(pt.isinf(value), 0.0, value).sum()
    values, *gradient = pytensor.function(law, [value, *pytensor.grad(total, law)])(*LAW)
    limits = {"logpdf": (-np.inf, -np.inf), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}
    assert (values[0], values[-1]) == limits[name]
    assert np.isfinite(values[1:-1]).all()
    assert np.isfinite(gradient).all()


@BOTH
@pytest.mark.parametrize(
    ("lower", "width"),
    [(-0.3, 1e-6), (-0.1, 1e-3), (0.1, 1e-9), (0.12, 1e-3), (0.5, 1e-5), (0.5, 0.1), (0.99, 1e-4),
     (1.05, 1e-2), (1.2, 1e-7), (0.0, 3.0)],
)  # fmt: skip
def test_interval_against_mpmath(lower, width, convex):
    alpha, beta, gamma, sigma = LAW
    upper = lower + width
    if convex:
        edges = [(lower - alpha) / sigma, (upper - alpha) / sigma]
    else:
        edges = [(beta - upper) / sigma, (beta - lower) / sigma]
    k, lam = 0.5 * gamma, (beta - alpha) / sigma
    if width > 0.05:
        low, high = (helpers_kernels.reference(w, k, lam) for w in edges)
        expected = np.log(np.exp(high.log_below) - np.exp(low.log_below))
    else:
        # By the density, since the difference of two doubles would cancel.
        x, weights = np.polynomial.legendre.leggauss(6)
        nodes = 0.5 * (edges[0] + edges[1]) + 0.5 * (edges[1] - edges[0]) * x
        logs = np.array([helpers_kernels.reference(w, k, lam).log_bowl for w in nodes])
        mean = 0.5 * np.sum(weights * np.exp(logs - logs.max()))
        expected = np.log(mean * k * width / sigma) + logs.max() - k * np.log(lam)
    # The edges (y − α)/σ of a cell 1e-9 wide keep 1e-16/1e-9 of their difference.
    tolerance = max(1e-9, 4e-16 / width)
    actual = noisy_quadratic.loginterval(lower, upper, *LAW, convex=convex).eval()
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=tolerance)


@BOTH
def test_interval_edges_and_gradients(convex):
    lower = np.array([-np.inf, 0.4, -np.inf, 0.4, 0.6, 0.4, 30.0, -30.0])
    upper = np.array([0.4, np.inf, np.inf, 0.4, 0.4, 0.4 + 1e-12, 30.1, -29.9])
    law = pt.dscalars("alpha", "beta", "gamma", "sigma")
    value = noisy_quadratic.loginterval(lower, upper, *law, convex=convex)
    total = pt.switch(pt.isinf(value), 0.0, value).sum()
    values, *gradient = pytensor.function(law, [value, *pytensor.grad(total, law)])(*LAW)
    log_cdf, log_sf = noisy_quadratic.log_both_tails(0.4, *LAW, convex=convex)
    np.testing.assert_allclose(values[:3], [log_cdf.eval(), log_sf.eval(), 0.0], atol=1e-14)
    assert np.all(values[3:5] == -np.inf)
    assert np.isfinite(values[5:]).all()
    assert np.isfinite(gradient).all()


@BOTH
@pytest.mark.parametrize("gamma", [0.3, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("sigma", [1e-3, 0.05, 5.0])
def test_quantile_inverts_the_distribution_function(gamma, sigma, convex):
    law = (0.1, 1.0, gamma, sigma)
    q = np.array([1e-300, 1e-100, 1e-10, 0.01, 0.3, 0.5, 0.9, 1.0 - 1e-10, 1.0 - 1.2e-16])
    y = noisy_quadratic.ppf(q, *law, convex=convex).eval()
    assert np.all(np.diff(y) > 0.0)
    log_cdf, log_sf = (
        value.eval() for value in noisy_quadratic.log_both_tails(y, *law, convex=convex)
    )
    # y itself is rounded, and the logarithm has a slope of up to 40/sigma.
    tolerance = 1e-10 + 40.0 / sigma * 1e-14 * (1.0 + np.abs(y))
    small = q < 0.5
    assert np.all(np.abs(log_cdf - np.log(q))[small] < tolerance[small])
    assert np.all(np.abs(log_sf - np.log1p(-q))[~small] < tolerance[~small])


@BOTH
def test_quantile_at_and_outside_the_ends(convex):
    y = noisy_quadratic.ppf([0.0, 1.0, -0.1, 1.1, np.nan], *LAW, convex=convex).eval()
    np.testing.assert_array_equal(y, [-np.inf, np.inf, np.nan, np.nan, np.nan])


@BOTH
def test_draws_follow_the_law(convex):
    rng = pytensor.shared(np.random.default_rng(5))
    next_rng, draws = noisy_quadratic.rvs(*LAW, convex=convex, size=(2000,), rng=rng)
    assert next_rng.type == rng.type
    values = draws.eval()
    uniform = np.exp(noisy_quadratic.logcdf(values, *LAW, convex=convex).eval())
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    mean = noisy_quadratic.mean(*LAW, convex=convex).eval()
    assert abs(values.mean() - mean) < 4.0 * values.std() / np.sqrt(2000)


def test_draws_take_the_shape_of_the_parameters():
    rng = pytensor.shared(np.random.default_rng(5))
    _, draws = noisy_quadratic.rvs(np.zeros((3, 1)), 1.0, np.ones(2), 0.1, rng=rng)
    assert draws.eval().shape == (3, 2)


def test_large_noise_is_normal():
    # With lam = 1e-2 the law is a normal distribution with the mean of Q, to the order of lam².
    y = np.linspace(-40.0, 40.0, 9)
    value = noisy_quadratic.logpdf(y, 0.0, 0.1, 2.0, 10.0).eval()
    expected = stats.norm(0.05, 10.0).logpdf(y)
    np.testing.assert_allclose(value, expected, atol=1e-4)


def test_wide_support_matches_scipy_convolution():
    density = _compiled(noisy_quadratic.logpdf, True)
    for y in (0.05, 0.12, 0.6, 1.02):
        expected, _ = integrate.quad(
            lambda u, y=y: stats.norm.pdf(y, 0.1 + 0.9 * u ** (2.0 / 3.0), 0.05), 0.0, 1.0,
            epsabs=1e-12, limit=200,
        )  # fmt: skip
        np.testing.assert_allclose(np.exp(density(np.array([y]), *LAW)[0]), expected, rtol=1e-8)
