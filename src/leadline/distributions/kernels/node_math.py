"""Elementary functions for compiled loops over quadrature nodes.

Free of branches and of calls to libm, so that LLVM does eight nodes at once (AVX-512, or four with
AVX2): a loop with an exponential and a logarithm a node is six times faster than with libm's. One
at a time, libm's are faster. The methods are those of FDLIBM (Sun Microsystems, 1993).
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

# Division by zero gives inf, not an exception, and multiply-adds are fused. Without wrappers for
# calls from Python or C these functions compile in half the time. Sums over nodes may be taken in
# any order, so that they can be taken eight at a time.
_OPTIONS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
jit = numba.njit(fastmath={"contract"}, **_OPTIONS)
jit_nodes = numba.njit(fastmath={"contract", "reassoc"}, **_OPTIONS)

_LOG2_E = 1.0 / math.log(2.0)
# log 2 as a sum of two, the first with trailing zeros, so that its multiples are exact.
_LOG2_HIGH, _LOG2_LOW = 0.6931471803691238, 1.9082149292705877e-10
# Adding 3 · 2^51 leaves the nearest integer in the last bits.
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


def polynomials(lanes: int, terms: int, slopes: bool = False) -> Any:
    """Return a numba function that evaluates `lanes` polynomials at one point, side by side.

    Their coefficients start at `offset` in an array or at a pointer, those of equal power
    together: with vector instructions all lanes take the time of one (numba leaves LLVM's own
    search for such groups off). The result is a tuple of the values and then, where asked for, of
    the slopes.
    """

    @intrinsic
    def evaluate(context, coefficients, offset, x):  # type: ignore[no-untyped-def]
        count = 2 * lanes if slopes else lanes
        result = types.UniTuple(types.float64, count)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            vector, integer = ir.VectorType(ir.DoubleType(), lanes), ir.IntType(32)
            start = arguments[0]
            if isinstance(coefficients, types.Array):
                start = context.make_array(coefficients)(context, builder, start).data
            start = builder.bitcast(builder.gep(start, [arguments[1]]), vector.as_pointer())
            rows = [builder.load(builder.gep(start, [integer(i)]), align=8) for i in range(terms)]
            x = ir.Constant(vector, ir.Undefined)
            for lane in range(lanes):
                x = builder.insert_element(x, arguments[2], integer(lane))

            def fused(a, b, c):  # type: ignore[no-untyped-def]
                flags = ("contract",)
                return builder.fadd(builder.fmul(a, b, flags=flags), c, flags=flags)

            value, slope = rows[-1], None
            for row in rows[-2::-1]:
                if slopes:
                    slope = value if slope is None else fused(slope, x, value)
                value = fused(value, x, row)
            values = [
                builder.extract_element(of, integer(lane))
                for of in ([value, slope] if slopes else [value])
                for lane in range(lanes)
            ]
            return context.make_tuple(builder, result, values)

        return result(coefficients, types.int64, types.float64), generate

    return evaluate


@jit
def expm1(x: float) -> tuple[float, float]:
    """Return exp(x) − 1 and exp(x) to 2 eps, for x ≤ 700; below −700 as at −700.

    x = n log 2 + r with |r| ≤ 0.35, where 13 Taylor terms leave 2e-17.
    """
    x = max(x, -700.0)
    rounded = x * _LOG2_E + _ROUND
    n = rounded - _ROUND
    r = (x - n * _LOG2_HIGH) - n * _LOG2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r
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
    p = 2.0 / 21.0
    p = p * z + 2.0 / 19.0
    p = p * z + 2.0 / 17.0
    p = p * z + 2.0 / 15.0
    p = p * z + 2.0 / 13.0
    p = p * z + 2.0 / 11.0
    p = p * z + 2.0 / 9.0
    p = p * z + 2.0 / 7.0
    p = p * z + 2.0 / 5.0
    p = p * z + 2.0 / 3.0
    n = _from_bits(exponent + _ROUND_BITS) - _ROUND
    return n * _LOG2_HIGH + (n * _LOG2_LOW + (2.0 * s + s * z * p))


@jit
def log(x: float) -> float:
    """Return log x to 2 eps of the larger of it and 1, for normal x > 0."""
    bits = _to_bits(x)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    return _log_of_parts(exponent, _from_bits(bits - (exponent << 52)) - 1.0)


@jit
def log1p(x: float) -> float:
    """Return log(1 + x), accurate relative to itself, for x > −1."""
    bits = _to_bits(1.0 + x)
    exponent = (bits - _SQRT_HALF_BITS) >> 52
    f = _from_bits(bits - (exponent << 52)) - 1.0
    # Near 0, x itself has the digits that 1 + x has lost. (A conditional expression would branch.)
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
