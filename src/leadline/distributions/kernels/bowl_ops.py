"""PyTensor Ops of the fast kernel: log J, both tails, and quantiles of the standardised score.

Each Op is a scalar Op, so that it broadcasts through Elemwise; the first two return the partial
derivatives as further outputs, which the gradient then reuses at no cost. They call the C
functions of `leadline.distributions.kernels.bowl_entries`. When a graph is compiled by numba,
`leadline.distributions.kernels.bowl_arrays` replaces them where they are applied to arrays.
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

from leadline.distributions.kernels import bowl_entries
from leadline.distributions.kernels.bowl_symbols import SOURCE_HASH, call_point
from leadline.distributions.kernels.special import float64 as to_float64


class KernelOp(ScalarOp):
    """A scalar Op of 64-bit floats that is an entry point of the kernel."""

    entry: str

    def output_types_preference(self, *_: Any) -> tuple:
        """Return the types of the outputs."""
        return (float64,) * self.nout

    def impl(self, *inputs: Any) -> Any:
        """Evaluate at one point, for backends without numba."""
        arguments = [float(x) for x in inputs] + [0.0] * (4 - self.nin)
        out = bowl_entries.call_point(self.entry, arguments, self.nout)
        return tuple(out) if self.nout > 1 else out[0]

    def c_code(self, *args: Any, **kwargs: Any) -> str:
        """Say that there is none."""
        raise NotImplementedError


def _refuse_second_derivatives(op: ScalarOp, gradients: Sequence[Variable]) -> None:
    if not all(isinstance(gradient.type, DisconnectedType) for gradient in gradients):
        raise NotImplementedError(
            f"{op} has no second derivatives; build the graph from the expressions in "
            "leadline.distributions.kernels.bowl_integral, which have derivatives of any order."
        )


class LogBowl(KernelOp):
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


class LogTails(KernelOp):
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


class StandardQuantile(KernelOp):
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


@register_funcify_and_cache_key(KernelOp)
def _numba_funcify_kernel_op(op: KernelOp, node: Apply, **kwargs: Any) -> tuple[Callable, str]:
    bowl_entries.load_entry(op.entry)
    call = call_point(op.entry, op.nout)
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
    known = FactState.FALSE if isinstance(op.scalar_op, KernelOp) else FactState.UNKNOWN
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
