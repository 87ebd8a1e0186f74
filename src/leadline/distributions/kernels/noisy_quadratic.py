"""The noisy quadratic: the score of a random-search trial, training noise included.

In the convex form Y = α + (β − α) U^(2/γ) + σ ε with U ~ Uniform(0, 1) and ε ~ Normal(0, 1)
(Lourie, He and Cho 2025, arXiv 2510.02721); in the concave form −Y is convex with (−β, −α). With
k = γ/2, w = (y − α)/σ and λ = (β − α)/σ the density is k λ^(−k) J(w, k, λ)/σ, where J is the
partial moment of the normal distribution. All functions broadcast and return 64-bit floats.
`params` are alpha, beta, gamma and sigma; they must satisfy α < β, γ > 0 and σ > 0, which is not
checked. Scores may be any real number or ±∞.
"""

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import quadratic
from leadline.distributions.partial_moment import (
    jax_rewrite,  # noqa: F401  (registers it)
    ops,
)
from leadline.distributions.special import float64

# Scores farther out count as infinite, so that the square of w is finite for all others. PyTensor
# would try 32 bits first for a plain float.
_FARTHEST = np.float64(1e120)


def _standardise(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Return w, k and λ of the convex form; an infinite `value` becomes w = 0.

    One comparison decides, because each array that the gradient needs of this for 100,000 scores
    takes as long to allocate as the kernel takes.
    """
    value, alpha, beta, sigma = float64(value), float64(alpha), float64(beta), float64(sigma)
    finite = pt.switch(pt.abs(value) >= _FARTHEST, alpha if convex else beta, value)
    w = (finite - alpha if convex else beta - finite) / sigma
    return w, 0.5 * float64(gamma), (beta - alpha) / sigma


def logpdf(
    value: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return the log-density."""
    w, k, lam = _standardise(value, alpha, beta, gamma, sigma, convex=convex)
    log_density = pt.log(k) - k * pt.log(lam) + ops.log_partial_moment(w, k, lam)
    log_density = log_density - pt.log(float64(sigma))
    return pt.switch(pt.abs(float64(value)) >= _FARTHEST, -np.inf, log_density)


def log_mean_density(
    value: Any, width: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any
) -> TensorVariable:
    """Return the log of the mean density over a bin around a finite value; it has no gradient."""
    w, k, lam = _standardise(value, alpha, beta, gamma, sigma, convex=True)
    sigma = float64(sigma)
    return ops.log_bin(w, k, lam, 0.5 * float64(width) / sigma) - pt.log(sigma)


def log_both_tails(
    value: Any, *params: Any, convex: bool = True
) -> tuple[TensorVariable, TensorVariable]:
    """Return log P(Y ≤ value) and log P(Y > value), each with full relative accuracy."""
    w, k, lam = _standardise(value, *params, convex=convex)
    tail, rest = ops.log_tails(w, k, lam)
    log_cdf, log_sf = (tail, rest) if convex else (rest, tail)
    value = float64(value)
    above, below = value >= _FARTHEST, value <= -_FARTHEST
    return (
        pt.switch(above, 0.0, pt.switch(below, -np.inf, log_cdf)),
        pt.switch(below, 0.0, pt.switch(above, -np.inf, log_sf)),
    )


def logcdf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y ≤ value)."""
    return log_both_tails(value, *params, convex=convex)[0]


def logsf(value: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return log P(Y > value)."""
    return log_both_tails(value, *params, convex=convex)[1]


def quantile_from_log_tails(
    log_cdf: Any, log_sf: Any, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True
) -> TensorVariable:
    """Return y with log P(Y ≤ y) = `log_cdf` and log P(Y > y) = `log_sf`; the smaller one decides.

    Two logarithms represent probabilities within 1e-300 of 0 and of 1; one alone cannot.
    """
    log_cdf, log_sf = float64(log_cdf), float64(log_sf)
    alpha, beta, sigma = float64(alpha), float64(beta), float64(sigma)
    inside = pt.isfinite(log_cdf) & pt.isfinite(log_sf)
    tails = (log_cdf, log_sf) if convex else (log_sf, log_cdf)
    tail, rest = (pt.switch(inside, log_p, -math.log(2.0)) for log_p in tails)
    w = ops.standard_quantile(tail, rest, 0.5 * float64(gamma), (beta - alpha) / sigma)
    quantile = alpha + sigma * w if convex else beta - sigma * w
    return pt.switch(inside, quantile, pt.switch(log_cdf < log_sf, -np.inf, np.inf))


def ppf(q: Any, *params: Any, convex: bool = True) -> TensorVariable:
    """Return the quantile of probability `q`, ∓∞ at 0 and 1, nan outside [0, 1]."""
    q = float64(q)
    valid = (q >= 0.0) & (q <= 1.0)
    q = pt.switch(valid, q, 0.5)
    quantile = quantile_from_log_tails(pt.log(q), pt.log1p(-q), *params, convex=convex)
    return pt.switch(valid, quantile, np.nan)


def rvs(
    *params: Any, convex: bool = True, size: Any = None, rng: Any
) -> tuple[TensorVariable, TensorVariable]:
    """Return the next random generator and draws of shape `size` (default: as the parameters)."""
    *noiseless_params, sigma = pt.broadcast_arrays(*map(float64, params))
    size = sigma.shape if size is None else size
    rng, noiseless = quadratic.rvs(*noiseless_params, convex=convex, size=size, rng=rng)
    next_rng, noise = pt.random.normal(size=size, rng=rng, return_next_rng=True)
    return next_rng, noiseless + sigma * noise


def mean(alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True) -> TensorVariable:
    """Return the mean, equal to that of the noiseless score, in the shape of all parameters."""
    noiseless = quadratic.mean(alpha, beta, gamma, convex=convex)
    return pt.broadcast_arrays(noiseless, float64(sigma))[0]
