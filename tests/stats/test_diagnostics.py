"""Bad draws are recognised, per search and for the whole fit."""

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials
from helpers_surface import fail_fit, make_surface_tree

from leadline.stats.diagnostics import (
    Diagnostics,
    checks_line,
    convergence,
    diagnose,
    recorded_checks,
)

TWO = (("digits", "mlp"), ("digits", "forest"))


def draws_of(tree):
    """Return the sampled variables of a tree, and statistics without divergences."""
    posterior = tree["posterior"].to_dataset().drop_vars(["threshold", "candidate"])
    diverging = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"]), dtype=bool)
    return posterior.copy(deep=True), xr.Dataset({"diverging": (("chain", "draw"), diverging)})


def test_good_draws_are_ok():
    found = convergence(make_tree())
    assert found.ok
    assert (found.divergences, found.draws) == (0, 600)
    assert found.max_rhat < 1.01
    assert 400 < found.min_ess_bulk <= 1000
    assert f"{found.max_rhat:.3f}" in found.message


def test_divergences_belong_to_their_search_unless_searches_share_draws():
    tree = make_tree(make_trials(searches=TWO), divergences=2)
    assert convergence(tree).divergences == 4
    assert convergence(tree, "mlp").divergences == 2
    pooled = tree.copy()
    # The sampler leaves attributes of its own.
    pooled["pooled"] = xr.Dataset(attrs={"created_at": "today"})
    assert convergence(pooled).divergences == 2
    tree["candidates"]["divergences"].loc[{"search": "forest"}] = 0
    assert convergence(tree).divergences == 2
    assert convergence(tree, "forest").ok


def test_a_threshold_without_weight_counts_for_nothing():
    tree = make_tree(divergences=2)
    dropped = tree["candidates"].dataset.assign(weight=tree["candidates"]["weight"] * 0.0)
    both = xr.concat([make_tree()["candidates"].dataset, dropped], "candidate")
    tree["candidates"] = xr.DataTree(both)
    assert convergence(tree).divergences == 0


def test_rhat_is_that_of_the_worst_threshold_and_ess_that_of_the_mixture():
    tree = make_tree()
    table = tree["candidates"].dataset
    names = ("max_rhat", "min_ess_bulk", "min_ess_tail")
    stuck = table.assign({name: xr.full_like(table[name], 1.3) for name in names})
    stuck["weight"] = 0.01 * stuck["weight"]
    tree["candidates"] = xr.DataTree(xr.concat([table, stuck], "candidate"))
    found = convergence(tree)
    assert found.max_rhat == 1.3
    own = float(table["min_ess_bulk"].item())
    assert found.min_ess_bulk == pytest.approx(1.0 / (1.0 / own + 0.01**2 / 1.3))
    # Four thresholds alike are worth four times the draws of one, up to the number of draws.
    alike = table.assign(weight=0.25 * table["weight"], min_ess_bulk=table["min_ess_bulk"] / 8)
    tree["candidates"] = xr.DataTree(xr.concat([alike] * 4, "candidate"))
    assert convergence(tree).min_ess_bulk == pytest.approx(own / 2)


def test_two_stages_count_the_draws_of_use_and_the_shared_parameters():
    tree = make_tree()
    alone = convergence(tree)
    table = tree["candidates"].dataset
    tree["candidates"] = xr.DataTree(table.assign(overlap=("search", [0.5])))
    assert convergence(tree).min_ess_bulk == pytest.approx(0.5 * alone.min_ess_bulk)
    shared = {"divergences": 3, "max_rhat": 1.2, "min_ess_bulk": 7.0, "min_ess_tail": 8.0}
    tree["pooled"] = xr.DataTree(xr.Dataset(attrs=shared))
    found = convergence(tree)
    assert found.divergences == alone.divergences + 3
    assert (found.max_rhat, found.min_ess_bulk, found.min_ess_tail) == (1.2, 7.0, 8.0)


