"""The best of k scores against the distribution of one score and against mpmath."""

import helpers_kernels
import mpmath as mp
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from leadline.distributions.kernels import best_score, noisy_quadratic

PARAMS = (0.1, 1.0, 3.0, 0.05)
BOTH = pytest.mark.parametrize("convex", [True, False])


@BOTH
@pytest.mark.parametrize("name", ["logpdf", "logcdf", "logsf"])
def test_the_best_of_one_is_the_score(name, convex):
    y = np.array([-np.inf, -0.5, 0.1, 0.6, 1.2, np.inf])
    best = getattr(best_score, name)(y, *PARAMS, 1, convex=convex).eval()
    one = getattr(noisy_quadratic, name)(y, *PARAMS, convex=convex).eval()
    np.testing.assert_allclose(best, one, rtol=1e-13)


@BOTH
@pytest.mark.parametrize("trials", [2.5, 100.0, 1e6])
def test_values_against_mpmath(trials, convex):
    alpha, beta, gamma, sigma = PARAMS
    k, lam = 0.5 * gamma, (beta - alpha) / sigma
    y = np.array([-0.05, 0.1, 0.14, 0.3])
    score = y if convex else alpha + beta - y
    actual = {
        name: getattr(best_score, name)(score, *PARAMS, trials, convex=convex).eval()
        for name in ("logpdf", "logcdf", "logsf")
    }
    better, worse = ("logcdf", "logsf") if convex else ("logsf", "logcdf")
    for i, at in enumerate(y):
        exact = helpers_kernels.reference((at - alpha) / sigma, k, lam)
        log_density = exact.log_moment + np.log(k) - k * np.log(lam) - np.log(sigma)
        log_worse = trials * exact.log_above
        expected = {
            "logpdf": np.log(trials) + log_density + (trials - 1.0) * exact.log_above,
            worse: log_worse,
            better: float(mp.log(-mp.expm1(log_worse))) if log_worse < 0.0 else -np.inf,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(actual[name][i], value, rtol=1e-9, atol=1e-300)


@BOTH
def test_gradients_are_finite(convex):
    parameters = pt.dscalars("alpha", "beta", "gamma", "sigma", "trials")
    y = np.array([-np.inf, -2.0, 0.1, 0.9, 3.0, np.inf])
    for name in ("logpdf", "logcdf", "logsf"):
        value = getattr(best_score, name)(y, *parameters, convex=convex)
        total = pt.switch(pt.isinf(value), 0.0, value).sum()
        values, *gradient = pytensor.function(
            parameters, [value, *pytensor.grad(total, parameters)]
        )(*PARAMS, 1e6)
        assert not np.isnan(values).any()
        assert np.isfinite(gradient).all()


@BOTH
def test_quantile_inverts(convex):
    trials = np.array([1.0, 7.0, 1e6])[:, None]
    q = np.array([1e-12, 0.2, 0.5, 0.95])
    y = best_score.ppf(q, *PARAMS, trials, convex=convex)
    actual = pt.exp(best_score.logcdf(y, *PARAMS, trials, convex=convex)).eval()
    # y is rounded to 1e-16, which 1e6 trials magnify.
    np.testing.assert_allclose(actual, np.broadcast_to(q, (3, 4)), rtol=1e-7)
    ends = best_score.ppf([0.0, 1.0, -1.0], *PARAMS, 5, convex=convex).eval()
    np.testing.assert_array_equal(ends, [-np.inf, np.inf, np.nan])


@BOTH
def test_draws_follow_the_distribution_function_and_have_the_mean(convex):
    rng = pytensor.shared(np.random.default_rng(11))
    _, draws = best_score.rvs(*PARAMS, 20, convex=convex, size=(2000,), rng=rng)
    values = draws.eval()
    uniform = np.exp(best_score.logcdf(values, *PARAMS, 20, convex=convex).eval())
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    mean = best_score.mean(*PARAMS, 20, convex=convex).eval()
    assert abs(values.mean() - mean) < 4.0 * values.std() / np.sqrt(2000)


def test_mean_of_one_is_that_of_the_score():
    for sigma in (0.05, 0.5):
        params = (*PARAMS[:3], sigma)
        mean = best_score.mean(*params, 1.0).eval()
        np.testing.assert_allclose(mean, noisy_quadratic.mean(*params).eval(), atol=1e-3 * sigma)
