"""Numbers that the priors decide are marked in their cell, and not where the scores tell them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree, simulate_losses

from leadline.checks.check import check
from leadline.checks.recorded_outcomes import outcomes_group
from leadline.data.trials import Trials
from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.summary import summary, summary_cells, summary_text


def with_checks(tree, name, *, passed, limit):
    table = check(tree).drop(columns="level")
    table.loc[table["check"] == name, ["passed", "limit"]] = [passed, limit]
    result = tree.copy()
    result["checks"] = outcomes_group(table)
    return result


@pytest.fixture(scope="module")
def vague():
    return make_tree(spread_of_draws=3.0, draws=50)


@pytest.fixture(scope="module")
def sharp():
    return make_tree(spread_of_draws=0.3, draws=50)


def test_noise_without_seeds_is_the_priors_unless_the_scores_tell_it(vague, sharp):
    assert decided_by_prior(vague) == [["noise_sd"]]
    assert decided_by_prior(sharp) == [[]]


def test_repeated_seeds_tell_the_noise():
    _, loss = simulate_losses(60, 3)
    table = pd.DataFrame({"trial": np.repeat(np.arange(60), 2), "score": np.repeat(loss, 2)})
    table["replicate"] = np.tile([1, 2], 60)
    table["score"] += 0.01 * np.random.default_rng(1).standard_normal(120)
    tree = make_tree(Trials(table, "minimize"), spread_of_draws=3.0, draws=50)
    assert decided_by_prior(tree) == [[]]


@pytest.mark.parametrize(
    ("passed", "limit", "is_marked"), [(0, 0.05, 1), (1, 0.05, 0), (0, 0.32, 0)]
)
def test_the_recorded_checks_of_priors_count(sharp, passed, limit, is_marked):
    fit = with_checks(sharp, "prior of the optimum", passed=bool(passed), limit=limit)
    assert decided_by_prior(fit) == [["optimum"] * is_marked]


def test_the_cell_and_the_heading_say_so(vague, sharp):
    assert summary(vague)["decided_by_prior"].tolist() == ["noise_sd"]
    cells = summary_cells(vague)
    assert cells["noise sd"].iloc[0].endswith("(prior)")
    assert "(prior)" in cells.attrs["title"]
    assert "(prior)" in summary_text(vague, "markdown")
    assert "(prior)" not in summary_text(sharp, "latex")


def test_a_plateau_has_no_such_numbers(vague):
    tree = vague.copy()
    constant = tree["constant_data"].dataset
    plateau = xr.full_like(constant["n_trials"], 9)
    tree["constant_data"] = constant.assign(plateau=plateau)
    assert decided_by_prior(tree) == [[]]
