"""Functions of the noisy quadratic on NumPy arrays, each compiled once per process.

Values are losses (the convex form), shape (draw, point).
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

NoisyQuadraticParams = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Alpha, beta, gamma and sigma, each of shape (draw, 1)."""

# A compiled function has one storage for its inputs, which threads would share.
_LOCK = threading.Lock()


def log_survival(loss: np.ndarray, params: NoisyQuadraticParams) -> np.ndarray:
    """Return log P(Y > loss), accurate also where it is nearly 0, shape (draw, point)."""
    return _call("log_survival", loss, *params)


def quantile(
    log_cdf: np.ndarray, log_survival: np.ndarray, params: NoisyQuadraticParams
) -> np.ndarray:
    """Return the loss with these tail probabilities, shape (draw, point).

    Both logarithms are needed, because either loses a probability next to 1.
    """
    return _call("quantile", log_cdf, log_survival, *params)


def expected_given_measured(loss: np.ndarray, params: NoisyQuadraticParams) -> np.ndarray:
    """Return E[Q | Y = loss], the mean expected loss Q of trials that measured `loss`.

    The density of (Q − α)/σ given Y is proportional to the integrand of the partial moment J.
    Therefore ``(E[Q | Y = y] − α) / σ = J(w, k + 1, λ) / J(w, k, λ)``. The noise of `params` is
    that of the measurement, σ/√m for a mean over m seeds.
    """
    return _call("expected_given_measured", loss, *params)


def log_chance_given_measured(
    loss: np.ndarray, limit: np.ndarray, params: NoisyQuadraticParams
) -> np.ndarray:
    """Return log P(Q ≤ limit | Y = loss) of the expected loss Q: J up to the limit over J up to β.

    The noise of `params` is that of the measurement, as in `expected_given_measured`.
    """
    return _call("log_chance_given_measured", loss, limit, *params)


def _call(name: str, *arguments: np.ndarray) -> Any:
    with _LOCK:
        return _compiled(name)(*arguments)


@functools.cache
def _compiled(name: str) -> Callable[..., Any]:
    # Imported here because these imports take seconds, and a table of results needs none of them.
    import pytensor
    import pytensor.tensor as pt

    from leadline.distributions.kernels import noisy_quadratic
    from leadline.distributions.partial_moment.ops import log_partial_moment

    params = [pt.tensor(letter, shape=(None, 1), dtype="float64") for letter in "abgs"]
    first, second = pt.dmatrices("first", "second")
    alpha, beta, gamma, sigma = params
    w, k, lam = (first - alpha) / sigma, gamma / 2.0, (beta - alpha) / sigma
    if name == "expected_given_measured":
        ratio = pt.exp(log_partial_moment(w, k + 1.0, lam) - log_partial_moment(w, k, lam))
        return pytensor.function([first, *params], alpha + sigma * ratio)
    if name == "log_chance_given_measured":
        inside = (second > alpha) & (second < beta)
        upper = pt.switch(inside, (second - alpha) / sigma, lam)
        chance = log_partial_moment(w, k, upper) - log_partial_moment(w, k, lam)
        chance = pt.switch(second > alpha, chance, -np.inf)
        return pytensor.function([first, second, *params], chance)
    if name == "log_survival":
        return pytensor.function([first, *params], noisy_quadratic.logsf(first, *params))
    inverse = noisy_quadratic.quantile_from_log_tails(first, second, *params)
    return pytensor.function([first, second, *params], inverse)
