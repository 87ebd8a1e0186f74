"""The dictionary of the report: JSON, the numbers of the library, and sentences that agree."""

import copy
import html
import json
import re

import numpy as np
import pytest
from helpers import make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.html_report.data import described, plain, report_data
from leadline.html_report.formats import amount, estimate, gain, number, percent, unbroken
from leadline.html_report.render import render
from leadline.html_report.sentences import search_sentences, verdict_sentences
from leadline.html_report.sliders import BUDGETS, FURTHER, rope_grid
from leadline.stats.summary import summary_cells

SAMPLE = ("chain", "draw")


def test_it_survives_json(data):
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_curves_are_those_of_the_tuning_curve(tree, data):
    curve = ll.tuning_curve(tree, BUDGETS, kind="expected")
    known = np.isfinite(curve).all(SAMPLE)
    names = ("mean", "lower", "upper")
    mean, lower, upper = (np.array(data["curves"][name], dtype=float) for name in names)
    np.testing.assert_array_equal(mean, curve.mean(SAMPLE).where(known))
    assert ((lower <= mean) & (mean <= upper))[known.to_numpy()].all()


def test_a_curve_hardly_depends_on_the_other_budgets(tree, data):
    # The panels of the quadrature suit the largest budget.
    alone = ll.tuning_curve(tree, [40], kind="expected").mean(SAMPLE).to_numpy()[:, 0]
    in_grid = np.array(data["curves"]["mean"], dtype=float)[:, BUDGETS.index(40)]
    np.testing.assert_allclose(in_grid, alone, rtol=1e-4)


def test_forecasts_are_those_of_forecast(tree, data):
    found = ll.forecast(tree, FURTHER)
    for name in ("p_gain", "expected_gain_mean"):
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


