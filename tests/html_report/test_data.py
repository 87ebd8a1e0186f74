"""The dictionary of the report: JSON, and the numbers of the library."""

import json

import numpy as np
import pytest
from helpers import make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.html_report.data import plain, report_data, to_json
from leadline.html_report.sliders import BUDGETS, FURTHER, rope_grid

SAMPLE = ("chain", "draw")


def test_it_survives_json(small, data):
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert json.loads(to_json(small)) == report_data(small)


def test_curves_are_those_of_the_tuning_curve(tree, data):
    curve = ll.tuning_curve(tree, BUDGETS, kind="expected")
    known = np.isfinite(curve).all(SAMPLE)
    mean, lower, upper = (
        np.array(data["curves"][name], dtype=float) for name in ("mean", "lower", "upper")
    )
    np.testing.assert_array_equal(mean, curve.mean(SAMPLE).where(known))
    assert ((lower <= mean) & (mean <= upper))[known.to_numpy()].all()


def test_a_curve_hardly_depends_on_the_other_budgets(tree, data):
    # The panels of the quadrature suit the largest budget.
    alone = ll.tuning_curve(tree, [40], kind="expected").mean(SAMPLE).to_numpy()[:, 0]
    in_grid = np.array(data["curves"]["mean"], dtype=float)[:, BUDGETS.index(40)]
    np.testing.assert_allclose(in_grid, alone, rtol=1e-4)


def test_forecasts_are_those_of_forecast(tree, data):
    found = ll.forecast(tree, FURTHER)
    for name in ("p_gain", "gain_mean", "expected_gain_mean"):
        np.testing.assert_array_equal(np.array(data["forecast"][name]), found[name].to_numpy())
    assert data["forecast"]["cost"][0][0] is None


def test_answers_are_those_of_the_summary(tree, data):
    answers = ll.summary(tree)
    for search in data["searches"]:
        row = answers.loc[search["name"]]
        assert search["trials"] == row["trials"]
        assert search["best_seen"] == row["best_seen"]
        assert search["optimum"]["mean"] == row["optimum"]
        assert search["headroom"]["upper"] == row["headroom_eti89_ub"]
        inner = search["optimum"]["inner_lower"], search["optimum"]["inner_upper"]
        assert search["optimum"]["lower"] < inner[0] < inner[1] < search["optimum"]["upper"]


def test_the_comparison_is_that_of_compare(tree, data):
    ropes = data["comparison"]["ropes"]
    (pair,) = data["comparison"]["pairs"]
    assert [column["kind"] for column in pair["columns"]] == ["task", "task", "overall"]
    for place in (0, len(ropes) // 2):
        found = ll.compare(tree, rope=ropes[place]).sel(model="mlp", other_model="forest")
        for column in pair["columns"][:2]:
            assert column["p_equal"][place] == float(found["p_equal"].sel(task=column["label"]))
        assert pair["columns"][2]["p_better"][place] == float(found["p_better_overall"])


def test_checks_and_what_failed_when_it_was_fitted(small):
    changed = small.copy()
    changed.attrs["failed_checks"] = json.dumps(["one of an older version"])
    found = report_data(changed)
    assert "one of an older version" in found["failed_checks"]
    assert set(ll.check(small).attrs["failed"]) <= set(found["failed_checks"])
    assert len(found["checks"]) == len(ll.check(small))


def test_one_model_is_not_compared(small):
    assert report_data(small)["comparison"] is None


def test_costs_where_they_are_known():
    trials = make_trials()
    table = trials.table.assign(cost=2.5)
    with_cost = ll.Trials(table, "minimize", metric="loss", source="x")
    found = report_data(make_tree(with_cost, chains=2, draws=40))
    assert found["forecast"]["cost"][0][:2] == [2.5, 5.0]


def test_plain_has_only_what_json_has():
    given = {1: np.float64(np.nan), "b": np.array([1, 2]), "c": (np.True_, np.str_("x"), -np.inf)}
    assert plain(given) == {"1": None, "b": [1, 2], "c": [True, "x", None]}


def test_grids_are_round_and_rising():
    assert sorted(set(BUDGETS)) == BUDGETS
    assert {*range(1, 11), 40, 50, 100, 10_000} < set(BUDGETS)
    assert sorted(set(FURTHER)) == FURTHER
    ropes = rope_grid(np.array([0.3, 20.0]), np.array([np.nan, -0.4]))
    assert ropes == sorted(set(ropes))
    assert ropes[0] == 0.0
    assert ropes[1] <= 0.003
    assert ropes[-1] >= 20.0


def test_only_a_fit_has_a_report(tmp_path):
    with pytest.raises(LeadlineError, match="DataTree"):
        ll.report({}, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_a_search_has_no_chance_of_dimensions_that_only_others_may_have():
    tree = make_tree(make_trials(searches=(("a", "x"), ("b", "x"))), 0.4, 2, 25, integer=True)
    probability = tree["posterior"]["effective_dim_probability"]
    first = probability["search"] == probability["search"][0]
    fewer = probability.where(first | (probability["dimension"] < 3))
    posterior = tree["posterior"].to_dataset().assign(effective_dim_probability=fewer)
    tree["posterior"] = posterior
    tree["constant_data"]["max_effective_dim"][:] = [3, 2]
    chances = [one["effective_dim_probability"] for one in report_data(tree)["searches"]]
    assert [list(one) for one in chances] == [["1", "2", "3"], ["1", "2"]]
