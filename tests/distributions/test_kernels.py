"""The kernels against closed forms, mpmath and one another, and their values at the edges."""

import helpers_kernels
import mpmath as mp
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from leadline.distributions.kernels import best_score, noisy_quadratic, quadratic

ALPHA, BETA, GAMMA = 0.2, 1.5, 3.0
OUTSIDE = np.array([-np.inf, -3.0, 0.2 - 1e-9, 1.5 + 1e-9, 7.0, np.inf])
PARAMS = (0.1, 1.0, 3.0, 0.05)
BOTH = pytest.mark.parametrize("convex", [True, False])
NAMES = pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])


def with_gradient(function, y, params, convex):
    """Return the values of `function` at `y`, and the gradient of the sum of the finite ones."""
    inputs = [pt.dscalar() for _ in params]
    value = function(y, *inputs, convex=convex)
    total = pt.switch(pt.isinf(value), 0.0, value).sum()
    values, *gradient = pytensor.function(inputs, [value, *pytensor.grad(total, inputs)])(*params)
    return values, gradient


@BOTH
@NAMES
def test_quadratic_is_a_beta_distribution(name, convex):
    y = np.linspace(0.21, 1.49, 12)
    params = (y, ALPHA, BETA) if convex else (-y, -BETA, -ALPHA)
    beta = stats.beta(GAMMA / 2.0, 1.0, loc=ALPHA, scale=BETA - ALPHA)
    mirrored = {"logpdf": "logpdf", "logcdf": "logsf", "logsf": "logcdf"}
    expected = getattr(beta, name if convex else mirrored[name])(y)
    actual = getattr(quadratic, name)(*params, GAMMA, convex=convex).eval()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


def test_quadratic_log_survival_next_to_the_far_end_keeps_its_digits():
    # 1 − ((y − α)/(β − α))^(γ/2) = γ/2 · distance to first order.
    distance = 2.0**-60
    value = quadratic.logsf(-distance, -1.0, 0.0, GAMMA).eval()
    np.testing.assert_allclose(value, np.log(1.5 * distance), rtol=1e-14)


@BOTH
def test_quadratic_outside_the_support(convex):
    below = np.array([True, True, True, False, False, False])
    expected = {
        "logpdf": -np.inf,
        "logcdf": np.where(below, -np.inf, 0.0),
        "logsf": np.where(below, 0.0, -np.inf),
    }
    for name, values in expected.items():
        actual = getattr(quadratic, name)(OUTSIDE, ALPHA, BETA, GAMMA, convex=convex).eval()
        np.testing.assert_array_equal(actual, np.broadcast_to(values, 6))


def test_quadratic_density_at_the_optimum():
    gamma = np.array([1.0, 2.0, 3.0])
    expected = [np.inf, 0.0, -np.inf]
    np.testing.assert_array_equal(quadratic.logpdf(0.0, 0.0, 1.0, gamma).eval(), expected)


@BOTH
def test_quadratic_quantile_inverts(convex):
    q = np.array([0.0, 1e-9, 0.3, 0.9, 1.0])
    y = quadratic.ppf(q, ALPHA, BETA, GAMMA, convex=convex)
    actual = np.exp(quadratic.logcdf(y, ALPHA, BETA, GAMMA, convex=convex).eval())
    np.testing.assert_allclose(actual, q, rtol=1e-7, atol=1e-12)
    outside = quadratic.ppf([-0.1, 1.1, np.nan], ALPHA, BETA, GAMMA, convex=convex).eval()
    assert np.isnan(outside).all()


