"""The exponentially modified normal in the convex form, as symbolic functions.

With z = (y − start) / sigma and c = sigma / scale the density is
``exp(c²/2 − c z) Φ(z − c) / scale`` and the distribution function
``Φ(z) − exp(c²/2 − c z) Φ(z − c)``. Left of the start both are φ(z) times Mills ratios
``m(x) = Φ(−x) / φ(x)``: the difference of two logarithms would lose all digits there, and make
impossible parameters likely.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.special import float64

_HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)

# Smallest difference of Mills ratios, as a share of the first: below it rounding decides.
_LEAST_SHARE = 1e-14


def logpdf(value: Any, start: Any, sigma: Any, scale: Any) -> TensorVariable:
    """Return the log-density."""
    z, c = _standardise(value, start, sigma, scale)
    return _log_product(z, c) - pt.log(float64(scale))


def logcdf(value: Any, start: Any, sigma: Any, scale: Any) -> TensorVariable:
    """Return the log of the distribution function."""
    z, c = _standardise(value, start, sigma, scale)
    # Each branch is finite where the other is used, for the sake of gradients.
    left, right = pt.minimum(z, 0.0), pt.maximum(z, 0.0)
    first = _mills(-left)
    difference = pt.maximum(first - _mills(c - left), _LEAST_SHARE * first)
    below = -0.5 * left**2 - _HALF_LOG_TWO_PI + pt.log(difference)
    normal = 0.5 * pt.erfc(-right / np.sqrt(2.0))
    above = normal - pt.exp(_log_product(right, c))
    return pt.switch(z < 0.0, below, pt.log(pt.maximum(above, _LEAST_SHARE)))


def _standardise(
    value: Any, start: Any, sigma: Any, scale: Any
) -> tuple[TensorVariable, TensorVariable]:
    """Return z and c."""
    sigma = float64(sigma)
    return (float64(value) - float64(start)) / sigma, sigma / float64(scale)


def _log_product(z: TensorVariable, c: TensorVariable) -> TensorVariable:
    """Return ``c²/2 − c z + log Φ(z − c)``."""
    x = z - c
    left = -0.5 * z**2 - _HALF_LOG_TWO_PI + pt.log(_mills(pt.maximum(-x, 0.0)))
    right = 0.5 * c**2 - c * z + pt.log(0.5 * pt.erfc(-pt.maximum(x, 0.0) / np.sqrt(2.0)))
    return pt.switch(x < 0.0, left, right)


def _mills(x: TensorVariable) -> TensorVariable:
    """Return the Mills ratio at 0 or more."""
    return np.sqrt(0.5 * np.pi) * pt.erfcx(x / np.sqrt(2.0))
