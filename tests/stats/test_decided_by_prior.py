"""Numbers that the priors decide are marked in their cell, and not where the scores tell them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree, simulate_losses
from helpers_surface import make_surface_tree

from leadline.checks.check import check
from leadline.checks.recorded_outcomes import outcomes_group
from leadline.data.trials import Trials
from leadline.html_report.data import report_data
from leadline.stats.decided_by_prior import decided_by_prior, dimension_is_flat
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


@pytest.mark.parametrize("most", [2.0, 3.0, 10.0])
@pytest.mark.parametrize(("share", "is_flat"), [(1.0, True), (0.5, False)])
def test_an_effective_dimension_as_uncertain_as_its_prior_is_the_priors(most, share, is_flat):
    level = (np.arange(2000) + 0.5) / 2000
    prior = 1.0 - 2.0 * np.log1p(level * np.expm1(-(most - 1.0) / 2.0))
    draws = xr.DataArray(1.5 + share * (prior - 1.5))
    assert dimension_is_flat(draws, most) == is_flat


def test_a_flat_dimension_is_marked(sharp):
    assert "(prior)" not in summary_cells(sharp)["effective dimension"].iloc[0]
    flat = sharp.copy(deep=True)
    posterior = flat["posterior"].to_dataset()
    most = float(flat["constant_data"]["max_effective_dim"].item())
    steps = np.linspace(1.0, most, posterior["effective_dim"].size)
    posterior["effective_dim"] = posterior["effective_dim"].copy(
        data=steps.reshape(posterior["effective_dim"].shape)
    )
    flat["posterior"] = posterior
    flat.attrs["priors"] = '{"effective_dim": "Exponential(scale=2)"}'
    assert "effective_dim" in decided_by_prior(flat)[0]
    assert summary_cells(flat)["effective dimension"].iloc[0].endswith("(prior)")
    assert "which the prior decides" in " ".join(report_data(flat)["verdict"])
    # Only the default prior is known.
    flat.attrs["priors"] = '{"effective_dim": "Gamma(alpha=2, beta=1)"}'
    assert "effective_dim" not in decided_by_prior(flat)[0]


@pytest.mark.parametrize(("low", "high", "is_flat"), [(1.0, 4.0, True), (1.9, 2.1, False)])
def test_so_is_that_of_a_law_beside_a_surface(low, high, is_flat):
    tree = make_surface_tree(law=True)
    laws = tree["laws"].to_dataset()
    shape = laws["effective_dim"].shape
    steps = np.linspace(low, high, laws["effective_dim"].size).reshape(shape)
    laws["effective_dim"] = laws["effective_dim"].copy(data=steps)
    tree["laws"] = laws
    cells = summary_cells(tree)
    assert ("(prior)" in cells["effective dimension (law)"].iloc[0]) == is_flat
    assert ("(prior)" in cells.attrs["title"]) == is_flat
    assert ("which the prior decides" in " ".join(cells.attrs["remarks"])) == is_flat
