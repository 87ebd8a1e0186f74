"""The law of the regime as array functions, compiled once: a thin layer over the kernels.

All values are losses (the convex form). Parameters are `FittedSearch.law`, each of shape
(draw, 1); values have shape (draw, point).
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Law = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Alpha, beta, gamma and sigma, each of shape (draw, 1)."""


def log_survival(loss: np.ndarray, law: Law) -> np.ndarray:
    """Return log P(Y > loss), accurate also where it is nearly 0, shape (draw, point)."""
    return _compiled("log_survival")(loss, *law)


def quantile(log_cdf: np.ndarray, log_survival: np.ndarray, law: Law) -> np.ndarray:
    """Return the loss with these tail probabilities, shape (draw, point).

    Two logarithms, because one of them loses a probability next to 1.
    """
    return _compiled("quantile")(log_cdf, log_survival, *law)


@functools.cache
def _compiled(name: str) -> Callable[..., Any]:
    # Not at the top: these imports take seconds, and a table of results needs none of them.
    import pytensor
    import pytensor.tensor as pt

    from leadline.kernels import noisy_quadratic

    law = [pt.tensor(letter, shape=(None, 1), dtype="float64") for letter in "abgs"]
    first, second = pt.dmatrices("first", "second")
    if name == "log_survival":
        return pytensor.function([first, *law], noisy_quadratic.logsf(first, *law))
    inverse = noisy_quadratic.quantile_from_log_tails(first, second, *law)
    return pytensor.function([first, second, *law], inverse)
