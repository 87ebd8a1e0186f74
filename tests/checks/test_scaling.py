"""The check of the form of a scaling law."""

import numpy as np
import pytest
from helpers_scaling import MISFIT, SIZES, make_scaling_tree
from scipy.optimize import least_squares

from leadline.checks.catalogue import LAW_CHECKS
from leadline.checks.evidence import Evidence
from leadline.checks.levels import level_of
from leadline.checks.scaling import smoothness_p_value


@pytest.mark.parametrize("data", [True, False])
def test_misfits_without_a_pattern_pass(data):
    rng = np.random.default_rng(0)
    found = [
        smoothness_p_value(
            make_scaling_tree(data=data, departures=MISFIT * rng.standard_normal(len(SIZES)))
        )
        for _ in range(12)
    ]
    assert np.mean(np.array(found) < 0.05) < 0.2
    assert 0.2 < np.mean(found) < 0.8


def departures_of_a_kink():
    """Return what is left of a law that steepens in the middle, once a law was fitted to it."""
    x = np.log(SIZES) - np.log(SIZES).mean()
    optimum = 0.4 * np.exp(-np.where(x > 0, 1.0, 0.3) * x)

    def left(p):
        return optimum - p[0] - np.exp(p[1] - p[2] * x)

    return left(least_squares(left, [-0.3, -0.5, 0.25]).x)


def test_a_kink_fails_by_name():
    tree = make_scaling_tree(data=False, departures=departures_of_a_kink())
    assert smoothness_p_value(tree) < 0.05
    outcome = LAW_CHECKS["scaling law"](Evidence(tree, "n0"))
    assert outcome.passed is False
    assert outcome.advice
    assert level_of("scaling law") == "warning"
