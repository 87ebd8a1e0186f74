"""The mean density over a bin: in one compiled function, against the difference of two tails."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest

from leadline.distributions.tail_score import TailScore, without_gradient

ALPHA, BETA, SIGMA, THRESHOLD = 0.1, 0.9, 0.02, 0.5


def log_densities(gamma, width):
    """Return log-densities of losses on both sides of alpha, by both ways."""
    loss = ALPHA + SIGMA * np.array([-4.0, -1.0, 0.0, 0.5, 3.0, 12.0])

    def evaluate():
        law = TailScore.dist(ALPHA, BETA, gamma, SIGMA, THRESHOLD, pt.constant(width))
        return pm.logp(law, loss)

    with without_gradient():
        fast = evaluate()
    return pytensor.function([], [fast, evaluate()])()


@pytest.mark.parametrize("gamma", [1.0, 2.0, 7.0])
@pytest.mark.parametrize(
    ("noise_sds", "tolerance"),
    [
        # Two tails lose digits in narrow bins: rounding over the share of the bin.
        (1e-4, 1e-7),
        (1e-2, 1e-8),
        # The widest narrow bin, near the middle of the noise.
        (0.039, 1e-8),
        # Wide bins are the difference of two tails.
        (0.1, 1e-12),
        (2.0, 1e-12),
    ],
)
def test_both_ways_agree(gamma, noise_sds, tolerance):
    fast, slow = log_densities(gamma, noise_sds * SIGMA)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=tolerance)


def test_an_end_of_the_law():
    # Near beta the density falls within a noise sd; the partial in the limit takes part.
    loss = BETA + SIGMA * np.array([-2.0, -0.5, 0.0, 0.5, 2.0])

    def evaluate():
        law = TailScore.dist(ALPHA, BETA, 3.0, SIGMA, 2.0, pt.constant(0.01 * SIGMA))
        return pm.logp(law, loss)

    with without_gradient():
        fast = evaluate()
    fast, slow = pytensor.function([], [fast, evaluate()])()
    # Both tails are near 1, so that their difference has few digits.
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)
