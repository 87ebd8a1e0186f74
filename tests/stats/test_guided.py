"""The expected loss of a guided trial given its measured loss."""

import numpy as np
import pytest
from scipy import integrate, stats

from leadline.stats.guided import quantiles_given_measured


@pytest.mark.parametrize(
    ("loss", "start", "scale", "noise"),
    [(0.3, 0.0, 1.0, 0.1), (-0.05, 0.0, 1.0, 0.1), (0.05, 0.0, 0.01, 0.1), (-0.5, 0.0, 0.2, 0.1)],
)
def test_the_mean_is_that_of_excess_times_noise(loss, start, scale, noise):
    def weight(q):
        return stats.expon.pdf(q, start, scale) * stats.norm.pdf(loss, q, noise)

    ends = start, start + max(loss - start, 0.0) + 12 * noise
    total = integrate.quad(weight, *ends, epsrel=1e-10)[0]
    mean = integrate.quad(lambda q: q * weight(q), *ends, epsrel=1e-10)[0] / total
    column = (np.array([[value]]) for value in (loss, start, scale, noise))
    found = quantiles_given_measured(*column)
    assert found.min() >= start
    assert found.mean() == pytest.approx(mean, abs=0.01 * noise)


def test_far_below_the_start_a_trial_is_at_the_start():
    column = (np.array([[value]]) for value in (-10.0, 0.0, 1.0, 0.01))
    found = quantiles_given_measured(*column)
    assert np.isfinite(found).all()
    assert 0.0 <= found.min() < found.max() < 1e-3
