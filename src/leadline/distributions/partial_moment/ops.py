"""PyTensor Ops of the fast kernel: log J, both tails, and quantiles of the standardised score.

Each Op is a scalar Op, so that it broadcasts through Elemwise. The first two Ops return their
partial derivatives as further outputs, which the gradient reuses at no cost.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.scalar as ps
from pytensor.assumptions.core import ASSUMPTION_INFER_REGISTRY, FactState, register_assumption
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.scalar.basic import ScalarOp, float64
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.partial_moment.entries import evaluate_entry, load_entry
from leadline.distributions.partial_moment.symbols import SOURCE_HASH, call_by_symbol
from leadline.distributions.special import float64 as to_float64

_Vars = Sequence[Variable]


class KernelOp(ScalarOp):
    """A scalar Op of 64-bit floats that calls an entry point of the kernel."""

    entry: str

    def output_types_preference(self, *_: Any) -> tuple:
        """Return the types of the outputs."""
        return (float64,) * self.nout

    def impl(self, *inputs: Any) -> Any:
        """Evaluate at one point, for backends without numba."""
        out = evaluate_entry(self.entry, [float(x) for x in inputs], self.nout)
        return tuple(out) if self.nout > 1 else out[0]

    def c_code(self, *args: Any, **kwargs: Any) -> str:
        """Refuse, because the Op has no C code."""
        raise NotImplementedError


def _refuse_second_derivatives(op: ScalarOp, gradients: _Vars) -> None:
    if not all(isinstance(gradient.type, DisconnectedType) for gradient in gradients):
        raise NotImplementedError(
            f"{op} has no second derivatives; build the graph from the expressions in "
            "leadline.distributions.partial_moment.quadrature, which have derivatives of any order."
        )


class LogPartialMoment(KernelOp):
    """log J(w, k, λ) and its partials in w, k and λ."""

    nin, nout = 3, 4
    entry = "log_moment_entry"

    def pullback(self, inputs: _Vars, outputs: _Vars, gradients: _Vars) -> list[Variable]:
        """Multiply the gradient of the value into the partials."""
        gradient, *others = gradients
        _refuse_second_derivatives(self, others)
        return [gradient * partial for partial in outputs[1:]]


class LogTails(KernelOp):
    """log P(W ≤ w), log P(W > w), and ∂P(W ≤ w)/∂(w, k, λ) over the smaller of the two."""

    nin, nout = 3, 5
    entry = "log_tails_entry"

    def pullback(self, inputs: _Vars, outputs: _Vars, gradients: _Vars) -> list[Variable]:
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


class LogBin(KernelOp):
    """The log of the mean density between w − h and w + h; inputs are w, k, λ and h > 0."""

    nin, nout = 4, 1
    entry = "log_bin_entry"


class StandardQuantile(KernelOp):
    """The w with given log P(W ≤ w) and log P(W > w); inputs are these two, k and λ."""

    nin, nout = 4, 1
    entry = "quantile_entry"

    def pullback(self, inputs: _Vars, outputs: _Vars, gradients: _Vars) -> list[Variable]:
        """Differentiate the equation that w solves."""
        log_below, log_above, k, lam = inputs
        _, _, d_w, d_k, d_lam = _log_tails(outputs[0], k, lam)
        scaled = gradients[0] / d_w
        below_is_smaller = ps.lt(log_below, log_above)
        zero = ps.constant(np.float64(0.0))
        return [
            ps.switch(below_is_smaller, scaled, zero),
            ps.switch(below_is_smaller, zero, -scaled),
            -scaled * d_k,
            -scaled * d_lam,
        ]


@register_funcify_and_cache_key(KernelOp)
def _numba_funcify_kernel_op(op: KernelOp, node: Apply, **kwargs: Any) -> tuple[Callable, str]:
    load_entry(op.entry)
    call = call_by_symbol(op.entry, op.nout)
    if op.nin == 3:

        @numba_njit
        def kernel(w, k, lam):  # type: ignore[no-untyped-def]
            return call(w, k, lam, 0.0)

    else:

        @numba_njit
        def kernel(a, b, c, d):  # type: ignore[no-untyped-def]
            return call(a, b, c, d)[0]

    return kernel, hashlib.sha256(f"{type(op)} {SOURCE_HASH}".encode()).hexdigest()


def _assume_nothing(key, op, feature, fgraph, node, input_states):  # type: ignore[no-untyped-def]
    state = FactState.FALSE if isinstance(op.scalar_op, KernelOp) else FactState.UNKNOWN
    return [state] * len(node.outputs)


# PyTensor 3.3 infers assumptions (such as "is diagonal") with rules that fail on an Elemwise of
# several outputs. The rule registered here precedes them, for the kernel's Ops only.
for _key, _op_type in list(ASSUMPTION_INFER_REGISTRY):
    if _op_type is Elemwise:
        register_assumption(_key, Elemwise, prepend=True)(_assume_nothing)


_log_tails = LogTails()
LOG_PARTIAL_MOMENT, LOG_TAILS, LOG_BIN, STANDARD_QUANTILE = (
    Elemwise(op) for op in (LogPartialMoment(), _log_tails, LogBin(), StandardQuantile())
)


def log_partial_moment(w: Any, k: Any, lam: Any) -> TensorVariable:
    """Return log J(w, k, λ); the arguments are tensors that broadcast."""
    return LOG_PARTIAL_MOMENT(*map(to_float64, (w, k, lam)))[0]


def log_tails(w: Any, k: Any, lam: Any) -> tuple[TensorVariable, TensorVariable]:
    """Return log P(W ≤ w) and log P(W > w), each with full relative accuracy."""
    log_below, log_above, *_ = LOG_TAILS(*map(to_float64, (w, k, lam)))
    return log_below, log_above


def log_bin(w: Any, k: Any, lam: Any, half: Any) -> TensorVariable:
    """Return the log of the mean density between w − half and w + half; it has no gradient."""
    return LOG_BIN(*map(to_float64, (w, k, lam, half)))


def standard_quantile(log_below: Any, log_above: Any, k: Any, lam: Any) -> TensorVariable:
    """Return w with log P(W ≤ w) = `log_below` and log P(W > w) = `log_above`, both finite."""
    return STANDARD_QUANTILE(*map(to_float64, (log_below, log_above, k, lam)))
