"""The density of guided trials is that of an exponential excess with normal noise, truncated."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON
from scipy import integrate, stats

from leadline.distributions.array_functions import log_guided_density
from leadline.distributions.guided_score import GuidedScore

START, SIGMA, SCALE, THRESHOLD = 0.1, 0.02, 0.05, 0.2


def density(y):
    """Return the density by summing over the excess."""
    return integrate.quad(
        lambda e: stats.expon.pdf(e, scale=SCALE) * stats.norm.pdf(y, START + e, SIGMA),
        0.0,
        1.0,
        points=[max(y - START, 0.0)],
        epsabs=1e-12,
    )[0]


@pytest.mark.parametrize("y", [0.05, 0.1, 0.15, 0.1999])
def test_it_is_the_sum_over_the_excess_given_that_it_is_beyond_the_threshold(y):
    beyond = integrate.quad(density, -0.1, THRESHOLD, points=[START], epsabs=1e-10)[0]
    score = GuidedScore.dist(START, SIGMA, SCALE, THRESHOLD)
    found = float(pm.logp(score, y).eval(mode=PYTHON))
    assert found == pytest.approx(np.log(density(y) / beyond), rel=1e-7, abs=1e-7)
    arrays = log_guided_density(y, START, SIGMA, SCALE, THRESHOLD)
    assert arrays == pytest.approx(found, rel=1e-7)


def test_nothing_is_beyond_the_threshold():
    score = GuidedScore.dist(START, SIGMA, SCALE, THRESHOLD)
    assert pm.logp(score, THRESHOLD + 1e-9).eval(mode=PYTHON) == -np.inf
    assert pm.draw(score, 200, random_seed=1, mode=PYTHON).max() <= THRESHOLD


@pytest.mark.parametrize("distance", [10.0, 1e3, 1e5])
@pytest.mark.parametrize("scale", [0.01, 1.0, 1e4])
def test_far_beyond_the_threshold_the_density_is_that_of_the_left_tail(distance, scale):
    """There y has the slope of the normal density at the threshold."""
    start, sigma = 2.0, 0.5
    edge = start - distance * sigma
    width = sigma / distance
    value = edge - 0.7 * width
    arguments = (np.array(value), start, sigma, scale, np.array(edge))
    found = float(log_guided_density(*arguments))
    score = GuidedScore.dist(start, sigma, scale, edge)
    assert float(pm.logp(score, value).eval(mode=PYTHON)) == pytest.approx(found, abs=1e-6)
    assert found == pytest.approx(-np.log(width) - 0.7, abs=2.5 / distance)
