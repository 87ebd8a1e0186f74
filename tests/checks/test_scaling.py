"""The check of the form of a scaling law."""

import numpy as np
import pytest
from helpers_scaling import MISFIT, SIZES, make_scaling_tree

import leadline as ll
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


def test_a_wave_along_the_sizes_fails_by_name():
    x = np.linspace(0.0, 1.0, len(SIZES))
    wave = 3.0 * MISFIT * np.sin(3.0 * np.pi * x)
    tree = make_scaling_tree(data=False, departures=wave)
    assert smoothness_p_value(tree) < 0.05
    table = ll.check(tree, recompute=True)
    own = table[table["check"] == "scaling law"]
    assert len(own) == len(SIZES)
    assert not own["passed"].any()
    assert "scaling law" in table.attrs["failed"]
