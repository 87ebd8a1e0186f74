"""The noisy quadratic: the score of a random-search trial, training noise included.

In the convex form Y = α + (β − α) U^(2/γ) + σ ε with U ~ Uniform(0, 1) and ε ~ Normal(0, 1)
(Lourie, He and Cho 2025, arXiv 2510.02721); in the concave form −Y is convex with (−β, −α). With
k = γ/2, w = (y − α)/σ and λ = (β − α)/σ the density is k λ^(−k) J(w, k, λ)/σ, J the bowl integral.
All functions broadcast, return 64-bit floats, and take parameters that satisfy α < β, γ > 0 and
σ > 0 without checking them. The support is the real line; ±∞ are values like any other.
"""

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import bowl_arrays, bowl_jax, quadratic  # noqa: F401  (register rewrites)
from leadline.distributions.kernels.bowl_ops import log_bowl, log_tails, standard_quantile
from leadline.distributions.kernels.special import float64, log1mexp

# Cells that hold less than this fraction of the tail they lie in are integrated by two Gauss
# points (relative error (fraction)^4/4320 = 4e-11); the difference of two log-probabilities, used
# for all others, has the relative error eps |log F|/fraction.
_NARROW_CELL = 0.02
_GAUSS_POINT = 0.5 / math.sqrt(3.0)

# Scores further out are taken for infinite, so that the square of w is finite for the others.
_FARTHEST = np.float64(1e120)  # Typed, or PyTensor would try 32 bits first.


def _standardise(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, convex: bool
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Return w, k and λ of the convex form; an infinite `value` becomes w = 0.

    A comparison and nothing else: what the gradient needs of this for 100,000 scores is memory that
    takes as long to get as the kernel itself.
    """
    value, alpha, beta, sigma = float64(value), float64(alpha), float64(beta), float64(sigma)
    finite = pt.switch(pt.abs(value) >= _FARTHEST, alpha if convex else beta, value)
    w = (finite - alpha if convex else beta - finite) / sigma
    return w, 0.5 * float64(gamma), (beta - alpha) / sigma


def logpdf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the log-density."""
    w, k, lam = _standardise(value, alpha, beta, gamma, sigma, convex)
    log_density = pt.log(k) - k * pt.log(lam) + log_bowl(w, k, lam)
    log_density = log_density - pt.log(float64(sigma))
    return pt.switch(pt.abs(float64(value)) >= _FARTHEST, -np.inf, log_density)


def log_both_tails(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> tuple[TensorVariable, TensorVariable]:
    """Return log P(Y ≤ value) and log P(Y > value), each with full relative accuracy."""
    w, k, lam = _standardise(value, alpha, beta, gamma, sigma, convex)
    tail, rest = log_tails(w, k, lam)
    log_cdf, log_sf = (tail, rest) if convex else (rest, tail)
    value = float64(value)
    above, below = value >= _FARTHEST, value <= -_FARTHEST
    return (
        pt.switch(above, 0.0, pt.switch(below, -np.inf, log_cdf)),
        pt.switch(below, 0.0, pt.switch(above, -np.inf, log_sf)),
    )


def logcdf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return log P(Y ≤ value)."""
    return log_both_tails(value, alpha, beta, gamma, sigma, convex=convex)[0]


def logsf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return log P(Y > value)."""
    return log_both_tails(value, alpha, beta, gamma, sigma, convex=convex)[1]


def loginterval(
    lower: Any, upper: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return log P(lower < Y ≤ upper), −∞ for an empty interval.

    The likelihood of a score that is known to lie in a cell of a grid. Wide cells are the
    difference of the probabilities of the smaller tail; narrow ones, where that would cancel, the
    integral of the density by two Gauss points.
    """
    law = (alpha, beta, gamma, sigma)
    lower, upper = float64(lower), float64(upper)
    width = upper - lower
    log_cdf_lower, log_sf_lower = log_both_tails(lower, *law, convex=convex)
    log_cdf_upper, log_sf_upper = log_both_tails(upper, *law, convex=convex)
    left = log_cdf_upper < log_sf_lower
    larger = pt.switch(left, log_cdf_upper, log_sf_lower)
    smaller = pt.switch(left, log_cdf_lower, log_sf_upper)

    fraction = larger - smaller
    narrow = fraction < _NARROW_CELL
    difference = larger + log1mexp(-pt.switch(narrow, 1.0, fraction))

    cell = narrow & (width > 0.0) & pt.isfinite(width)
    middle = pt.switch(cell, 0.5 * (lower + upper), float64(alpha))
    step = _GAUSS_POINT * pt.switch(cell, width, 1.0)
    integral = pt.logaddexp(
        logpdf(middle - step, *law, convex=convex), logpdf(middle + step, *law, convex=convex)
    ) + pt.log(0.5 * pt.switch(cell, width, 1.0))
    return pt.switch(width > 0.0, pt.switch(narrow, integral, difference), -np.inf)


def quantile_from_log_tails(
    log_cdf: Any,
    log_sf: Any,
    alpha: Any,
    beta: Any,
    gamma: Any,
    sigma: Any,
    *,
    convex: bool = True,
) -> TensorVariable:
    """Return y with log P(Y ≤ y) = `log_cdf` and log P(Y > y) = `log_sf`; the smaller one counts.

    Two logarithms carry a probability within 1e-300 of 0 and of 1; one of them cannot.
    """
    log_cdf, log_sf = float64(log_cdf), float64(log_sf)
    alpha, beta, sigma = float64(alpha), float64(beta), float64(sigma)
    inside = pt.isfinite(log_cdf) & pt.isfinite(log_sf)
    tail, rest = (log_cdf, log_sf) if convex else (log_sf, log_cdf)
    w = standard_quantile(
        pt.switch(inside, tail, -math.log(2.0)),
        pt.switch(inside, rest, -math.log(2.0)),
        0.5 * float64(gamma),
        (beta - alpha) / sigma,
    )
    quantile = alpha + sigma * w if convex else beta - sigma * w
    return pt.switch(inside, quantile, pt.switch(log_cdf < log_sf, -np.inf, np.inf))


def ppf(
    q: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the quantile of probability `q`, ∓∞ at 0 and 1, nan outside [0, 1]."""
    q = float64(q)
    valid = (q >= 0.0) & (q <= 1.0)
    q = pt.switch(valid, q, 0.5)
    quantile = quantile_from_log_tails(
        pt.log(q), pt.log1p(-q), alpha, beta, gamma, sigma, convex=convex
    )
    return pt.switch(valid, quantile, np.nan)


def rvs(
    alpha: Any,
    beta: Any,
    gamma: Any,
    sigma: Any,
    *,
    convex: bool = True,
    size: Any = None,
    rng: Any,
) -> tuple[TensorVariable, TensorVariable]:
    """Return the next random generator and draws of shape `size` (default: as the parameters)."""
    alpha, beta, gamma, sigma = pt.broadcast_arrays(
        float64(alpha), float64(beta), float64(gamma), float64(sigma)
    )
    size = alpha.shape if size is None else size
    rng, noiseless = quadratic.rvs(alpha, beta, gamma, convex=convex, size=size, rng=rng)
    next_rng, noise = pt.random.normal(size=size, rng=rng, return_next_rng=True)
    return next_rng, noiseless + sigma * noise


def mean(alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True) -> TensorVariable:
    """Return the mean, which is that of the noiseless score, in the shape of all parameters."""
    noiseless = quadratic.mean(alpha, beta, gamma, convex=convex)
    return pt.broadcast_arrays(noiseless, float64(sigma))[0]
