"""Figures are drawn without a display and closed after each test."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from helpers import make_tree, make_trials

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session", params=["minimize", "maximize"])
def tree(request):
    """Return a fit of one model on two tasks."""
    trials = make_trials(request.param, searches=(("digits", "mlp"), ("mnist", "mlp")))
    return make_tree(trials, draws=150)
