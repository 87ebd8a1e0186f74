"""The kernel for JAX: a graph rewrite that replaces its Ops by the quadrature expressions.

PyTensor runs it when a graph is compiled for JAX (numpyro, blackjax, `nutpie` with
``backend="jax"``), after gradients have been taken, so that no JAX code is needed here. The
partial derivatives that the Ops return as outputs become derivatives of the expressions.
"""

from collections.abc import Callable

import pytensor
import pytensor.tensor as pt
from pytensor.compile import optdb
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.tensor.elemwise import Elemwise

from leadline.kernels.bowl_integral import (
    LOG_SQRT_2PI,
    log_bowl_integral,
    log_tails_integral,
    quantile_by_bisection,
)
from leadline.kernels.bowl_ops import LogBowl, LogTails, StandardQuantile


def _log_bowl_outputs(w: Variable, k: Variable, lam: Variable) -> list[Variable]:
    value = log_bowl_integral(w, k, lam)
    limit = (k - 1.0) * pt.log(lam) - 0.5 * (w - lam) ** 2 - LOG_SQRT_2PI
    return [value, *pytensor.grad(value.sum(), [w, k]), pt.exp(limit - value)]


def _log_tails_outputs(w: Variable, k: Variable, lam: Variable) -> list[Variable]:
    log_below, log_above = log_tails_integral(w, k, lam)
    # The derivative of F over the smaller tail is that of log F, or of −log S.
    smaller = pt.switch(log_below < log_above, log_below, -log_above)
    return [log_below, log_above, *pytensor.grad(smaller.sum(), [w, k, lam])]


def _quantile_outputs(
    log_below: Variable, log_above: Variable, k: Variable, lam: Variable
) -> list[Variable]:
    return [quantile_by_bisection(log_below, log_above, k, lam)]


_EXPRESSIONS: dict[type, Callable[..., list[Variable]]] = {
    LogBowl: _log_bowl_outputs,
    LogTails: _log_tails_outputs,
    StandardQuantile: _quantile_outputs,
}


@node_rewriter([Elemwise])
def expand_kernel_ops(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace an Elemwise of a kernel Op by its expression."""
    expression = _EXPRESSIONS.get(type(node.op.scalar_op))
    if expression is None:
        return None
    # Of one shape, so that the gradient of the sum is the elementwise derivative.
    inputs = [x.copy() for x in pt.broadcast_arrays(*node.inputs)]
    return [
        pt.specify_shape(output, expected.type.shape)
        if output.type.shape != expected.type.shape
        else output
        for output, expected in zip(expression(*inputs), node.outputs, strict=True)
    ]


# Before fusion and the rewrites for JAX, after the gradient has been simplified.
optdb.register("leadline_expand_kernel_ops", dfs_rewriter(expand_kernel_ops), "jax", position=1)
