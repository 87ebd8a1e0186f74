"""Elementary functions for compiled loops over quadrature nodes.

They contain no branches and no calls of libm, so that LLVM evaluates eight nodes at once (AVX-512,
or four with AVX2). A loop with one exponential and one logarithm per node is six times faster than
with libm; for single values libm is faster. The methods are those of FDLIBM (Sun Microsystems,
1993).
"""

import math
from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

_SQRT_HALF = math.sqrt(0.5)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_LOG_HALF = -math.log(2.0)

# Division by zero gives inf instead of an exception, and multiply-adds are fused. Without wrappers
# for calls from Python or C these functions compile in half the time. `jit_nodes` allows sums in
# any order, so that LLVM can add eight nodes at a time.
_OPTIONS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
jit = numba.njit(fastmath={"contract"}, **_OPTIONS)
jit_nodes = numba.njit(fastmath={"contract", "reassoc"}, **_OPTIONS)

_LOG2_E = 1.0 / math.log(2.0)
# log 2 as a sum of two numbers; the first has trailing zeros, so that its multiples are exact.
_LOG2_HIGH, _LOG2_LOW = 0.6931471803691238, 1.9082149292705877e-10
# Adding 3 · 2^51 leaves the nearest integer in the last bits of a float.
_ROUND = 6755399441055744.0
_ROUND_BITS = 0x4338000000000000
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


@intrinsic
def _from_bits(context: Any, bits: Any) -> Any:
    """Return the float with these bits."""
    return types.float64(types.int64), lambda c, builder, s, arguments: builder.bitcast(
        arguments[0], ir.DoubleType()
    )


@intrinsic
def _to_bits(context: Any, x: Any) -> Any:
    """Return the bits of a float."""
    return types.int64(types.float64), lambda c, builder, s, arguments: builder.bitcast(
        arguments[0], ir.IntType(64)
    )


@intrinsic
def table_polynomials(context, table, offset, x):  # type: ignore[no-untyped-def]
    """Return the values at x of eight polynomials of degree 7, and then their eight slopes.

    Their coefficients start at `offset` of the table, those of equal power together. With vector
    instructions eight polynomials take the time of one (numba disables LLVM's own search for such
    groups).
    """
    lanes = terms = 8
    result = types.UniTuple(types.float64, 2 * lanes)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector, integer = ir.VectorType(ir.DoubleType(), lanes), ir.IntType(32)
        start = builder.gep(arguments[0], [arguments[1]])
        start = builder.bitcast(start, vector.as_pointer())
        rows = [builder.load(builder.gep(start, [integer(i)]), align=8) for i in range(terms)]
        x = ir.Constant(vector, ir.Undefined)
        for lane in range(lanes):
            x = builder.insert_element(x, arguments[2], integer(lane))

        def multiply_add(a, b, c):  # type: ignore[no-untyped-def]
            flags = ("contract",)
            return builder.fadd(builder.fmul(a, b, flags=flags), c, flags=flags)

        value, slope = rows[-1], None
        for row in rows[-2::-1]:
            slope = value if slope is None else multiply_add(slope, x, value)
            value = multiply_add(value, x, row)
        values = [
            builder.extract_element(polynomial, integer(lane))
            for polynomial in (value, slope)
            for lane in range(lanes)
        ]
        return context.make_tuple(builder, result, values)

    return result(table, types.int64, types.float64), generate


@jit
def expm1(x: float) -> tuple[float, float]:
    """Return exp(x) − 1 and exp(x) to 2 eps, for x ≤ 700; x < −700 counts as −700.

    x = n log 2 + r with |r| ≤ 0.35, where 13 Taylor terms leave 2e-17.
    """
    x = max(x, -700.0)
    rounded = x * _LOG2_E + _ROUND
    n = rounded - _ROUND
    r = (x - n * _LOG2_HIGH) - n * _LOG2_LOW
    p = ((1.0 / 6227020800.0 * r + 1.0 / 479001600.0) * r + 1.0 / 39916800.0) * r + 1.0 / 3628800.0
    p = ((p * r + 1.0 / 362880.0) * r + 1.0 / 40320.0) * r + 1.0 / 5040.0
    p = ((p * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0
    p = (((p * r + 1.0 / 6.0) * r + 0.5) * r + 1.0) * r
    scale = _from_bits((_to_bits(rounded) + 1023) << 52)
    return scale * p + (scale - 1.0), scale * p + scale


@jit
def exp(x: float) -> float:
    """Return exp(x), as `expm1` does."""
    return expm1(x)[1]


@jit
def _log_of_parts(exponent: int, f: float) -> float:
    """Return exponent · log 2 + log(1 + f), for −0.3 < f < 0.42.

    log(1 + f) = 2 artanh(f/(2 + f)), a series in the square of at most 0.172; 11 terms leave 1e-18.
    """
    s = f / (2.0 + f)
    z = s * s
    p = ((2.0 / 21.0 * z + 2.0 / 19.0) * z + 2.0 / 17.0) * z + 2.0 / 15.0
    p = ((p * z + 2.0 / 13.0) * z + 2.0 / 11.0) * z + 2.0 / 9.0
    p = ((p * z + 2.0 / 7.0) * z + 2.0 / 5.0) * z + 2.0 / 3.0
    n = _from_bits(exponent + _ROUND_BITS) - _ROUND
    return n * _LOG2_HIGH + (n * _LOG2_LOW + (2.0 * s + s * z * p))


@jit
def log(x: float) -> float:
    """Return log x for normal x > 0, with an error of 2 eps times max(1, abs(log x))."""
    bits = _to_bits(x)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    return _log_of_parts(exponent, _from_bits(bits - (exponent << 52)) - 1.0)


@jit
def log1p(x: float) -> float:
    """Return log(1 + x), accurate relative to itself, for x > −1."""
    bits = _to_bits(1.0 + x)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    f = _from_bits(bits - (exponent << 52)) - 1.0
    # Near 0, 1 + x has lost the digits of x. (A conditional expression would branch.)
    return _log_of_parts(exponent, f + (exponent == 0) * (x - f))


@jit
def log_normal_cdf(z: float) -> float:
    """Return log Φ(z), without underflow in the lower tail."""
    if z > -20.0:
        return math.log(0.5 * math.erfc(-z * _SQRT_HALF))
    # 1 − 1/z² + 3/z⁴ − …: seven terms are exact to eps at z = −20.
    square = 1.0 / (z * z)
    total, term = 0.0, 1.0
    for j in range(1, 8):
        term *= -(2 * j - 1) * square
        total += term
    return -0.5 * z * z - math.log(-z) - _LOG_SQRT_2PI + math.log1p(total)


@jit
def log_add_exp(x: float, y: float) -> float:
    """Return log(exp(x) + exp(y))."""
    larger, smaller = (x, y) if x > y else (y, x)
    return larger + math.log1p(math.exp(smaller - larger))


@jit
def log1mexp(x: float) -> float:
    """Return log(1 − exp(x)) for x < 0."""
    return math.log(-math.expm1(x)) if x > _LOG_HALF else math.log1p(-math.exp(x))
