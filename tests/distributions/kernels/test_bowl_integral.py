"""The quadrature expressions against the same mpmath values as the fast kernel."""

import itertools
from pathlib import Path

import helpers_kernels
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from leadline.distributions.kernels.bowl_integral import (
    log_bowl_and_partials,
    log_bowl_integral,
    log_tails_and_partials,
    log_tails_integral,
)

REFERENCE = np.load(Path(__file__).with_name("reference.npy"))[::2]
# These graphs are large: rewriting and compiling would take a minute, numpy takes a second.
MODE = Mode("py", None)


@pytest.fixture(scope="module")
def values():
    w, k, lam = pt.dvectors("w", "k", "lam")
    log_bowl = log_bowl_integral(w, k, lam)
    outputs = [
        log_bowl,
        *pytensor.grad(log_bowl.sum(), [w, k, lam]),
        *log_tails_integral(w, k, lam),
    ]
    return pytensor.function([w, k, lam], outputs, mode=MODE)(*REFERENCE[:, :3].T)


@pytest.fixture(scope="module")
def partials():
    inputs = pt.dvectors("w", "k", "lam")
    outputs = [*log_bowl_and_partials(*inputs), *log_tails_and_partials(*inputs)]
    return pytensor.function(inputs, outputs, mode=MODE)(*REFERENCE[:, :3].T)


def test_log_bowl(values):
    np.testing.assert_allclose(values[0], REFERENCE[:, 3], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("partial", [0, 1, 2])
def test_partials(values, partial):
    # The stretching of the last panel cancels to about 1e-12 of the slope far above lam, 1e4.
    exact = REFERENCE[:, 4 + partial]
    np.testing.assert_allclose(values[1 + partial], exact, rtol=1e-8, atol=1e-9)


def test_both_tails(values):
    np.testing.assert_allclose(values[4], REFERENCE[:, 7], rtol=1e-10)
    np.testing.assert_allclose(values[5], REFERENCE[:, 11], rtol=1e-10)


def test_partials_that_are_given(partials):
    log_bowl, log_tails = partials[:4], partials[4:]
    np.testing.assert_allclose(log_bowl[0], REFERENCE[:, 3], rtol=1e-12, atol=1e-12)
    # Far above lam, log J is −1e7: what its rounding leaves of a mean over its integrand is 1e-8.
    np.testing.assert_allclose(log_bowl[1:], REFERENCE[:, 4:7].T, rtol=1e-8, atol=1e-9)
    log_below, log_above = REFERENCE[:, 7], REFERENCE[:, 11]
    np.testing.assert_allclose(log_tails[0], log_below, rtol=1e-10)
    np.testing.assert_allclose(log_tails[1], log_above, rtol=1e-10)
    below = (log_below < log_above)[:, None]
    smaller = np.where(below, REFERENCE[:, 8:11], -REFERENCE[:, 12:15])
    np.testing.assert_allclose(log_tails[2:], smaller.T, rtol=1e-8, atol=1e-300)


def test_second_derivatives_against_mpmath():
    # Near the optimum, near both sides of lam, where k < 1, far to the left and far above.
    points = [(2.0, 1.5, 20.0), (19.5, 3.0, 20.0), (8.0, 2.0, 6.0), (0.1, 0.4, 5.0)]
    points += [(-9.0, 1.0, 3.0), (60.0, 2.5, 40.0)]
    inputs = w, *_ = pt.dvectors("w", "k", "lam")

    def derivatives(value, inputs):
        return pytensor.grad(value.sum(), list(inputs))

    hessian = [
        derivatives(slope, inputs) for slope in derivatives(log_bowl_integral(*inputs), inputs)
    ]
    by_w = [derivatives(derivatives(tail, [w])[0], [w])[0] for tail in log_tails_integral(*inputs)]
    outputs = [*itertools.chain(*hessian), *by_w]
    *hessian, below, above = pytensor.function(inputs, outputs, mode=MODE)(*np.transpose(points))

    exact = np.array([helpers_kernels.log_bowl_hessian(*point) for point in points])
    np.testing.assert_allclose(np.transpose(hessian), exact.reshape(-1, 9), rtol=1e-7, atol=1e-8)
    first = [helpers_kernels.reference(*point) for point in points]
    log_density = np.array([one.log_bowl_partials[0] for one in first])
    # With f the density, (log F)'' = (f/F)(log f)' − (f/F)², and likewise for S.
    slope = np.array([one.log_below_partials[0] for one in first])
    np.testing.assert_allclose(below, slope * log_density - slope**2, rtol=1e-7, atol=1e-8)
    slope = np.array([one.log_above_partials[0] for one in first])
    np.testing.assert_allclose(above, slope * log_density - slope**2, rtol=1e-7, atol=1e-8)
