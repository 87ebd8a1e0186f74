"""Functions on NumPy arrays against the PyTensor functions that models use."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from leadline.distributions import array_functions
from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.partial_moment.ops import log_partial_moment

# Noise from far below to far above the spread, and dimensions on both sides of 2; shape (draw, 1).
GRID = [(gamma, sigma) for gamma in (0.7, 1.0, 2.0, 3.3, 9.0) for sigma in (1e-4, 0.02, 0.3, 5.0)]
GAMMA, SIGMA = (np.array(column)[:, None] for column in zip(*GRID, strict=True))
LAW = (np.full_like(GAMMA, 0.2), np.full_like(GAMMA, 0.8), GAMMA, SIGMA)
LOSS = np.broadcast_to([-1e130, -3.0, 0.1, 0.199, 0.2, 0.25, 0.5, 0.9, 4.0, np.inf], (20, 10))
RTOL = 1e-12


def graph(function, *arguments):
    """Return what a PyTensor function gives for arrays."""
    inputs = [pt.as_tensor(argument) for argument in arguments]
    return pytensor.function([], function(*inputs), mode="NUMBA")()


def test_log_survival_is_that_of_the_models():
    found = array_functions.log_survival(LOSS, LAW)
    assert found.shape == LOSS.shape
    assert (found[:, 0] == 0.0).all()
    assert (found[:, -1] == -np.inf).all()
    expected = graph(noisy_quadratic.logsf, LOSS, *LAW)
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=1e-300)


def test_quantile_is_that_of_the_models_and_inverts_log_survival():
    level = np.array([0.0, 1e-250, 1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-12, 1.0])
    with np.errstate(divide="ignore"):
        tails = [np.broadcast_to(tail, (20, 8)) for tail in (np.log(level), np.log1p(-level))]
    found = array_functions.quantile(*tails, LAW)
    expected = graph(noisy_quadratic.quantile_from_log_tails, *tails, *LAW)
    np.testing.assert_allclose(found, expected, rtol=RTOL)
    assert (found[:, 0] == -np.inf).all()
    assert (found[:, -1] == np.inf).all()
    inner = array_functions.log_survival(found[:, 2:-1], LAW)
    np.testing.assert_allclose(inner, tails[1][:, 2:-1], rtol=1e-7)


@pytest.mark.parametrize("loss", [0.1, 0.2, 0.6])
def test_the_chance_of_an_expected_loss_given_a_measured_one(loss):
    alpha, beta, gamma, sigma = LAW
    measured = np.full_like(alpha, loss)
    w, k, lam = (measured - alpha) / sigma, gamma / 2, (beta - alpha) / sigma
    moment = graph(log_partial_moment, w, k, lam)
    limit = np.broadcast_to([0.1, 0.2, 0.5, 0.8, 1.0], (20, 5))
    chance = array_functions.log_chance_given_measured(np.repeat(measured, 5, 1), limit, LAW)
    assert (chance[:, :2] == -np.inf).all()
    np.testing.assert_allclose(chance[:, 3:], 0.0, atol=1e-12)
    upper = graph(log_partial_moment, w, k, (0.5 - alpha) / sigma)
    np.testing.assert_allclose(chance[:, 2:3], upper - moment, rtol=RTOL, atol=RTOL)


def test_threads_get_the_same_numbers():
    expected = array_functions.log_survival(LOSS, LAW)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda _: array_functions.log_survival(LOSS, LAW), range(8))
    for found in results:
        np.testing.assert_array_equal(found, expected)


def test_pytensor_is_not_loaded():
    code = (
        "import sys, numpy as np; from leadline.distributions.array_functions import log_survival; "
        "one = np.ones((1, 1)); log_survival(one, (0.1 * one, one, 2 * one, 0.1 * one)); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "numba" in loaded
    assert not {"arviz", "pymc", "pytensor", "xarray"} & loaded
