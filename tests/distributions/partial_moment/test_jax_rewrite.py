"""The kernel on JAX: its rewrite, and values and derivatives against mpmath."""

from pathlib import Path

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor.elemwise import Elemwise

from leadline.distributions.partial_moment import jax_rewrite, ops

jax = pytest.importorskip("jax")

REFERENCE = np.load(Path(__file__).with_name("reference.npy"))[::4]
POINTS, EXACT = REFERENCE[:, :3].T, REFERENCE[:, 3:].T

# Without optimisation, which would take longer and change nothing here.
QUICK = {"xla_backend_optimization_level": 0}


def evaluate(scalar_op_type, n_values, points):
    """Return the outputs of a kernel Op, and the derivatives of its values as JAX takes them."""
    function = jax_rewrite.jax_function(scalar_op_type)

    def outputs_and_jacobian(*x):
        values = jax.jacrev(lambda *x: function(*x)[:n_values], argnums=tuple(range(len(x))))
        return function(*x), values(*x)

    return jax.jit(jax.vmap(outputs_and_jacobian), compiler_options=QUICK)(*points)


def test_log_moment():
    (value, *partials), (jacobian,) = evaluate(ops.LogPartialMoment, 1, POINTS)
    assert value.dtype == "float64"
    np.testing.assert_allclose(value, EXACT[0], rtol=1e-12, atol=1e-12)
    # As accurate as the expressions: log J is −1e7 far above lam, and its partials 1e4.
    np.testing.assert_allclose(partials, EXACT[1:4], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(jacobian, EXACT[1:4], rtol=1e-8, atol=1e-9)


def test_log_tails():
    outputs, jacobian = evaluate(ops.LogTails, 2, POINTS)
    for tail in (0, 1):
        value, *exact = EXACT[4 + 4 * tail :][:4]
        np.testing.assert_allclose(outputs[tail], value, rtol=1e-10)
        np.testing.assert_allclose(jacobian[tail], exact, rtol=1e-8, atol=1e-300)
    smaller = np.where(EXACT[4] < EXACT[8], EXACT[5:8], -EXACT[9:12])
    np.testing.assert_allclose(outputs[2:], smaller, rtol=1e-8, atol=1e-300)


def test_quantile_and_the_derivatives_of_the_equation_it_solves():
    # Where w has as many digits as the logarithms of its tails.
    kept = np.flatnonzero((EXACT[[4, 8]] > -500.0).all(axis=0) & (np.abs(EXACT[5]) > 1e-3))[:20]
    w, k, lam = POINTS[:, kept]
    log_below, below_by_w, below_by_k, below_by_lam = EXACT[4:8, kept]
    log_above, above_by_w, above_by_k, above_by_lam = EXACT[8:12, kept]
    (quantile,), (jacobian,) = evaluate(ops.StandardQuantile, 1, (log_below, log_above, k, lam))
    np.testing.assert_allclose(quantile, w, rtol=1e-8, atol=1e-8)
    left = log_below < log_above
    assert 5 < left.sum() < 15
    by_w = np.where(left, below_by_w, above_by_w)
    exact = [
        np.where(left, 1.0 / by_w, 0.0),
        np.where(left, 0.0, 1.0 / by_w),
        -np.where(left, below_by_k, above_by_k) / by_w,
        -np.where(left, below_by_lam, above_by_lam) / by_w,
    ]
    np.testing.assert_allclose(jacobian, exact, rtol=1e-6, atol=1e-12)


def test_second_derivatives_are_those_of_mpmath():
    points = np.array([(0.3, 0.5, 6.0), (5.5, 3.0, 6.0), (-4.0, 1.5, 20.0)])
    function = jax_rewrite.jax_function(ops.LogPartialMoment)
    hessian = jax.vmap(jax.hessian(lambda x: function(*x)[0]))
    ours = jax.jit(hessian, compiler_options=QUICK)(points)
    exact = [helpers_kernels.log_moment_hessian(*point) for point in points]
    np.testing.assert_allclose(ours, exact, rtol=1e-8, atol=1e-9)


class Faster(Elemwise):
    """Stands for an Elemwise with its own implementation."""


def test_an_elemwise_of_any_class_is_replaced_in_a_compiled_graph():
    w, k = pt.dvector("w"), pt.dscalar("k")
    for elemwise in (Elemwise, Faster):
        value, *_ = elemwise(ops.LogPartialMoment())(w, k, pt.constant(20.0))
        function = pytensor.function([w, k], [value, pytensor.grad(value.sum(), k)], mode="JAX")
        nodes = function.maker.fgraph.apply_nodes
        assert any(type(node.op).__name__ == "JAXOp" for node in nodes)
        ours = function(np.array([1.0, 3.0]), 1.5)
        exact = [helpers_kernels.reference(at, 1.5, 20.0).log_moment for at in (1.0, 3.0)]
        value, _, by_k, _ = np.transpose(exact)
        np.testing.assert_allclose(ours[0], value, rtol=1e-12)
        np.testing.assert_allclose(ours[1], by_k.sum(), rtol=1e-10)


def test_arguments_broadcast():
    function = jax_rewrite.jax_function(ops.LogPartialMoment)
    outputs = jax.eval_shape(function, np.zeros((3, 1)), np.ones(2), np.array(5.0))
    assert [output.shape for output in outputs] == [(3, 2)] * 4


def test_32_bit_floats_are_refused():
    function = jax_rewrite.jax_function(ops.LogPartialMoment)
    with jax.enable_x64(False), pytest.raises(TypeError, match="64-bit"):
        function(*np.ones((3, 1)))