def test_a_chain_elsewhere_shows_in_rhat_but_constant_integer_dimensions_do_not():
    posterior, statistics = draws_of(make_tree(integer=True))
    posterior["effective_dim"].values[:] = 2.0
    assert diagnose(posterior, statistics).max_rhat < 1.02
    posterior["spread"].values[0] += 0.5
    assert diagnose(posterior, statistics).max_rhat > 1.05


def test_few_draws_show_in_ess_and_one_chain_has_no_rhat():
    assert any("bulk ESS" in problem for problem in convergence(make_tree(draws=50)).problems)
    found = convergence(make_tree(chains=1, draws=600))
    assert np.isnan(found.max_rhat)
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ((1, 1.0, 500, 500), "1 divergence"),
        ((0, 1.02, 500, 500), "R-hat 1.02 > 1.01"),
        # Not rounded to the limit.
        ((0, 1.01001, 500, 500), "R-hat 1.011 > 1.01"),
        ((0, 1.0, 399, 500), "bulk ESS 399 < 400"),
        ((0, 1.0, 500, 399), "tail ESS 399 < 400"),
        ((0, 1.0, np.nan, 500), "bulk ESS nan < 400"),
        ((0, 1.01, 400, 400), None),
    ],
)
def test_each_limit_alone(values, problem):
    found = Diagnostics(*values, draws=1000)
    assert found.problems == ([problem] if problem else [])
    assert problem is None or problem in found.message


def test_weights_of_shared_draws_that_cannot_be_relied_on_are_a_problem():
    tree = make_tree()
    tree["pooled"] = xr.DataTree(xr.Dataset(attrs={"pareto_k": 0.7}))
    assert convergence(tree).ok
    tree["pooled"].attrs["pareto_k"] = 0.71
    found = convergence(tree)
    assert found.problems == ["Pareto k 0.71 > 0.7"]
    assert found.message.startswith("do not rely")


def test_divergences_of_dropped_runs_are_named_and_do_not_count():
    tree = make_tree()
    tree["candidates"]["discarded_divergences"][:] = 3
    found = convergence(tree)
    assert found.ok
    assert (found.divergences, found.discarded_divergences) == (0, 3)
    assert "3 divergences" in found.message
    # As earlier versions made them.
    tree["candidates"] = xr.DataTree(
        tree["candidates"].to_dataset().drop_vars(["discarded_divergences", "target_accept"])
    )
    assert convergence(tree).discarded_divergences == 0


def test_advice_starts_from_the_settings_of_the_fit():
    tree = make_tree(divergences=2)
    tree.attrs["settings"] = '{"draws": 1000, "tune": 2000, "chains": 4, "model": "single"}'
    message = convergence(tree).message
    for words in ("draws=1000", "tune=2000", "chains=4", "0.95", "tune=4000"):
        assert words in message


def test_failed_checks_are_counted_and_named():
    tree = make_tree(draws=5)
    assert recorded_checks(tree) == "not checked"
    for failed, words in (("[]", "no"), ('["ties"]', "1 check"), ('["a, b", "c"]', "2 checks")):
        tree.attrs["failed_checks"] = failed
        assert recorded_checks(tree).startswith(words)
    assert checks_line(["a, b", "c"]).endswith("a, b; c")


def test_a_failed_check_names_the_searches_of_several_in_which_it_failed():
    pair = make_surface_tree((("a", "x"), ("a", "y")))
    line = "1 check failed: surface fit, leave-one-out"
    assert recorded_checks(fail_fit(pair, "y")) == f"{line} (in y)"
    assert recorded_checks(fail_fit(pair, "x", "y")) == f"{line} (in x, y)"
    assert recorded_checks(fail_fit(make_surface_tree(), "digits / mlp")) == line
    many = {"ties": [f"s{k}" for k in range(7)]}
    assert checks_line(["ties"], many, 12).endswith("ties (in 7 of 12 searches)")
