"""Bad draws must be told from good ones."""

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials

from leadline.stats.convergence import Convergence, convergence
from leadline.stats.diagnostics import diagnose

TWO = (("digits", "mlp"), ("digits", "forest"))


def test_good_draws_are_ok():
    found = convergence(make_tree())
    assert found.ok
    assert found.divergences == 0
    assert found.max_rhat < 1.01
    assert 400 < found.min_ess_bulk <= 1000
    assert "converged" in found.message
    assert "\n" not in found.message


def test_divergences_belong_to_their_search():
    tree = make_tree(make_trials(searches=TWO), divergences=2)
    tree["candidates"]["divergences"].loc[{"search": "forest"}] = 0
    assert convergence(tree).divergences == 2
    assert convergence(tree, "mlp").divergences == 2
    assert convergence(tree, "forest").ok


def test_a_threshold_without_weight_counts_for_nothing():
    tree = make_tree(divergences=2)
    dropped = tree["candidates"].dataset.assign(weight=tree["candidates"]["weight"] * 0.0)
    both = xr.concat([make_tree()["candidates"].dataset, dropped], "candidate")
    tree["candidates"] = xr.DataTree(both)
    assert convergence(tree).divergences == 0


def test_a_chain_elsewhere_shows_in_rhat():
    posterior = (
        make_tree()["posterior"].dataset.drop_vars(["threshold", "candidate"]).copy(deep=True)
    )
    statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, 150), dtype=bool))})
    assert diagnose(posterior, statistics).max_rhat < 1.02
    posterior["spread"].values[0] += 0.5
    assert diagnose(posterior, statistics).max_rhat > 1.05


def test_few_draws_show_in_ess():
    found = convergence(make_tree(draws=50))
    assert found.min_ess_bulk < 400
    assert "bulk ESS" in found.message


def test_one_chain_has_no_rhat():
    found = convergence(make_tree(chains=1, draws=600))
    assert np.isnan(found.max_rhat)
    assert found.problems == ["R-hat unknown (one chain)"]


def test_constant_integer_dimensions_are_not_held_against_a_fit():
    posterior = (
        make_tree(integer=True)["posterior"]
        .dataset.drop_vars(["threshold", "candidate"])
        .copy(deep=True)
    )
    posterior["effective_dim"].values[:] = 2.0
    statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((4, 150), dtype=bool))})
    assert diagnose(posterior, statistics).max_rhat < 1.02


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ((1, 1.0, 500, 500), "1 divergence"),
        ((0, 1.02, 500, 500), "R-hat 1.02 > 1.01"),
        ((0, 1.0, 399, 500), "bulk ESS 399 < 400"),
        ((0, 1.0, 500, 399), "tail ESS 399 < 400"),
        ((0, 1.0, np.nan, 500), "bulk ESS nan < 400"),
    ],
)
def test_each_limit_alone(values, problem):
    found = Convergence(*values)
    assert found.problems == [problem]
    assert problem in found.message


def test_the_limits_themselves_are_fine():
    assert Convergence(0, 1.01, 400, 400).ok


def test_searches_fitted_together_share_their_divergences():
    tree = make_tree(make_trials(searches=TWO), divergences=2)
    assert convergence(tree).divergences == 4
    tree["pooled"] = xr.Dataset()
    assert convergence(tree).divergences == 2


def test_a_hair_over_the_limit_does_not_read_as_the_limit():
    tree = make_tree()
    tree["candidates"]["max_rhat"][:] = 1.01001
    assert "R-hat 1.011 > 1.01" in convergence(tree).problems
