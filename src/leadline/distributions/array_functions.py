"""Functions of the noisy quadratic on NumPy arrays, without PyTensor.

Values are losses (the convex form), shape (draw, point). `leadline.distributions.kernels` holds
the same functions for models; both call the kernel of `partial_moment`, which is imported when
the first of them is called, because a table of recorded answers needs none.
"""

import math

import numpy as np

NoisyQuadraticParams = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Alpha, beta, gamma and sigma, each of shape (draw, 1)."""

# Losses farther out count as infinite, so that the square of w is finite for all others.
_FARTHEST = 1e120


def log_survival(loss: np.ndarray, params: NoisyQuadraticParams) -> np.ndarray:
    """Return log P(Y > loss), accurate also where it is nearly 0, shape (draw, point)."""
    from leadline.distributions.partial_moment.arrays import log_tails

    far = np.abs(loss) >= _FARTHEST
    _, log_above = log_tails(*_standardise(np.where(far, params[0], loss), params))
    return np.where(far, np.where(loss > 0.0, -np.inf, 0.0), log_above)


def quantile(
    log_cdf: np.ndarray, log_survival: np.ndarray, params: NoisyQuadraticParams
) -> np.ndarray:
    """Return the loss with these tail probabilities, shape (draw, point).

    Both logarithms are needed, because either loses a probability next to 1.
    """
    from leadline.distributions.partial_moment.arrays import standard_quantile

    alpha, _, _, sigma = params
    inside = np.isfinite(log_cdf) & np.isfinite(log_survival)
    below, above = (np.where(inside, tail, -math.log(2.0)) for tail in (log_cdf, log_survival))
    _, k, lam = _standardise(alpha, params)
    loss = alpha + sigma * standard_quantile(below, above, k, lam)
    return np.where(inside, loss, np.where(log_cdf < log_survival, -np.inf, np.inf))


def expected_given_measured(loss: np.ndarray, params: NoisyQuadraticParams) -> np.ndarray:
    """Return E[Q | Y = loss], the mean expected loss Q of trials that measured `loss`.

    The density of (Q − α)/σ given Y is proportional to the integrand of the partial moment J.
    Therefore ``(E[Q | Y = y] − α) / σ = J(w, k + 1, λ) / J(w, k, λ)``. The noise of `params` is
    that of the measurement, σ/√m for a mean over m seeds.
    """
    from leadline.distributions.partial_moment.arrays import log_partial_moment

    alpha, _, _, sigma = params
    w, k, lam = _standardise(loss, params)
    log_ratio = log_partial_moment(w, k + 1.0, lam) - log_partial_moment(w, k, lam)
    return alpha + sigma * np.exp(log_ratio)


def log_chance_given_measured(
    loss: np.ndarray, limit: np.ndarray, params: NoisyQuadraticParams
) -> np.ndarray:
    """Return log P(Q ≤ limit | Y = loss) of the expected loss Q: J up to the limit over J up to β.

    The noise of `params` is that of the measurement, as in `expected_given_measured`.
    """
    from leadline.distributions.partial_moment.arrays import log_partial_moment

    alpha, beta, _, sigma = params
    w, k, lam = _standardise(loss, params)
    upper = np.where((limit > alpha) & (limit < beta), (limit - alpha) / sigma, lam)
    log_chance = log_partial_moment(w, k, upper) - log_partial_moment(w, k, lam)
    return np.where(limit > alpha, log_chance, -np.inf)


def log_guided_density(
    loss: np.ndarray, start: np.ndarray, sigma: np.ndarray, scale: np.ndarray, edge: float
) -> np.ndarray:
    """Return the log-density of guided trials given that they are beyond the edge.

    It is that of `leadline.distributions.guided_score.GuidedScore`. The arguments broadcast to
    shape (draw, point).
    """
    from scipy.special import erfcx, ndtr

    def mills(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(0.5 * np.pi) * erfcx(x / np.sqrt(2.0)))

    def log_product(z: np.ndarray) -> np.ndarray:
        x = z - c
        left = log_normal(z) + np.log(mills(np.maximum(-x, 0.0)))
        right = 0.5 * c * c - c * z + np.log(ndtr(np.maximum(x, 0.0)))
        return np.where(x < 0.0, left, right)

    def log_normal(z: np.ndarray) -> np.ndarray:
        return np.asarray(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi))

    # As in `leadline.distributions.kernels.guided_score`, which has the reasons.
    c, z = sigma / scale, (edge - start) / sigma
    left, right = np.minimum(z, 0.0), np.maximum(z, 0.0)
    difference = np.maximum(mills(-left) - mills(c - left), 1e-14 * mills(-left))
    above = np.maximum(ndtr(right) - np.exp(log_product(right)), 1e-14)
    log_cdf = np.where(z < 0.0, log_normal(left) + np.log(difference), np.log(above))
    return np.asarray(log_product((loss - start) / sigma) - np.log(scale) - log_cdf)


def _standardise(
    loss: np.ndarray, params: NoisyQuadraticParams
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return w, k and λ, the arguments of the kernel."""
    alpha, beta, gamma, sigma = params
    return (loss - alpha) / sigma, 0.5 * gamma, (beta - alpha) / sigma
