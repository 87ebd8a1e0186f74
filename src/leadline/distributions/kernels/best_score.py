"""The best of k noisy quadratic scores, such as the result that a paper reports of its search.

It is the minimum of k independent scores in the convex form, the maximum in the concave form
(tuning curves; Lourie, He and Cho 2025, arXiv 2510.02721). With f and F the density and the
distribution function of one score, in the convex form P(Y > y) = (1 − F)^k and the density is
k f (1 − F)^(k−1). All formulas use log(1 − F), because (1 − F)^k needs its relative accuracy near
0 if k is large. `params` are alpha, beta, gamma, sigma and trials, any real k ≥ 1; they are not
checked.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.special import float64, log1mexp, log_normal_cdf

_HERMITE_NODES, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_HERMITE_WEIGHTS = _HERMITE_WEIGHTS / _HERMITE_WEIGHTS.sum()


def _times_log_worse(count: Any, value: Any, *params: Any, convex: bool) -> TensorVariable:
    """Return `count` times the log-probability that one score is worse than `value`."""
    tail = noisy_quadratic.logsf if convex else noisy_quadratic.logcdf
    log_worse = tail(value, *params, convex=convex)
    # 0 · −∞ would be nan, in the value for a count of 0 and in the gradient for any count.
    impossible = pt.isinf(log_worse)
    product = count * pt.switch(impossible, -1.0, log_worse)
    return pt.switch(impossible, pt.switch(count > 0.0, -np.inf, 0.0), product)


def logpdf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return the log-density."""
    *score_params, trials = map(float64, params)
    best = noisy_quadratic.logpdf(value, *score_params, convex=convex)
    others = _times_log_worse(trials - 1.0, value, *score_params, convex=convex)
    return pt.log(trials) + best + others


def logcdf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y ≤ value)."""
    *score_params, trials = map(float64, params)
    log_all_worse = _times_log_worse(trials, value, *score_params, convex=convex)
    return log1mexp(log_all_worse) if convex else log_all_worse


def logsf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y > value)."""
    *score_params, trials = map(float64, params)
    log_all_worse = _times_log_worse(trials, value, *score_params, convex=convex)
    return log_all_worse if convex else log1mexp(log_all_worse)


def _quantile(
    log_better: TensorVariable, log_worse: TensorVariable, *score_params: Any, convex: bool
) -> TensorVariable:
    """Return the score that one trial beats, and misses, with these log-probabilities."""
    tails = (log_better, log_worse) if convex else (log_worse, log_better)
    return noisy_quadratic.quantile_from_log_tails(*tails, *score_params, convex=convex)


def ppf(q: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return the quantile of probability `q`, ∓∞ at 0 and 1, nan outside [0, 1]."""
    *score_params, trials = map(float64, params)
    q = float64(q)
    valid = (q >= 0.0) & (q <= 1.0)
    q = pt.switch(valid, q, 0.5)
    log_worse = (pt.log1p(-q) if convex else pt.log(q)) / trials
    quantile = _quantile(log1mexp(log_worse), log_worse, *score_params, convex=convex)
    return pt.switch(valid, quantile, np.nan)


def rvs(
    *params: Any, convex: bool = True, size: Any = None, rng: Any
) -> tuple[TensorVariable, TensorVariable]:
    """Return the next random generator and draws of shape `size` (default: as the parameters).

    Draws are by inversion, because `trials` may be a million and need not be an integer.
    """
    broadcast = pt.broadcast_arrays(*map(float64, params))
    size = broadcast[0].shape if size is None else size
    next_rng, uniform = pt.random.uniform(size=size, rng=rng, return_next_rng=True)
    return next_rng, ppf(uniform, *broadcast, convex=convex)


def mean(*params: Any, convex: bool = True) -> TensorVariable:
    """Return the mean, to about 1e-4 of the standard deviation.

    The mean has no closed form. It is computed as the Gauss-Hermite mean, over z ~ N(0, 1), of the
    quantile of Φ(z), which is nearly linear in z.
    """
    *score_params, trials = (float64(param)[..., None] for param in params)
    # Both log Φ(z) and log Φ(−z): at the outermost nodes one of the probabilities rounds to 1.
    log_worse = log_normal_cdf(_HERMITE_NODES) / trials
    log_better = pt.switch(pt.gt(trials, 1.0), log1mexp(log_worse), log_normal_cdf(-_HERMITE_NODES))
    quantiles = _quantile(log_better, log_worse, *score_params, convex=convex)
    return pt.sum(_HERMITE_WEIGHTS * quantiles, axis=-1)
