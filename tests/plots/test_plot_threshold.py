"""The stability plot shows each threshold once, with its weight, and the ones left out apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import make_averaged_tree, make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.plots.plot_threshold import plot_threshold

WEIGHTS = (0.5, 0.3, 0.2, 0.0)
FRACTIONS = (0.2, 0.3, 0.4, 0.6)


@pytest.fixture
def tree():
    return make_averaged_tree(make_trials(), FRACTIONS, weights=WEIGHTS)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def axes_of(collection):
    return {
        row: collection.get_target(None, {"search": "digits / mlp", "quantity": row})
        for row in ("optimum", "effective_dim", "noise_sd", "weight")
    }


def test_each_threshold_stands_at_its_fraction_with_its_weight(tree):
    axes = axes_of(plot_threshold(tree, backend="matplotlib"))
    bars = [line for line in axes["weight"].get_lines() if len(line.get_ydata()) == 2]
    shown = {
        round(float(line.get_xdata()[0]), 6): float(line.get_ydata()[1])
        for line in bars
        if np.isfinite(line.get_ydata()).all()
    }
    for fraction, weight in zip(FRACTIONS[:3], WEIGHTS[:3], strict=True):
        assert shown[fraction] == pytest.approx(weight)


def test_what_was_left_out_and_the_average_are_told_apart(tree):
    collection = plot_threshold(tree, backend="matplotlib")
    (legend,) = collection.get_viz("figure").legends
    words = " ".join(text.get_text() for text in legend.get_texts())
    assert "left out" in words
    assert "average" in words
    whole = make_averaged_tree(make_trials(), FRACTIONS[:2], weights=(0.5, 0.5))
    (legend,) = plot_threshold(whole, backend="matplotlib").get_viz("figure").legends
    assert "left out" not in " ".join(text.get_text() for text in legend.get_texts())


def test_visuals_can_be_switched_off(tree):
    collection = plot_threshold(
        tree, backend="matplotlib", visuals={"average": False, "legend": False}
    )
    assert "average_optimum" not in collection.viz.children
    assert not collection.get_viz("figure").legends


def test_one_threshold_is_nothing_to_compare():
    with pytest.raises(LeadlineError, match="one threshold"):
        plot_threshold(make_tree())
