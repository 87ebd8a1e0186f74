"""The quadratic distribution: the score of a random-search trial without training noise.

In the convex form Y = α + (β − α) U^(2/γ) with U ~ Uniform(0, 1), so that P(Y ≤ y) =
((y − α)/(β − α))^(γ/2) on [α, β] (Lourie, He and Cho 2025, arXiv 2510.02721). In the concave form
−Y is convex with (−β, −α). All functions broadcast and return 64-bit floats. `params` are alpha,
beta and gamma; they must satisfy α < β and γ > 0, which is not checked.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.special import float64, log1mexp


def _distances(value: Any, alpha: Any, beta: Any, convex: bool) -> tuple[TensorVariable, ...]:
    """Return the relative distances of `value` from the optimum and from the other end, and β − α.

    Each comes from its own subtraction: 1 − distance would lose the digits of a small remainder.
    """
    value, alpha, beta = float64(value), float64(alpha), float64(beta)
    span = beta - alpha
    from_alpha, from_beta = (value - alpha) / span, (beta - value) / span
    return (from_alpha, from_beta, span) if convex else (from_beta, from_alpha, span)


def _log_tail_at_optimum(
    value: Any, alpha: Any, beta: Any, gamma: Any, *, convex: bool
) -> TensorVariable:
    """Return k log(near) clipped to [−∞, 0], from `far` = 1 − near where that is more accurate."""
    near, far, _ = _distances(value, alpha, beta, convex)
    inside = (near > 0.0) & (far > 0.0)
    close = inside & (far < 0.5)
    from_far = pt.log1p(-pt.switch(close, far, 0.0))
    log_near = pt.switch(close, from_far, pt.log(pt.switch(inside & ~close, near, 1.0)))
    return pt.switch(inside, 0.5 * float64(gamma) * log_near, pt.switch(near > 0.0, 0.0, -np.inf))


def logpdf(value: Any, alpha: Any, beta: Any, gamma: Any, *, convex: bool = True) -> TensorVariable:
    """Return the log-density, −∞ outside [α, β], and ±∞ at the optimum unless γ = 2."""
    near, far, span = _distances(value, alpha, beta, convex)
    k = 0.5 * float64(gamma)
    inside = (near >= 0.0) & (far >= 0.0)
    # At the optimum 0 · log 0 would be nan for γ = 2.
    at_optimum = inside & pt.eq(near, 0.0)
    log_near = pt.log(pt.switch(inside & ~at_optimum, near, 1.0))
    peak = pt.switch(k < 1.0, np.inf, pt.switch(k > 1.0, -np.inf, 0.0))
    shape = pt.switch(at_optimum, peak, (k - 1.0) * log_near)
    return pt.switch(inside, pt.log(k) - pt.log(span) + shape, -np.inf)


def logcdf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y ≤ value)."""
    log_tail = _log_tail_at_optimum(value, *params, convex=convex)
    return log_tail if convex else log1mexp(log_tail)


def logsf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y > value)."""
    log_tail = _log_tail_at_optimum(value, *params, convex=convex)
    return log1mexp(log_tail) if convex else log_tail


def ppf(q: Any, alpha: Any, beta: Any, gamma: Any, *, convex: bool = True) -> TensorVariable:
    """Return the quantile of probability `q`, nan for `q` outside [0, 1]."""
    q, alpha, beta, gamma = float64(q), float64(alpha), float64(beta), float64(gamma)
    valid = (q >= 0.0) & (q <= 1.0)
    q = pt.switch(valid, q, 0.5)
    distance = (beta - alpha) * (q if convex else 1.0 - q) ** (2.0 / gamma)
    return pt.switch(valid, alpha + distance if convex else beta - distance, np.nan)


def rvs(
    alpha: Any, beta: Any, gamma: Any, *, convex: bool = True, size: Any = None, rng: Any
) -> tuple[TensorVariable, TensorVariable]:
    """Return the next random generator and draws of shape `size` (default: as the parameters)."""
    alpha, beta, gamma = pt.broadcast_arrays(float64(alpha), float64(beta), float64(gamma))
    size = alpha.shape if size is None else size
    next_rng, uniform = pt.random.uniform(size=size, rng=rng, return_next_rng=True)
    distance = (beta - alpha) * uniform ** (2.0 / gamma)
    return next_rng, alpha + distance if convex else beta - distance


def mean(alpha: Any, beta: Any, gamma: Any, *, convex: bool = True) -> TensorVariable:
    """Return the mean, α + (β − α) γ/(γ + 2) in the convex form."""
    alpha, beta, gamma = float64(alpha), float64(beta), float64(gamma)
    distance = (beta - alpha) * gamma / (gamma + 2.0)
    return alpha + distance if convex else beta - distance
