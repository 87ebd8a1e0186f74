"""Special functions that all distributions share, accurate in their tails."""

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

_SQRT_HALF = math.sqrt(0.5)


def float64(x: Any) -> TensorVariable:
    """Return `x` as a tensor of 64-bit floats."""
    return pt.as_tensor_variable(x).astype("float64")


def log_normal_cdf(z: Any) -> TensorVariable:
    """Return log Φ(z), without cancellation or underflow in either tail."""
    z = float64(z)
    low = z < 0.0
    # One erfcx serves both tails, because special functions make graphs for JAX large.
    distance = pt.switch(low, -z, z)
    scaled_tail = 0.5 * pt.erfcx(distance * _SQRT_HALF)
    exponent = -0.5 * distance**2
    return pt.switch(low, pt.log(scaled_tail) + exponent, pt.log1p(-scaled_tail * pt.exp(exponent)))


def log_normal_interval(low: Any, high: Any) -> TensorVariable:
    """Return log(Φ(high) − Φ(low)) for low < high, without cancellation in either tail."""
    low, high = float64(low), float64(high)
    # On the side where both probabilities are small.
    mirrored = low + high > 0.0
    lower, upper = pt.switch(mirrored, -high, low), pt.switch(mirrored, -low, high)
    log_upper = log_normal_cdf(upper)
    return log_upper + log1mexp(log_normal_cdf(lower) - log_upper)


def log1mexp(x: Any) -> TensorVariable:
    """Return log(1 − exp(x)) for x ≤ 0; at 0 the value is −∞ and the gradient finite."""
    x = float64(x)
    near = x > -math.log(2.0)
    x_near = pt.switch(near & (x < 0.0), x, -1.0)
    x_far = pt.switch(near, -1.0, x)
    value = pt.switch(near, pt.log(-pt.expm1(x_near)), pt.log1p(-pt.exp(x_far)))
    return pt.switch(x < 0.0, value, -np.inf)
