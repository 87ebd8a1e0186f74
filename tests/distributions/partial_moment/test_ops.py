"""The fast kernel against mpmath, its regime boundaries, and PyTensor's requirements of its Ops."""

from pathlib import Path

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from leadline.distributions.partial_moment import ops, symbols

# Made by `python benchmarks/kernel.py accuracy --reference FILE`: 700 of its random points and 300
# of its regime boundaries.
REFERENCE = np.load(Path(__file__).with_name("reference.npy"))
GRID, EXACT = REFERENCE[:, :3], REFERENCE[:, 3:]


@pytest.mark.parametrize("row", [0, 350, 699, 720, 999])
def test_reference_file_agrees_with_mpmath(row):
    exact = np.concatenate(helpers_kernels.reference(*GRID[row]))
    np.testing.assert_allclose(EXACT[row], exact, rtol=1e-14)


@pytest.mark.parametrize("convex", [True, False])
def test_errors_against_mpmath(convex):
    for name, error in helpers_kernels.relative_errors(GRID, EXACT, convex).items():
        worst = int(np.argmax(error))
        assert error[worst] < 1e-9, f"{name} at {GRID[worst]}"


def test_regimes_meet():
    for name, jump in helpers_kernels.boundary_jumps(1e-15).items():
        assert jump < 1e-10, name


def test_values_are_the_same_without_numba_in_any_shape():
    w, k, lam = pt.dmatrix("w"), pt.dvector("k"), pt.dscalar("lam")
    outputs = [*ops.LOG_PARTIAL_MOMENT(w, k, lam), *ops.LOG_TAILS(w, k, lam)]
    compiled = pytensor.function([w, k, lam], outputs, mode="NUMBA")
    interpreted = pytensor.function([w, k, lam], outputs, mode="FAST_COMPILE")
    point = (np.linspace(-10.0, 45.0, 60).reshape(12, 5), np.array([0.3, 0.7, 1.2, 2.0, 8.0]), 30.0)
    for fast, slow in zip(compiled(*point), interpreted(*point), strict=True):
        assert fast.shape == (12, 5)
        np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("nan_at", [0, 1, 2])
def test_nan_gives_nan(nan_at):
    point = [1.0, 1.0, 5.0]
    point[nan_at] = np.nan
    assert np.isnan(ops.log_partial_moment(*point).eval())


def test_second_derivatives_are_refused():
    w = pt.dscalar("w")
    slope = pytensor.grad(ops.log_partial_moment(w, 1.5, 20.0), w)
    with pytest.raises(NotImplementedError, match=r"partial_moment\.quadrature"):
        pytensor.grad(slope, w)


def test_quantiles_against_mpmath():
    (w, k, lam), log_below, log_above = GRID.T, EXACT[:, 4], EXACT[:, 8]
    quantile = ops.standard_quantile(log_below, log_above, k, lam).eval()
    below_is_smaller = log_below < log_above
    logarithm = np.where(below_is_smaller, log_below, log_above)
    slope = np.abs(np.where(below_is_smaller, EXACT[:, 5], EXACT[:, 9]))
    # The probabilities reach below 1e-300. The accuracy of w is that of the probability over its
    # slope.
    assert (logarithm < np.log(1e-300)).any()
    error = np.abs(quantile - w) * slope
    assert np.all(error < 1e-12 * np.maximum(np.abs(logarithm), 1.0) + 4e-16 * np.abs(w) * slope)


@pytest.mark.parametrize("at", [(-3.0, 0.8, 15.0), (-0.05, 2.0, 30.0)])
def test_quantile_gradient_is_that_of_the_equation_it_solves(at):
    inputs = log_below, k, lam = pt.dscalars("log_below", "k", "lam")
    quantile = ops.standard_quantile(log_below, pt.log1p(-pt.exp(log_below)), k, lam)
    function = pytensor.function(inputs, [quantile, *pytensor.grad(quantile, inputs)])
    _, *slopes = function(*at)
    for slope, step in zip(slopes, 1e-5 * np.eye(3), strict=True):
        difference = function(*(at + step))[0] - function(*(at - step))[0]
        # The central difference is accurate to about 1e-8.
        np.testing.assert_allclose(slope, difference / 2e-5, rtol=1e-6)


def test_symbols_and_cache_keys_carry_the_hash_of_the_source():
    assert len(symbols.SOURCE_HASH) == 64
    assert symbols.symbol("log_moment_entry").endswith(symbols.SOURCE_HASH)
    w = pt.dscalar("w")
    node = ops.LogPartialMoment().make_node(w, w, w)
    _, key = ops._numba_funcify_kernel_op(node.op, node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "SOURCE_HASH", "of another source")
        assert ops._numba_funcify_kernel_op(node.op, node)[1] != key
