"""The kernel's Ops over arrays: a graph rewrite for numba, from one call a point to one an array.

PyTensor runs it when a graph is compiled by numba, after gradients have been taken and before
elementwise Ops are fused. What is prepared for a run of observations with equal k and λ
(`leadline.distributions.kernels.bowl_runs`) cannot be had from a scalar Op.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile import optdb
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.tensor.elemwise import Elemwise

from leadline.distributions.kernels.bowl_entries import load_entry
from leadline.distributions.kernels.bowl_ops import KernelOp, LogBowl, LogTails
from leadline.distributions.kernels.bowl_run_entries import (
    LOG_BOWL_WORKSPACE,
    LOG_TAILS_WORKSPACE,
    workspace_size,
)
from leadline.distributions.kernels.bowl_symbols import SOURCE_HASH, call_runs

_ENTRIES: dict[type, tuple[str, tuple[int, int]]] = {
    LogBowl: ("log_bowl_runs", LOG_BOWL_WORKSPACE),
    LogTails: ("log_tails_runs", LOG_TAILS_WORKSPACE),
}


class KernelRuns(Op):
    """A kernel Op of a vector w, and of k and λ that are vectors as long or single numbers."""

    __props__ = ("scalar_op",)

    def __init__(self, scalar_op: KernelOp):
        self.scalar_op = scalar_op

    def make_node(self, w: Variable, k: Variable, lam: Variable) -> Apply:
        """Return a node with a vector for each output of the scalar Op."""
        vector = pt.TensorType("float64", w.type.shape)
        return Apply(self, [w, k, lam], [vector() for _ in range(self.scalar_op.nout)])

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """Return the shape of w for every output."""
        return [shapes[0]] * len(node.outputs)

    def perform(self, node: Apply, inputs: list, output_storage: list) -> None:
        """Evaluate point by point, for backends without numba."""
        points = zip(*np.broadcast_arrays(*inputs), strict=True)
        values = np.array([self.scalar_op.impl(*point) for point in points])
        for storage, value in zip(
            output_storage, values.reshape(-1, self.scalar_op.nout).T, strict=True
        ):
            storage[0] = np.ascontiguousarray(value)


@register_funcify_and_cache_key(KernelRuns)
def _numba_funcify_kernel_runs(op: KernelRuns, node: Apply, **kwargs: Any) -> tuple[Callable, str]:
    entry, (more_runs, more) = _ENTRIES[type(op.scalar_op)]
    load_entry(entry)
    call = call_runs(entry)
    outputs = op.scalar_op.nout

    @numba_njit
    def evaluate(w, k, lam):  # type: ignore[no-untyped-def]
        if (k.ndim == 1 and k.size != w.size) or (lam.ndim == 1 and lam.size != w.size):
            raise ValueError("k and lam must be as long as w")
        size = workspace_size(w.size)
        out = np.empty((outputs, w.size))
        call(w, k, lam, np.empty(size * (1 + more_runs) + more), size, out)
        return out

    if outputs == 4:

        @numba_njit
        def runs(w, k, lam):  # type: ignore[no-untyped-def]
            out = evaluate(w, k, lam)
            return out[0], out[1], out[2], out[3]

    else:

        @numba_njit
        def runs(w, k, lam):  # type: ignore[no-untyped-def]
            out = evaluate(w, k, lam)
            return out[0], out[1], out[2], out[3], out[4]

    key = f"{type(op)} {entry} {SOURCE_HASH}"
    return runs, hashlib.sha256(key.encode()).hexdigest()


@node_rewriter([Elemwise])
def kernel_ops_to_runs(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace an Elemwise of a kernel Op, unless it is of a single point."""
    scalar_op, output = node.op.scalar_op, node.outputs[0]
    if type(scalar_op) not in _ENTRIES or all(output.type.broadcastable):
        return None
    w, *law = node.inputs
    if w.type.broadcastable != output.type.broadcastable:
        w = pt.broadcast_arrays(*node.inputs)[0]

    def to_law(x: Variable) -> Variable:
        if all(x.type.broadcastable):
            return x.squeeze()
        if x.type.broadcastable != w.type.broadcastable:
            x = pt.broadcast_to(x, w.shape)
        return x.ravel() if w.ndim > 1 else x

    law = [to_law(x) for x in law]
    if w.ndim > 1:
        flat = KernelRuns(scalar_op)(w.ravel(), *law)
        results = [result.reshape(w.shape, ndim=w.ndim) for result in flat]
    else:
        results = KernelRuns(scalar_op)(w, *law)
    return [
        result
        if result.type.shape == expected.type.shape
        else pt.specify_shape(result, expected.type.shape)
        for result, expected in zip(results, node.outputs, strict=True)
    ]


# After the gradient has been simplified and before fusion (49), which makes other Ops of Elemwise.
optdb.register(
    "leadline_kernel_ops_to_runs", dfs_rewriter(kernel_ops_to_runs), "numba", position=48.9
)
