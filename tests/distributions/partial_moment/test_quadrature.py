"""The quadrature expressions against the same mpmath values as the fast kernel."""

import itertools
from pathlib import Path

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from leadline.distributions.partial_moment import quadrature

REFERENCE = np.load(Path(__file__).with_name("reference.npy"))[::2]
# These graphs are large: rewriting and compiling would take a minute, numpy takes a second.
MODE = Mode("py", None)


@pytest.fixture(scope="module")
def values():
    """Return log J and its partials, log J's automatic partials, and the tails with partials."""
    inputs = pt.dvectors("w", "k", "lam")
    moment = quadrature.log_moment_with_partials(*inputs)
    automatic = pytensor.grad(moment[0].sum(), list(inputs))
    outputs = [*moment, *automatic, *quadrature.log_tails_with_partials(*inputs)]
    return np.array(pytensor.function(inputs, outputs, mode=MODE)(*REFERENCE[:, :3].T))


def test_log_moment(values):
    np.testing.assert_allclose(values[0], REFERENCE[:, 3], rtol=1e-12, atol=1e-12)
    # Far above lam, log J is −1e7; its rounding leaves an error of 1e-8 in a mean over its
    # integrand. The stretching of the last panel there cancels to about 1e-12 of the slope, 1e4.
    for partials in (values[1:4], values[4:7]):
        np.testing.assert_allclose(partials, REFERENCE[:, 4:7].T, rtol=1e-8, atol=1e-9)


def test_log_tails(values):
    log_below, log_above = REFERENCE[:, 7], REFERENCE[:, 11]
    np.testing.assert_allclose(values[7], log_below, rtol=1e-10)
    np.testing.assert_allclose(values[8], log_above, rtol=1e-10)
    below_is_smaller = (log_below < log_above)[:, None]
    smaller = np.where(below_is_smaller, REFERENCE[:, 8:11], -REFERENCE[:, 12:15])
    np.testing.assert_allclose(values[9:], smaller.T, rtol=1e-8, atol=1e-300)


@pytest.mark.slow
def test_second_derivatives_against_mpmath():
    # Near the optimum, near both sides of lam, where k < 1, far to the left and far above.
    points = [(2.0, 1.5, 20.0), (19.5, 3.0, 20.0), (8.0, 2.0, 6.0), (0.1, 0.4, 5.0)]
    points += [(-9.0, 1.0, 3.0), (60.0, 2.5, 40.0)]
    inputs = w, *_ = pt.dvectors("w", "k", "lam")

    def derivatives(value, inputs):
        return pytensor.grad(value.sum(), list(inputs))

    log_moment = quadrature.log_moment_with_partials(*inputs)[0]
    log_tails = quadrature.log_tails_with_partials(*inputs)[:2]
    hessian = [derivatives(slope, inputs) for slope in derivatives(log_moment, inputs)]
    by_w = [derivatives(derivatives(tail, [w])[0], [w])[0] for tail in log_tails]
    outputs = [*itertools.chain(*hessian), *by_w]
    *hessian, below, above = pytensor.function(inputs, outputs, mode=MODE)(*np.transpose(points))

    exact = np.array([helpers_kernels.log_moment_hessian(*point) for point in points])
    np.testing.assert_allclose(np.transpose(hessian), exact.reshape(-1, 9), rtol=1e-7, atol=1e-8)
    first = np.array([helpers_kernels.reference(*point) for point in points])
    # With f the density, (log F)'' = (f/F)(log f)' − (f/F)², and likewise for S.
    log_density, *slopes = first[:, :, 1].T
    for actual, slope in zip((below, above), slopes, strict=True):
        np.testing.assert_allclose(actual, slope * log_density - slope**2, rtol=1e-7, atol=1e-8)
