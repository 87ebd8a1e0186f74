"""A graph rewrite for JAX that replaces the kernel's Ops by the quadrature expressions.

PyTensor runs it when a graph is compiled for JAX (numpyro, blackjax, `nutpie` with
``backend="jax"``). The expressions include their partial derivatives, which JAX uses as given. If
JAX differentiated the expressions, it would differentiate the window of the quadrature too, and
compiling a model would take several times as long. Higher derivatives are those of the partials.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.compile import optdb
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.tensor.elemwise import Elemwise

from leadline.distributions.partial_moment import quadrature
from leadline.distributions.partial_moment.ops import LogPartialMoment, LogTails, StandardQuantile

# The outputs of an Op, and the partials of each of its values in each input.
Expression = tuple[list[Variable], list[list[Variable]]]


def _log_partial_moment(w: Variable, k: Variable, lam: Variable) -> Expression:
    outputs = quadrature.log_moment_with_partials(w, k, lam)
    return outputs, [outputs[1:]]


def _log_tails(w: Variable, k: Variable, lam: Variable) -> Expression:
    outputs = log_below, log_above, *partials = quadrature.log_tails_with_partials(w, k, lam)
    smaller = pt.minimum(log_below, log_above)
    return outputs, [
        [pt.exp(smaller - log_below) * partial for partial in partials],
        [-pt.exp(smaller - log_above) * partial for partial in partials],
    ]


def _quantile(log_below: Variable, log_above: Variable, k: Variable, lam: Variable) -> Expression:
    w = quadrature.quantile_by_bisection(log_below, log_above, k, lam)
    # Implicit derivatives of the equation that w solves.
    _, _, by_w, by_k, by_lam = quadrature.log_tails_with_partials(w, k, lam)
    below_is_smaller = log_below < log_above
    by_log_below = pt.switch(below_is_smaller, 1.0 / by_w, 0.0)
    by_log_above = pt.switch(below_is_smaller, 0.0, -1.0 / by_w)
    return [w], [[by_log_below, by_log_above, -by_k / by_w, -by_lam / by_w]]


EXPRESSIONS: dict[type, Callable[..., Expression]] = {
    LogPartialMoment: _log_partial_moment,
    LogTails: _log_tails,
    StandardQuantile: _quantile,
}


@functools.cache
def jax_function(scalar_op_type: type) -> Callable[..., tuple[Any, ...]]:
    """Return the outputs of a kernel Op as a JAX function that broadcasts its arguments."""
    import jax
    from pytensor.compile.mode import JAX
    from pytensor.link.jax.dispatch import jax_funcify

    inputs = [pt.dscalar() for _ in range(scalar_op_type.nin)]  # type: ignore[attr-defined]
    outputs, partials = EXPRESSIONS[scalar_op_type](*inputs)
    graph = FunctionGraph(inputs, [*outputs, *itertools.chain(*partials)], clone=True)
    JAX.optimizer.rewrite(graph)
    evaluate = jax.jit(jax_funcify(graph))
    n_values, n_inputs, n_outputs = len(partials), len(inputs), len(outputs)

    @jax.custom_jvp
    def values(*arguments: Any) -> tuple[Any, ...]:
        return tuple(evaluate(*arguments)[:n_values])

    @values.defjvp
    def derivative(arguments: Any, tangents: Any) -> tuple[Any, Any]:
        results = evaluate(*arguments)
        rows = [results[n_outputs + i * n_inputs :][:n_inputs] for i in range(n_values)]
        return tuple(results[:n_values]), tuple(
            sum(partial * tangent for partial, tangent in zip(row, tangents, strict=True))
            for row in rows
        )

    def outputs_of(*arguments: Any) -> tuple[Any, ...]:
        if not jax.config.jax_enable_x64:
            raise TypeError(
                "leadline needs 64-bit floats in JAX: set jax_enable_x64, or PyTensor's floatX to "
                '"float64", which sets it'
            )
        arguments = tuple(argument.astype("float64") for argument in arguments)
        return (*values(*arguments), *evaluate(*arguments)[n_values:n_outputs])

    return jax.numpy.vectorize(outputs_of)


@node_rewriter([Elemwise])
def replace_kernel_ops(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace an Elemwise of a kernel Op by its function for JAX."""
    scalar_op_type: Any = type(node.op.scalar_op)
    if scalar_op_type not in EXPRESSIONS:
        return None
    # Imported here because it needs JAX, an optional dependency.
    from pytensor.link.jax.ops import JAXOp

    op = JAXOp(
        [x.type for x in node.inputs],
        [x.type for x in node.outputs],
        jax_function(scalar_op_type),
        name=f"JAX{scalar_op_type.__name__}",
    )
    return op(*node.inputs, return_list=True)


# Before fusion and the rewrites for JAX, after the simplification of the gradient.
optdb.register("leadline_replace_kernel_ops", dfs_rewriter(replace_kernel_ops), "jax", position=1)
