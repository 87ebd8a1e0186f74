"""The quadrature expressions against the same mpmath values as the fast kernel."""

from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from leadline.kernels.bowl_integral import log_bowl_integral, log_tails_integral

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


def test_second_derivative_exists():
    w = pt.dscalar("w")
    value = log_bowl_integral(w, 1.5, 20.0)
    second = pytensor.grad(pytensor.grad(value, w), w)
    function = pytensor.function([w], [pytensor.grad(value, w), second], mode=MODE)
    step = 1e-4
    difference = (function(2.0 + step)[0] - function(2.0 - step)[0]) / (2.0 * step)
    np.testing.assert_allclose(function(2.0)[1], difference, rtol=1e-6)
