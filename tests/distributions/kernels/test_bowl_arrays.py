"""The kernel over arrays: the same values as point by point, whatever the shapes."""

from concurrent.futures import ThreadPoolExecutor

import helpers_kernels
import numba
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor.elemwise import Elemwise

from leadline.distributions.kernels import bowl_entries, bowl_ops, bowl_symbols
from leadline.distributions.kernels.bowl_arrays import KernelRuns
from leadline.distributions.kernels.bowl_ops import KernelOp
from leadline.distributions.kernels.bowl_run_entries import LOG_BOWL_WORKSPACE, workspace_size

# Vectors, with every observation a run of its own; numbers; and columns beside rows.
VECTOR, NUMBER, ROW, COLUMN = (None,), (), (1, None), (None, 1)
W = np.random.default_rng(2).uniform(-10.0, 45.0, 60)


def _outputs(shapes):
    inputs = [pt.tensor(dtype="float64", shape=shape) for shape in shapes]
    return inputs, [*bowl_ops.LOG_BOWL(*inputs), *bowl_ops.LOG_TAILS(*inputs)]


@pytest.mark.parametrize(
    ("shapes", "point"),
    [
        ((VECTOR, NUMBER, NUMBER), (W, 1.2, 30.0)),
        ((VECTOR, NUMBER, NUMBER), (W[::-2], 0.3, 5.0)),
        ((VECTOR, NUMBER, NUMBER), (W[:0], 1.2, 30.0)),
        ((VECTOR, VECTOR, VECTOR), (W, np.repeat([0.7, 2.0], 30), np.repeat([8.0, 40.0], 30))),
        ((VECTOR, NUMBER, VECTOR), (W, 1.2, np.repeat([9.0, 40.0, 1e4], 20))),
        # One point many times over, and two points of the same run.
        ((VECTOR, VECTOR, NUMBER), (np.repeat(W[:4], 15), np.repeat([0.7, 2.0], 30), 30.0)),
        ((VECTOR, VECTOR, NUMBER), (np.repeat(W[:2], 30), np.repeat([0.7, 2.0], 30), 30.0)),
        ((NUMBER, VECTOR, NUMBER), (2.0, np.linspace(0.6, 3.0, 5), 30.0)),
        ((ROW, COLUMN, NUMBER), (W[None], np.array([[0.6], [1.0], [2.0]]), 30.0)),
        ((ROW, ROW, COLUMN), (W[None], np.full((1, 60), 1.5), np.array([[3.0], [50.0]]))),
    ],
)  # fmt: skip
def test_every_shape_has_the_values_of_single_points(shapes, point):
    inputs, outputs = _outputs(shapes)
    function = pytensor.function(inputs, outputs)
    kinds = [node.op for node in function.maker.fgraph.apply_nodes]
    assert sum(isinstance(op, KernelRuns) for op in kinds) == 2
    assert not any(isinstance(op, Elemwise) and isinstance(op.scalar_op, KernelOp) for op in kinds)
    single = pytensor.function(inputs, outputs, mode="FAST_COMPILE")
    for fast, slow in zip(function(*point), single(*point), strict=True):
        assert fast.shape == slow.shape
        # Prepared polynomials differ from the functions by 1e-12.
        np.testing.assert_allclose(fast, slow, rtol=5e-12, atol=5e-12)


def test_single_points_are_left_alone():
    inputs, outputs = _outputs((NUMBER, NUMBER, NUMBER))
    function = pytensor.function(inputs, outputs)
    assert not any(isinstance(n.op, KernelRuns) for n in function.maker.fgraph.apply_nodes)


@pytest.mark.parametrize("k", [0.2, 0.5, 1.5, 10.0, 40.0])
@pytest.mark.parametrize("lam", [0.5, 3.0, 14.0, 60.0, 1e5])
def test_dense_runs_have_the_values_of_single_points(k, lam):
    w = np.concatenate([np.linspace(-12.0, 30.0, 3000), lam + np.linspace(-12.0, 12.0, 2000)])
    function = helpers_kernels.kernel_function()
    together = function(w, np.full(w.size, k), np.full(w.size, lam))
    # Another k between any two, so that every run has one observation.
    alone = function(np.repeat(w, 2), np.tile([k, 1.0], w.size), np.full(2 * w.size, lam))
    for dense, exact in zip(together, alone, strict=True):
        np.testing.assert_allclose(dense, exact[::2], rtol=1e-11, atol=2e-11)


def test_values_do_not_depend_on_the_order_of_observations():
    function = helpers_kernels.kernel_function()
    w = np.random.default_rng(3).uniform(-5.0, 60.0, 5000)
    order = np.argsort(w)
    law = (np.full(w.size, 1.3), np.full(w.size, 50.0))
    for shuffled, ordered in zip(function(w, *law), function(w[order], *law), strict=True):
        np.testing.assert_allclose(shuffled[order], ordered, rtol=1e-13, atol=1e-13)


def test_nan_and_infinite_neighbours_change_nothing():
    function = helpers_kernels.kernel_function()
    w = np.random.default_rng(4).uniform(-5.0, 60.0, 30)
    law = (np.full(33, 1.3), np.full(33, 50.0))
    expected = function(w, *(x[:30] for x in law))
    actual = function(np.concatenate([[np.nan, -1e100], w, [1e100]]), *law)
    for output, plain in zip(actual, expected, strict=True):
        assert np.isnan(output[0])
        np.testing.assert_allclose(output[2:-1], plain, rtol=5e-12, atol=5e-12)


def test_threads_get_the_same_numbers():
    bowl_entries.load_entry("log_bowl_runs")
    call = bowl_symbols.call_runs("log_bowl_runs")

    # As nutpie runs its chains; a PyTensor function would hold the interpreter's lock.
    @numba.njit(nogil=True)
    def evaluate(w, k, lam):  # type: ignore[no-untyped-def]
        size = workspace_size(w.size)
        out = np.empty((4, w.size))
        for _ in range(20):
            call(w, k, lam, np.empty(size + LOG_BOWL_WORKSPACE[1]), size, out)
        return out

    points = np.random.default_rng(5).uniform(-5.0, 60.0, (16, 2000))
    jobs = [(w, np.array(1.0 + 0.1 * i), np.array(50.0)) for i, w in enumerate(points)]
    expected = [evaluate(*job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda job: evaluate(*job), jobs))
    np.testing.assert_array_equal(results, expected)
