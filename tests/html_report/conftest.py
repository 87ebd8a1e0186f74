"""Fits that were never sampled and their reports, made once."""

import pytest
from helpers import make_tree, make_trials

from leadline.html_report.data import report_data
from leadline.html_report.render import render

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    (SCRIPT, "mlp"),
    (SCRIPT, "$\\frac{$ '\"><img src=x onerror=alert(2)>"),
    ("&amp; \u2028 ]]> --> 探索", "mlp"),
)
TASKS, MODELS = ("digits", "wine"), ("mlp", "forest")


@pytest.fixture(scope="session")
def tree():
    """Return a fit of two models on two tasks."""
    searches = tuple((task, model) for task in TASKS for model in MODELS)
    return make_tree(make_trials(searches=searches))


@pytest.fixture(scope="session")
def small():
    """Return a fit of one search with few draws, for what any fit shows."""
    return make_tree(chains=2, draws=25)


@pytest.fixture(scope="session")
def data(tree, shared):
    return shared("data", lambda: report_data(tree))


@pytest.fixture(scope="session")
def page(tree, shared):
    return shared("page", lambda: render(tree))


@pytest.fixture(scope="session")
def hostile_page(shared):
    """Return the report of a fit whose names are markup; not converged, too."""
    trials = make_trials("maximize", searches=HOSTILE)
    tree = make_tree(trials, chains=2, draws=40, divergences=3)
    return shared("hostile_page", lambda: render(tree))
