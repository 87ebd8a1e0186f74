"""PyTensor Ops of the fast kernel: log J, both tails, and quantiles of the standardised score.

Each Op is a scalar Op, so that it broadcasts through Elemwise; the first two return the partial
derivatives as further outputs, which the gradient then reuses at no cost.

A model is compiled by numba as one function, and the kernel inlined there would be optimised
again for every model (about a second). Instead its entry points are compiled once into C functions,
kept in PyTensor's numba cache on disk, and called by symbol. The symbol and the cache keys carry a
hash of the source, so that an edit is never served stale.
"""

import ctypes
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
import pytensor.scalar as ps
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from pytensor.assumptions.core import ASSUMPTION_INFER_REGISTRY, FactState, register_assumption
from pytensor.configdefaults import config
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.scalar.basic import ScalarOp, float64
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.variable import TensorVariable

from leadline.kernels import bowl_integral, bowl_kernel, node_math
from leadline.kernels.special import float64 as to_float64

SOURCE_HASH = hashlib.sha256(
    b"".join(
        Path(path).read_bytes()
        for path in (__file__, bowl_integral.__file__, bowl_kernel.__file__, node_math.__file__)
    )
).hexdigest()

_POINTER = types.CPointer(types.float64)  # type: ignore[attr-defined]
_ENTRY_TYPE = types.void(*[types.float64] * 4, _POINTER, _POINTER)
_C_TYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_double] * 4, ctypes.c_void_p, ctypes.c_void_p)
_TABLE_SYMBOL = f"leadline_table_{SOURCE_HASH}"


def _compile_cached(function: Callable, compiler: Callable) -> Any:
    """Return `function` compiled by `compiler`, from PyTensor's cache on disk if it is there."""
    CACHED_SRC_FUNCTIONS[function] = SOURCE_HASH
    return compiler(cache=config.numba__cache, error_model="numpy")(function)


@functools.cache
def bowl_table() -> np.ndarray:
    """Return the polynomial coefficients of `bowl_kernel`, built on first use in about 75 ms."""
    cells_w, cells_log_k, rows, columns = bowl_kernel.TABLE_SHAPE
    sample = _compile_cached(bowl_kernel.sample_table, numba.njit)

    def nodes(low: float, width: float, cells: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.cos(np.pi * (np.arange(degree) + 0.5) / degree)
        middles = low + width * (np.arange(cells) + 0.5)
        # From values at the Chebyshev points to coefficients of powers.
        to_powers = np.linalg.inv(np.vander(x, increasing=True))
        return (middles[:, None] + 0.5 * width * x).ravel(), to_powers

    w, w_powers = nodes(bowl_kernel.W_LOW, bowl_kernel.CELL_W, cells_w, rows)
    log_k, k_powers = nodes(bowl_kernel.LOG_K_LOW, bowl_kernel.CELL_LOG_K, cells_log_k, columns)
    values = sample(w, log_k).reshape(cells_w, rows, cells_log_k, columns)
    table = np.einsum("ca,rb,iajb->ijcr", w_powers, k_powers, values, optimize=True)
    return np.ascontiguousarray(table)


@functools.cache
def _entry(name: str) -> Any:
    """Return the C function of an entry point, its symbol made known to the linker."""
    table = bowl_table()
    function = _compile_cached(
        getattr(bowl_kernel, name), functools.partial(numba.cfunc, _ENTRY_TYPE)
    )
    llvmlite.binding.add_symbol(_TABLE_SYMBOL, table.ctypes.data)
    llvmlite.binding.add_symbol(_symbol(name), function.address)
    return function


def _symbol(name: str) -> str:
    return f"leadline_{name}_{SOURCE_HASH}"


def _call_by_symbol(name: str, outputs: int) -> Callable:
    """Return a numba function of four numbers that calls an entry point in compiled code."""

    @intrinsic
    def call(typing_context, a, b, c, d):  # type: ignore[no-untyped-def]
        result = types.UniTuple(types.float64, outputs)  # type: ignore[attr-defined]

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            double, pointer = ir.DoubleType(), ir.DoubleType().as_pointer()
            function_type = ir.FunctionType(ir.VoidType(), [double] * 4 + [pointer] * 2)
            function = cgutils.get_or_insert_function(builder.module, function_type, _symbol(name))
            table = cgutils.add_global_variable(builder.module, double, _TABLE_SYMBOL)
            out = cgutils.alloca_once(builder, ir.ArrayType(double, outputs))
            builder.call(function, [*arguments, table, builder.bitcast(out, pointer)])
            values = [
                builder.load(cgutils.gep_inbounds(builder, out, 0, i)) for i in range(outputs)
            ]
            return context.make_tuple(builder, result, values)

        return result(*[types.float64] * 4), generate

    return call


class _KernelOp(ScalarOp):
    """A scalar Op of 64-bit floats that is an entry point of the kernel."""

    entry: str

    def output_types_preference(self, *_: Any) -> tuple:
        return (float64,) * self.nout

    def impl(self, *inputs: Any) -> Any:
        """Evaluate at one point, for backends without numba."""
        out = np.empty(self.nout)
        arguments = [float(x) for x in inputs] + [0.0] * (4 - self.nin)
        function = _C_TYPE(_entry(self.entry).address)
        function(*arguments, bowl_table().ctypes.data, out.ctypes.data)
        return tuple(out) if self.nout > 1 else out[0]

    def c_code(self, *args: Any, **kwargs: Any) -> str:
        raise NotImplementedError


def _refuse_second_derivatives(op: ScalarOp, gradients: Sequence[Variable]) -> None:
    if not all(isinstance(gradient.type, DisconnectedType) for gradient in gradients):
        raise NotImplementedError(
            f"{op} has no second derivatives; build the graph from the expressions in "
            "leadline.kernels.bowl_integral, which have derivatives of any order."
        )


class LogBowl(_KernelOp):
    """log J(w, k, λ) and its partials in w, k and λ."""

    nin, nout = 3, 4
    entry = "log_bowl_entry"

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], gradients: Sequence[Variable]
    ) -> list[Variable]:
        """Multiply the gradient of the value into the partials."""
        gradient, *others = gradients
        _refuse_second_derivatives(self, others)
        return [gradient * partial for partial in outputs[1:]]