def test_the_comparison_is_that_of_compare(tree, data):
    ropes = data["comparison"]["ropes"]
    (pair,) = data["comparison"]["pairs"]
    assert [column["label"] for column in pair["columns"]][2:] == ["overall"]
    for place in (0, len(ropes) // 2):
        found = ll.compare(tree, rope=ropes[place]).sel(model="mlp", other_model="forest")
        for column in pair["columns"][:2]:
            assert column["p_equal"][place] == float(found["p_equal"].sel(task=column["label"]))
        assert pair["columns"][2]["p_better"][place] == float(found["p_better_overall"])


def test_budget_and_rope_are_those_of_verdict_table_and_pictures(tree):
    few = tree.isel(draw=slice(40))
    rope, page = 0.0123, render(few, budget=40, rope=0.0123)
    found = report_data(few, budget=40, rope=rope)
    comparison, expected = found["comparison"], ll.compare(few, budget=40, rope=rope)
    assert comparison["sentences"] == ll.comparison_sentences(expected)
    assert comparison["ropes"][comparison["rope_place"]] == rope
    column = comparison["pairs"][0]["columns"][0]
    pair = expected.sel(model="mlp", other_model="forest", task="digits")
    chances = [percent(float(pair[f"p_{kind}"])) for kind in ("better", "equal", "worse")]
    assert column["p_equal"][comparison["rope_place"]] == float(pair["p_equal"])
    plain = " ".join(html.unescape(page).split())
    for words in (
        # The slider changes the difference, and the heading stays.
        "Which model is better, after 40 trials each</h2>",
        "leadline report FIT.nc --budget 40 --rope D -o OTHER.html",
        " / ".join(chances),
        f"digits {' / '.join(own.removesuffix(' %') for own in chances)} %",
        "verdict and pictures are for 0.0123",
        "k = 40",
    ):
        assert words in plain
    assert not any("Perfectly tuned" in text for text in found["verdict"])


def test_checks_and_what_failed_when_it_was_fitted(small):
    changed = small.copy()
    # An earlier version recorded notes, too.
    changed.attrs["failed_checks"] = json.dumps(["one of an older version", "tail points"])
    found = report_data(changed)
    assert "tail points" not in found["failed_checks"]
    assert {row["level"] for row in found["checks"]} == {"warning", "note"}
    assert "one of an older version" in found["failed_checks"]
    assert set(ll.check(small).attrs["failed"]) <= set(found["failed_checks"])
    assert len(found["checks"]) == len(ll.check(small))


def test_one_model_is_not_compared(small):
    assert report_data(small)["comparison"] is None


def test_costs_where_they_are_known():
    trials = make_trials()
    with_cost = ll.Trials(trials.table.assign(cost=2.5), "minimize")
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
    tree["posterior"] = tree["posterior"].to_dataset().assign(effective_dim_probability=fewer)
    tree["constant_data"]["max_effective_dim"][:] = [3, 2]
    chances = [one["effective_dim_probability"] for one in report_data(tree)["searches"]]
    assert [list(one) for one in chances] == [["1", "2", "3"], ["1", "2"]]


def changed(data, **figures):
    """Return the data with other figures for the first search."""
    result = copy.deepcopy(data)
    result["searches"][0].update(figures)
    return result


@pytest.mark.parametrize(
    ("chance", "how", "percentage"), [(0.97, "less", 97), (0.55, "less", 55), (0.1, "more", 90)]
)
def test_headroom_in_words(data, chance, how, percentage):
    sentences = search_sentences(changed(data, best_within_noise=chance), 0)
    (gain,) = [one for one in sentences if f"gain {how}" in one]
    assert f"{percentage} %" in gain


def test_numbers_in_sentences_are_those_of_the_table(data):
    search = data["searches"][0]
    said = " ".join(search_sentences(data, 0))
    assert estimate(search["optimum"]) in said
    assert estimate(search["effective_dim"]) in said
    assert f"measured {number(search['best_seen'], search['optimum']['decimals'])};" in said


@pytest.mark.parametrize(("direction", "end"), [("minimize", "lower"), ("maximize", "upper")])
def test_luck_is_called_luck(data, direction, end):
    optimum = data["searches"][0]["optimum"]
    past = optimum[end] + 0.01 * (1 if direction == "maximize" else -1)
    lucky = changed(data, best_seen=past) | {"direction": direction}
    assert "lucky" in " ".join(search_sentences(lucky, 0))
    sober = changed(data, best_seen=optimum["mean"]) | {"direction": direction}
    assert "lucky" not in " ".join(search_sentences(sober, 0))


def test_doubts_come_first(data):
    doubtful = copy.deepcopy(data)
    message = "do not rely on these numbers: 3 divergences"
    doubtful["convergence"] = {"ok": False, "message": message}
    doubtful["failed_checks"] = ["ties", "order of trials"]
    doubtful["searches"][0]["warning"] = "3 divergences"
    verdict = verdict_sentences(doubtful)
    assert "3 divergences" in verdict[0]
    assert all(name in verdict[1] for name in ("ties", "order of trials"))
    assert "3 divergences" in search_sentences(doubtful, 0)[0]


def test_integer_dimensions(data):
    said = search_sentences(changed(data, effective_dim_probability={"1": 0.2, "2": 0.8}), 0)
    assert re.search(r"\b2 of the hyperparameters.* 80 %", said[-1])


def test_every_search_is_counted_once(data):
    several = copy.deepcopy(data)
    for search, chance in zip(several["searches"], (0.99, 0.1, 0.5, 0.95), strict=True):
        search["best_within_noise"] = chance
    *said, advice = verdict_sentences(several)[-4:]
    assert advice == several["advice"]
    names = [search["name"] for search in several["searches"]]
    assert "gain less than" in said[0]
    assert f"in 2 of 4 searches: {names[0]}, {names[3]} " in said[0]
    assert f"in 1 of 4 searches: {names[1]} " in said[1]
    assert said[2].startswith("Perfect tuning may gain more or less than the noise of one run")
    assert said[2].endswith(f"in 1 of 4 searches: {names[2]}.")


def test_formats():
    assert percent(0.995) == "> 99 %"
    assert percent(0.001) == "< 1 %"
    assert percent(None) == number(None, 3) == amount(None) == "–"
    assert number(1234567.8, None) == "1.23457e+06"
    assert gain(0.0, 3) == "0.000"
    assert gain(1e-9, 3) == "< 0.001"
    assert amount(1234.5) == "1,234"
    assert unbroken("0.1 (0.0 to 0.2)") == "0.1 (0.0\u00a0to\u00a00.2)"
    assert unbroken("0.1 [0.0, 0.2]") == "0.1 [0.0,\u00a00.2]"
    assert unbroken("> 99 % / < 1 %") == ">\u00a099\u00a0% / <\u00a01\u00a0%"


def test_the_priors_are_those_of_the_model_that_was_fitted():
    tree = make_tree(make_trials())
    single = ["effective_dim", "max_effective_dim", "gap", "noise_ratio", "reach"]
    assert list(report_data(tree)["priors"]) == single
    joint = {"model": "hierarchical", "guided_evidence": False}
    tree.attrs["settings"] = json.dumps(joint)
    names = set(described(tree)["priors"])
    assert {"pooled_effective_dim", "effective_dim_scatter", *single} < names
    assert not any(name.startswith(("law", "guided", "reported")) for name in names)


def test_the_report_and_the_terminal_have_the_same_chances():
    tree = make_tree(make_trials())
    (search,) = report_data(tree)["searches"]
    cells = summary_cells(tree).iloc[0]
    assert cells["next 10 improve"] == percent(search["p_gain_10"])
    assert cells["P(headroom < noise)"] == percent(search["best_within_noise"])
