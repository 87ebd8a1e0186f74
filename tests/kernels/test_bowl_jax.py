"""The rewrite for JAX, checked without JAX: its rewrites only, evaluated by numpy."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.tensor.elemwise import Elemwise

from leadline.kernels import noisy_quadratic
from leadline.kernels.bowl_jax import _EXPRESSIONS


def test_rewritten_graph_has_no_kernel_op_and_the_same_values():
    y = pt.dvector("y")
    law = pt.dscalars("alpha", "beta", "gamma", "sigma")
    value = noisy_quadratic.logpdf(y, *law) - noisy_quadratic.logcdf(0.7, *law)
    outputs = [value, *pytensor.grad(value.sum(), law)]
    rewritten = pytensor.function(
        [y, *law], outputs, mode=Mode("py", RewriteDatabaseQuery(include=["jax"]))
    )
    for node in rewritten.maker.fgraph.apply_nodes:
        if isinstance(node.op, Elemwise):
            assert type(node.op.scalar_op) not in _EXPRESSIONS
    point = (np.linspace(-0.1, 1.3, 9), 0.0, 1.0, 3.0, 0.05)
    expected = pytensor.function([y, *law], outputs)(*point)
    for ours, theirs in zip(rewritten(*point), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
