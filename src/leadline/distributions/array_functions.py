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


def log_density(loss: np.ndarray, params: NoisyQuadraticParams) -> np.ndarray:
    """Return the log-density, shape (draw, point); sigma may be (draw, point) too."""
    from leadline.distributions.partial_moment.arrays import log_partial_moment

    w, k, lam = np.broadcast_arrays(*_standardise(loss, params))
    log_moment = log_partial_moment(w, k, lam)
    return np.asarray(np.log(k) - k * np.log(lam) + log_moment - np.log(params[3]))


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


def log_chance_given_measured(
    loss: np.ndarray, limit: np.ndarray, params: NoisyQuadraticParams
) -> np.ndarray:
    """Return log P(Q ≤ limit | Y = loss) of the expected loss Q: J up to the limit over J up to β.

    The noise of `params` is that of the measurement: of a mean over m seeds, sigma / sqrt(m).
    """
    from leadline.distributions.partial_moment.arrays import log_partial_moment

    alpha, beta, _, sigma = params
    w, k, lam = _standardise(loss, params)
    upper = np.where((limit > alpha) & (limit < beta), (limit - alpha) / sigma, lam)
    log_chance = log_partial_moment(w, k, upper) - log_partial_moment(w, k, lam)
    return np.where(limit > alpha, log_chance, -np.inf)


def _standardise(
    loss: np.ndarray, params: NoisyQuadraticParams
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return w, k and λ, the arguments of the kernel."""
    alpha, beta, gamma, sigma = params
    return (loss - alpha) / sigma, 0.5 * gamma, (beta - alpha) / sigma
