"""The best of k noisy quadratic scores, such as the result that a paper reports of its search.

It is the minimum of k independent scores in the convex form, the maximum in the concave form
(tuning curves; Lourie, He and Cho 2025, arXiv 2510.02721). With f and F the density and the
distribution function of one score, in the convex form P(Y > y) = (1 − F)^k and the density is
k f (1 − F)^(k−1). `trials` is any real k ≥ 1. All formulas use log(1 − F), because (1 − F)^k needs
its relative accuracy near 0 if k is large. Parameters are not checked.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.special import float64, log1mexp, log_normal_cdf

_HERMITE_NODES, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_HERMITE_WEIGHTS = _HERMITE_WEIGHTS / _HERMITE_WEIGHTS.sum()


def _times_log_worse(
    count: TensorVariable, value: Any, *params: Any, convex: bool
) -> TensorVariable:
    """Return `count` times the log-probability that one score is worse than `value`."""
    tail = noisy_quadratic.logsf if convex else noisy_quadratic.logcdf
    log_worse = tail(value, *params, convex=convex)
    # 0 · −∞ would be nan, in the value for a count of 0 and in the gradient for any count.
    impossible = pt.isinf(log_worse)
    product = count * pt.switch(impossible, -1.0, log_worse)
    return pt.switch(impossible, pt.switch(count > 0.0, -np.inf, 0.0), product)


def logpdf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, trials: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the log-density."""
    trials = float64(trials)
    best = noisy_quadratic.logpdf(value, alpha, beta, gamma, sigma, convex=convex)
    others = _times_log_worse(trials - 1.0, value, alpha, beta, gamma, sigma, convex=convex)
    return pt.log(trials) + best + others


def logcdf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, trials: Any, *, convex: bool = True
) -> TensorVariable:
    """Return log P(Y ≤ value)."""
    params = (alpha, beta, gamma, sigma)
    log_all_worse = _times_log_worse(float64(trials), value, *params, convex=convex)
    return log1mexp(log_all_worse) if convex else log_all_worse


def logsf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, trials: Any, *, convex: bool = True
) -> TensorVariable:
    """Return log P(Y > value)."""
    params = (alpha, beta, gamma, sigma)
    log_all_worse = _times_log_worse(float64(trials), value, *params, convex=convex)
    return log_all_worse if convex else log1mexp(log_all_worse)


def ppf(
    q: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, trials: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the quantile of probability `q`, ∓∞ at 0 and 1, nan outside [0, 1]."""
    q = float64(q)
    valid = (q >= 0.0) & (q <= 1.0)
    q = pt.switch(valid, q, 0.5)
    log_worse = (pt.log1p(-q) if convex else pt.log(q)) / float64(trials)
    log_better = log1mexp(log_worse)
    tails = (log_better, log_worse) if convex else (log_worse, log_better)
    quantile = noisy_quadratic.quantile_from_log_tails(
        *tails, alpha, beta, gamma, sigma, convex=convex
    )
    return pt.switch(valid, quantile, np.nan)


def rvs(
    alpha: Any,
    beta: Any,
    gamma: Any,
    sigma: Any,
    trials: Any,
    *,
    convex: bool = True,
    size: Any = None,
    rng: Any,
) -> tuple[TensorVariable, TensorVariable]:
    """Return the next random generator and draws of shape `size` (default: as the parameters).

    Draws are by inversion, because `trials` may be a million and need not be an integer.
    """
    parameters = pt.broadcast_arrays(
        *(float64(parameter) for parameter in (alpha, beta, gamma, sigma, trials))
    )
    size = parameters[0].shape if size is None else size
    next_rng, uniform = pt.random.uniform(size=size, rng=rng, return_next_rng=True)
    return next_rng, ppf(uniform, *parameters, convex=convex)


def mean(
    alpha: Any, beta: Any, gamma: Any, sigma: Any, trials: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the mean, to about 1e-4 of the standard deviation.

    The mean has no closed form. It is computed as the Gauss-Hermite mean, over z ~ N(0, 1), of the
    quantile of Φ(z), which is nearly linear in z.
    """
    alpha, beta, gamma, sigma, trials = (
        float64(parameter)[..., None] for parameter in (alpha, beta, gamma, sigma, trials)
    )
    # Both log Φ(z) and log Φ(−z): at the outermost nodes one of the probabilities rounds to 1.
    log_worse = log_normal_cdf(_HERMITE_NODES) / trials
    log_better = pt.switch(pt.gt(trials, 1.0), log1mexp(log_worse), log_normal_cdf(-_HERMITE_NODES))
    tails = (log_better, log_worse) if convex else (log_worse, log_better)
    quantiles = noisy_quadratic.quantile_from_log_tails(
        *tails, alpha, beta, gamma, sigma, convex=convex
    )
    return pt.sum(_HERMITE_WEIGHTS * quantiles, axis=-1)