class LogTails(_KernelOp):
    """log P(W ≤ w), log P(W > w), and ∂P(W ≤ w)/∂(w, k, λ) over the smaller of the two."""

    nin, nout = 3, 5
    entry = "log_tails_entry"

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], gradients: Sequence[Variable]
    ) -> list[Variable]:
        """Multiply the gradients of both logarithms into the partials."""
        _refuse_second_derivatives(self, gradients[2:])
        log_below, log_above, *partials = outputs
        smaller = ps.scalar_minimum(log_below, log_above)
        terms = [
            sign * gradient * ps.exp(smaller - value)
            for sign, gradient, value in zip((1.0, -1.0), gradients, outputs, strict=False)
            if not isinstance(gradient.type, DisconnectedType)
        ]
        return [sum(terms[1:], start=terms[0]) * partial for partial in partials]


class StandardQuantile(_KernelOp):
    """The w with given log P(W ≤ w) and log P(W > w); inputs are these two, k and λ."""

    nin, nout = 4, 1
    entry = "quantile_entry"

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], gradients: Sequence[Variable]
    ) -> list[Variable]:
        """Differentiate the equation that w solves."""
        log_below, log_above, k, lam = inputs
        _, _, d_w, d_k, d_lam = _log_tails(outputs[0], k, lam)
        scaled = gradients[0] / d_w
        left = ps.lt(log_below, log_above)
        zero = ps.constant(np.float64(0.0))
        return [
            ps.switch(left, scaled, zero),
            ps.switch(left, zero, -scaled),
            -scaled * d_k,
            -scaled * d_lam,
        ]


@register_funcify_and_cache_key(_KernelOp)
def _numba_funcify_kernel_op(op: _KernelOp, node: Apply, **kwargs: Any) -> tuple[Callable, str]:
    _entry(op.entry)
    call = _call_by_symbol(op.entry, op.nout)
    if op.nin == 3:

        @numba_njit
        def kernel(w, k, lam):  # type: ignore[no-untyped-def]
            return call(w, k, lam, 0.0)

    else:

        @numba_njit
        def kernel(log_below, log_above, k, lam):  # type: ignore[no-untyped-def]
            return call(log_below, log_above, k, lam)[0]

    return kernel, hashlib.sha256(f"{type(op)} {SOURCE_HASH}".encode()).hexdigest()


def _nothing_assumed(key, op, feature, fgraph, node, input_states):  # type: ignore[no-untyped-def]
    known = FactState.FALSE if isinstance(op.scalar_op, _KernelOp) else FactState.UNKNOWN
    return [known] * len(node.outputs)


# PyTensor 3.3 infers assumptions ("is it diagonal?") with rules that break on an Elemwise of
# several outputs. These answer first, for the kernel's Ops only.
for _key, _op_type in list(ASSUMPTION_INFER_REGISTRY):
    if _op_type is Elemwise:
        register_assumption(_key, Elemwise, prepend=True)(_nothing_assumed)


_log_tails = LogTails()
LOG_BOWL, LOG_TAILS, STANDARD_QUANTILE = (
    Elemwise(op) for op in (LogBowl(), _log_tails, StandardQuantile())
)


def log_bowl(w: Any, k: Any, lam: Any) -> TensorVariable:
    """Return log J(w, k, λ); the arguments are tensors that broadcast."""
    return LOG_BOWL(*map(to_float64, (w, k, lam)))[0]


def log_tails(w: Any, k: Any, lam: Any) -> tuple[TensorVariable, TensorVariable]:
    """Return log P(W ≤ w) and log P(W > w), each with full relative accuracy."""
    log_below, log_above, *_ = LOG_TAILS(*map(to_float64, (w, k, lam)))
    return log_below, log_above


def standard_quantile(log_below: Any, log_above: Any, k: Any, lam: Any) -> TensorVariable:
    """Return w with log P(W ≤ w) = `log_below` and log P(W > w) = `log_above`, both finite."""
    return STANDARD_QUANTILE(*map(to_float64, (log_below, log_above, k, lam)))