@BOTH
@NAMES
def test_values_and_gradients_everywhere(name, convex):
    y = np.concatenate([OUTSIDE[np.isfinite(OUTSIDE)], [0.2, 0.3, 1.4, 1.5]])
    _, gradient = with_gradient(getattr(quadratic, name), y, (ALPHA, BETA, GAMMA), convex)
    assert np.isfinite(gradient).all()

    y = np.array([-np.inf, -1e3, -2.0, 0.1, 0.5, 1.0, 3.0, 1e3, np.inf])
    values, gradient = with_gradient(getattr(noisy_quadratic, name), y, PARAMS, convex)
    limits = {"logpdf": (-np.inf, -np.inf), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}
    assert (values[0], values[-1]) == limits[name]
    assert np.isfinite(values[1:-1]).all()
    assert np.isfinite(gradient).all()

    y = np.array([-np.inf, -2.0, 0.1, 0.9, 3.0, np.inf])
    values, gradient = with_gradient(getattr(best_score, name), y, (*PARAMS, 1e6), convex)
    assert not np.isnan(values).any()
    assert np.isfinite(gradient).all()


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
    for kernel, params in ((noisy_quadratic, PARAMS), (best_score, (*PARAMS, 5))):
        y = kernel.ppf([0.0, 1.0, -0.1, 1.1, np.nan], *params, convex=convex).eval()
        np.testing.assert_array_equal(y, [-np.inf, np.inf, np.nan, np.nan, np.nan])


@BOTH
@NAMES
def test_the_best_of_one_is_the_score(name, convex):
    y = np.array([-np.inf, -0.5, 0.1, 0.6, 1.2, np.inf])
    best = getattr(best_score, name)(y, *PARAMS, 1, convex=convex).eval()
    one = getattr(noisy_quadratic, name)(y, *PARAMS, convex=convex).eval()
    np.testing.assert_allclose(best, one, rtol=1e-13)


@BOTH
@pytest.mark.parametrize("trials", [2.5, 100.0, 1e6])
def test_best_score_against_mpmath(trials, convex):
    alpha, beta, gamma, sigma = PARAMS
    k, lam = 0.5 * gamma, (beta - alpha) / sigma
    y = np.array([-0.05, 0.1, 0.14, 0.3])
    score = y if convex else alpha + beta - y
    exact = [helpers_kernels.reference((at - alpha) / sigma, k, lam) for at in y]
    log_density = [at.log_moment[0] + np.log(k) - k * np.log(lam) - np.log(sigma) for at in exact]
    log_above = np.array([at.log_above[0] for at in exact])
    log_worse = trials * log_above
    better, worse = ("logcdf", "logsf") if convex else ("logsf", "logcdf")
    expected = {
        "logpdf": np.log(trials) + np.array(log_density) + (trials - 1.0) * log_above,
        worse: log_worse,
        better: [float(mp.log(-mp.expm1(x))) if x < 0.0 else -np.inf for x in log_worse],
    }
    for name, values in expected.items():
        actual = getattr(best_score, name)(score, *PARAMS, trials, convex=convex).eval()
        np.testing.assert_allclose(actual, values, rtol=1e-9, atol=1e-300)


@BOTH
def test_best_score_quantile_inverts(convex):
    trials = np.array([1.0, 7.0, 1e6])[:, None]
    q = np.array([1e-12, 0.2, 0.5, 0.95])
    y = best_score.ppf(q, *PARAMS, trials, convex=convex)
    actual = pt.exp(best_score.logcdf(y, *PARAMS, trials, convex=convex)).eval()
    # y is rounded to 1e-16, which 1e6 trials magnify.
    np.testing.assert_allclose(actual, np.broadcast_to(q, (3, 4)), rtol=1e-7)


@BOTH
def test_best_score_draws_follow_the_distribution_function_and_have_the_mean(convex):
    rng = pytensor.shared(np.random.default_rng(11))
    _, draws = best_score.rvs(*PARAMS, 20, convex=convex, size=(2000,), rng=rng)
    values = draws.eval()
    uniform = np.exp(best_score.logcdf(values, *PARAMS, 20, convex=convex).eval())
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    mean = best_score.mean(*PARAMS, 20, convex=convex).eval()
    assert abs(values.mean() - mean) < 4.0 * values.std() / np.sqrt(2000)


def test_mean_of_the_best_of_one_is_that_of_the_score():
    for sigma in (0.05, 0.5):
        params = (*PARAMS[:3], sigma)
        mean = best_score.mean(*params, 1.0).eval()
        np.testing.assert_allclose(mean, noisy_quadratic.mean(*params).eval(), atol=1e-3 * sigma)
