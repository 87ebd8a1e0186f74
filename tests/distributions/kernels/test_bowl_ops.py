"""The fast kernel against mpmath, its switch points, and what PyTensor needs of its Ops."""

from pathlib import Path

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from leadline.distributions.kernels import bowl_ops, bowl_symbols

# Made by `python benchmarks/kernel.py accuracy --reference FILE`: 700 of its random points and 300
# of its regime boundaries.
REFERENCE = np.load(Path(__file__).with_name("reference.npy"))
GRID, EXACT = REFERENCE[:, :3], REFERENCE[:, 3:]


@pytest.mark.parametrize("row", [0, 350, 699, 720, 999])
def test_reference_file_is_what_mpmath_says(row):
    exact = helpers_kernels.reference(*GRID[row])
    expected = [
        exact.log_bowl,
        *exact.log_bowl_partials,
        exact.log_below,
        *exact.log_below_partials,
        exact.log_above,
        *exact.log_above_partials,
    ]
    np.testing.assert_allclose(EXACT[row], expected, rtol=1e-14)


@pytest.mark.parametrize("run", helpers_kernels.RUN_LENGTHS)
@pytest.mark.parametrize("convex", [True, False])
def test_errors_against_mpmath(convex, run):
    for name, error in helpers_kernels.law_errors(GRID, EXACT, convex, run).items():
        worst = int(np.argmax(error))
        assert error[worst] < 1e-9, f"{name} at {GRID[worst]}"


def test_regimes_meet():
    for name, jump in helpers_kernels.boundary_jumps(1e-15).items():
        assert jump < 1e-10, name


def test_without_numba_the_values_are_the_same():
    w, k, lam = pt.dvectors("w", "k", "lam")
    outputs = [*bowl_ops.LOG_BOWL(w, k, lam), *bowl_ops.LOG_TAILS(w, k, lam)]
    compiled = pytensor.function([w, k, lam], outputs)
    interpreted = pytensor.function([w, k, lam], outputs, mode="FAST_COMPILE")
    points = GRID[:20].T
    for fast, slow in zip(compiled(*points), interpreted(*points), strict=True):
        np.testing.assert_array_equal(fast, slow)


def test_arguments_broadcast():
    value = bowl_ops.log_bowl(np.zeros((3, 1)), np.ones(2), 5.0)
    assert value.eval().shape == (3, 2)


def test_nan_gives_nan():
    nan = np.nan
    for point in ((nan, 1.0, 5.0), (1.0, nan, 5.0), (1.0, 1.0, nan)):
        assert np.isnan(bowl_ops.log_bowl(*point).eval())


def test_second_derivatives_are_refused():
    w = pt.dscalar("w")
    slope = pytensor.grad(bowl_ops.log_bowl(w, 1.5, 20.0), w)
    with pytest.raises(NotImplementedError, match="bowl_integral"):
        pytensor.grad(slope, w)


def test_quantiles_against_mpmath():
    (w, k, lam), log_below, log_above = GRID.T, EXACT[:, 4], EXACT[:, 8]
    quantile = bowl_ops.standard_quantile(log_below, log_above, k, lam).eval()
    left = log_below < log_above
    logarithm = np.where(left, log_below, log_above)
    slope = np.abs(np.where(left, EXACT[:, 5], EXACT[:, 9]))
    # Down to 1e-300 and beyond, in the probability: w has what the slope there leaves of it.
    assert (logarithm < np.log(1e-300)).any()
    error = np.abs(quantile - w) * slope
    assert np.all(error < 1e-12 * np.maximum(np.abs(logarithm), 1.0) + 4e-16 * np.abs(w) * slope)


def test_quantile_gradient_is_that_of_the_equation_it_solves():
    log_below, k, lam = pt.dscalars("log_below", "k", "lam")
    quantile = bowl_ops.standard_quantile(log_below, pt.log1p(-pt.exp(log_below)), k, lam)
    gradient = pytensor.grad(quantile, [log_below, k, lam])
    function = pytensor.function([log_below, k, lam], [quantile, *gradient])
    for at in ([-3.0, 0.8, 15.0], [-0.05, 2.0, 30.0]):
        _, *slopes = function(*at)
        for i, slope in enumerate(slopes):
            step = np.zeros(3)
            step[i] = 1e-5
            difference = function(*(at + step))[0] - function(*(at - step))[0]
            # The central difference is good to about 1e-8.
            np.testing.assert_allclose(slope, difference / 2e-5, rtol=1e-6)


def test_cache_keys_follow_the_source():
    key = bowl_symbols.SOURCE_HASH
    assert len(key) == 64
    assert bowl_symbols.symbol("log_bowl_entry").endswith(key)


def test_cache_keys_cover_every_file_of_the_compiled_kernel():
    files = {path.stem for path in Path(bowl_symbols.__file__).parent.glob("bowl_*.py")}
    # The rewrite for JAX compiles nothing.
    assert files - {"bowl_jax"} | {"node_math"} == set(bowl_symbols._SOURCES)
