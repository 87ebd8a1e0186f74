"""The law of the regime as array functions, compiled once: a thin layer over the kernels.

All values are losses (the convex form). Parameters are `FittedSearch.law`, each of shape
(draw, 1); values have shape (draw, point).
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

Law = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Alpha, beta, gamma and sigma, each of shape (draw, 1)."""

_ONE_AT_A_TIME = threading.Lock()


def log_survival(loss: np.ndarray, law: Law) -> np.ndarray:
    """Return log P(Y > loss), accurate also where it is nearly 0, shape (draw, point)."""
    return _call("log_survival", loss, *law)


def quantile(log_cdf: np.ndarray, log_survival: np.ndarray, law: Law) -> np.ndarray:
    """Return the loss with these tail probabilities, shape (draw, point).

    Two logarithms, because one of them loses a probability next to 1.
    """
    return _call("quantile", log_cdf, log_survival, *law)


def expected_given_measured(loss: np.ndarray, law: Law) -> np.ndarray:
    """Return E[Q | Y = loss], the mean expected loss of trials that measured so.

    With J the bowl integral, ``(E[Q | Y = y] − α) / σ = J(w, k + 1, λ) / J(w, k, λ)``: the density
    of (Q − α)/σ given Y is proportional to the integrand of J.

    Parameters
    ----------
    loss : ndarray, shape (draw, point)
    law : Law
        With the noise of this measurement, σ/√m for a mean over m seeds.
    """
    return _call("expected_given_measured", loss, *law)


def log_chance_given_measured(loss: np.ndarray, limit: np.ndarray, law: Law) -> np.ndarray:
    """Return log P(Q ≤ limit | Y = loss), the ratio of J up to the limit and up to β.

    Parameters
    ----------
    loss, limit : ndarray, shape (draw, point)
    law : Law
        With the noise of this measurement, σ/√m for a mean over m seeds.
    """
    return _call("log_chance_given_measured", loss, limit, *law)


def _call(name: str, *arguments: np.ndarray) -> Any:
    # A compiled function has one place for its inputs, whichever thread they come from.
    with _ONE_AT_A_TIME:
        return _compiled(name)(*arguments)


@functools.cache
def _compiled(name: str) -> Callable[..., Any]:
    # Not at the top: these imports take seconds, and a table of results needs none of them.
    import pytensor
    import pytensor.tensor as pt

    from leadline.distributions.kernels import noisy_quadratic
    from leadline.distributions.kernels.bowl_ops import log_bowl

    law = [pt.tensor(letter, shape=(None, 1), dtype="float64") for letter in "abgs"]
    first, second = pt.dmatrices("first", "second")
    alpha, beta, gamma, sigma = law
    w, k, lam = (first - alpha) / sigma, gamma / 2.0, (beta - alpha) / sigma
    if name == "expected_given_measured":
        share = pt.exp(log_bowl(w, k + 1.0, lam) - log_bowl(w, k, lam))
        return pytensor.function([first, *law], alpha + sigma * share)
    if name == "log_chance_given_measured":
        inside = (second > alpha) & (second < beta)
        upper = pt.switch(inside, (second - alpha) / sigma, lam)
        chance = log_bowl(w, k, upper) - log_bowl(w, k, lam)
        chance = pt.switch(second > alpha, chance, -np.inf)
        return pytensor.function([first, second, *law], chance)
    if name == "log_survival":
        return pytensor.function([first, *law], noisy_quadratic.logsf(first, *law))
    inverse = noisy_quadratic.quantile_from_log_tails(first, second, *law)
    return pytensor.function([first, second, *law], inverse)
