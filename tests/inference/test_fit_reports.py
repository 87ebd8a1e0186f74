"""Reported bests from end to end: one fit, and every answer that is made from it."""

import importlib

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import ALPHA, simulate_losses

import leadline as ll
from leadline.cli.main import main
from leadline.data.trials import Trials
from leadline.plots.gallery import PICTURES, pictures_of
from leadline.stats.comparison_sentences import comparison_sentences
from leadline.stats.fitted_search import best_seen
from leadline.stats.reported import with_trials
from leadline.stats.stopping import stopping_advice

pytestmark = pytest.mark.slow

# Of B and C, and of A. Scores are maximised; the optimum is that of the same law for all models.
COUNTS = [20, 100, 500]
BESTS = [-float(simulate_losses(k, 70 + k)[1].min()) for k in COUNTS]
OWN_REPORT = -float(simulate_losses(100, 78)[1].min())
OWN_BEST = -float(simulate_losses(80, 1)[1].min())


def trials_with_reports():
    """Return 80 trials of A and a report of 100 others; B and C are known from the same scores.

    Reports of B have their numbers of trials.
    """
    trials = pd.DataFrame({"model": "A", "score": -simulate_losses(80, 1)[1]})
    reports = pd.DataFrame(
        {
            "model": ["A", *"BBB", *"CCC"],
            "score": [OWN_REPORT, *BESTS, *BESTS],
            "best_of": [100, *COUNTS, None, None, None],
        }
    )
    return Trials(trials, "maximize", "accuracy", "runs.csv", reports=reports)


@pytest.fixture(scope="module")
def fitted():
    settings = {"draws": 1000, "tune": 500, "chains": 2, "random_seed": 4, "progressbar": False}
    return ll.fit(trials_with_reports(), tail_fraction=0.4, **settings)


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("reports") / "fit.nc"
    fitted.to_netcdf(path, engine="h5netcdf")
    return path


def of(fitted, name, search):
    return fitted["posterior"].dataset[name].sel(search=search).to_numpy().ravel()


def test_the_optima_are_found_and_less_is_known_without_the_number_of_trials(fitted):
    assert int(fitted["sample_stats"]["diverging"].sum()) == 0
    width = {}
    for search in ("A", "B", "C"):
        low, high = np.quantile(of(fitted, "optimum", search), [0.03, 0.97])
        assert low < -ALPHA < high
        width[search] = high - low
    assert width["B"] < 0.9 * width["C"]
    assert '"model": "hierarchical"' in fitted.attrs["settings"]


def test_the_tree_keeps_reports_apart_from_trials(fitted):
    constant, observed = fitted["constant_data"].dataset, fitted["observed_data"].dataset
    assert constant["n_trials"].to_numpy().tolist() == [80, 0, 0]
    assert constant["report_search"].to_numpy().tolist() == [*"ABBBCCC"]
    np.testing.assert_array_equal(constant["report_best_of"], [100, *COUNTS, *[np.nan] * 3])
    np.testing.assert_allclose(observed["reported"], [OWN_REPORT, *BESTS, *BESTS])
    assert observed["in_regime"].to_numpy().tolist() == [32, 0, 0]
    likelihood = fitted["log_likelihood"].dataset
    assert likelihood["reported"].dims == ("chain", "draw", "report")
    assert all(np.isfinite(values).all() for values in likelihood.data_vars.values())
    missing = fitted["posterior"].dataset["reported_trials"]
    assert missing["report"].to_numpy().tolist() == [f"C: report {i}" for i in (1, 2, 3)]
    assert missing.min() >= 1
    # The expected number of trials is larger for better scores.
    assert (np.diff(missing.median(("chain", "draw"))) > 0).all()
    assert "reported_trials" not in fitted["pooled"]
    assert (az.rhat(missing) < 1.1).all()


def test_summary_never_calls_a_report_a_trial(fitted, saved):
    with xr.open_datatree(saved, engine="h5netcdf") as opened:
        table = ll.summary(opened)
    assert table["trials"].tolist() == [80, 0, 0]
    assert table["in_regime"].tolist() == [32, 0, 0]
    unchecked = "; law not checked"
    assert table["reported"].tolist()[:2] == ["best of 100", f"best of 20, 100, 500{unchecked}"]
    trials = fitted["posterior"]["reported_trials"].quantile([0.055, 0.945], ("chain", "draw"))
    ranges = [f"? ({low:.0f} to {high:.0f})" for low, high in trials.to_numpy().T]
    assert table["reported"]["C"] == f"best of {', '.join(ranges)}{unchecked}"
    # The best of other trials is not the best seen of A.
    np.testing.assert_allclose(best_seen(fitted), [OWN_BEST, max(BESTS), max(BESTS)])
    assert (table.loc[["B", "C"], "best_seen_expected"] < max(BESTS)).all()
    assert np.isnan(table.loc["B", "tail_fraction_lb"])


def test_advice_is_about_searches_that_can_go_on(fitted):
    found = ll.forecast(fitted, 50)
    found["p_worthwhile"].loc[{"search": ["B", "C"]}] = 1.0
    advice = stopping_advice(fitted, found)
    assert advice.p_worthwhile == float(found["p_worthwhile"].sel(search="A", trials=50))
    assert "most likely for" not in advice.sentence


def test_checks_of_trials_are_not_made_without_trials(fitted):
    table = ll.check(fitted).set_index(["search", "check"])
    for name in ("tail points", "regime fit", "best seen", "ties", "order of trials"):
        assert table["passed"].isna()["B", name]
        assert "is assumed, not checked" in table["advice"]["B", name]
        assert not table["passed"].isna()["A", name]
    # Several reports of one law may contradict each other; those of C cannot.
    assert table["passed"]["A", "reported bests"]
    assert table["passed"]["B", "reported bests"]
    assert "is assumed, not checked" in table["advice"]["C", "reported bests"]
    assert table["passed"]["B", "divergences"]


def test_a_report_that_is_not_of_its_search_fails_a_check(fitted):
    groups = {name: node.dataset for name, node in fitted.children.items()}
    for score, passed in ((OWN_REPORT, True), (-0.01, False), (-0.4, False)):
        reported = groups["observed_data"]["reported"].copy()
        reported[0] = score
        tree = xr.DataTree.from_dict(
            groups | {"observed_data": groups["observed_data"].assign(reported=reported)}
        )
        tree.attrs.update(fitted.attrs)
        table = ll.check(tree, recompute=True).set_index(["search", "check"])
        assert table["passed"]["A", "reported bests"] == passed


def test_models_are_compared_and_forecast(fitted):
    found = ll.compare(fitted, budget=30)
    assert found.attrs["not_checked"] == "B, C"
    assert any("reported bests alone: B, C" in one for one in comparison_sentences(found))
    pair = found.sel(model="A", other_model="B", task="task")
    total = sum(float(pair[name]) for name in ("p_better", "p_equal", "p_worse"))
    assert total == pytest.approx(1.0)
    assert 0.02 < float(ll.compare(fitted)["p_better"].sel(model="A", other_model="B")[0]) < 0.98
    ahead = ll.forecast(fitted, [10, 100])
    assert ((ahead["p_gain"] > 0) & (ahead["p_gain"] < 1)).all()
    np.testing.assert_allclose(ahead["best_seen"].sel(search="B"), max(BESTS))
    assert np.isfinite(ll.tuning_curve(fitted, [1, 10, 100])).all()
    assert (ll.trials_needed(fitted, within=0.2) >= 0).all()


def test_pictures_show_trials_of_searches_that_have_some(fitted):
    assert with_trials(fitted)["posterior"]["search"].to_numpy().tolist() == ["A"]
    for name in pictures_of(fitted):
        PICTURES[name](fitted, backend="none")
    assert ll.tail_fit_numbers(fitted).sizes["search"] == 1
    numbers = ll.tuning_curve_numbers(fitted)
    assert numbers["observed"].sel(search="B").isnull().all()  # noqa: PD003
    assert numbers["curve"].sel(search="B").notnull().all()  # noqa: PD004


def test_the_report_says_what_is_reported(fitted, tmp_path):
    text = ll.report(fitted, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The reported best (best of 20, 100, 500; law not checked) measured" in text
    assert "The best of 0 trials" not in text
    assert "is assumed and cannot be checked" in text
    assert "7 reported bests" in text


def test_command_line(fitted, saved, tmp_path, monkeypatch, capsys):
    trials = trials_with_reports()
    taken = []

    def fake(given, **_):
        taken.append(given)
        return fitted

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    monkeypatch.chdir(tmp_path)
    rows = [trials.table.assign(k=""), trials.reports.rename(columns={"best_of": "k"})]
    rows[1]["status"] = "reported"
    pd.concat(rows)[["model", "score", "k", "status"]].to_csv("runs.csv", index=False)
    options = ["--score", "score", "--direction", "maximize", "--model", "model"]
    assert main(["fit", "runs.csv", *options, "--best-of", "k", "--no-pictures"]) == 0
    assert str(taken[0]) == str(trials)
    shown = capsys.readouterr().out
    assert "80 trials in 3 searches: 80 complete, 0 failed; 7 reported bests" in shown
    assert "best of ? (" in " ".join(shown.split())
    assert "note: known from reported bests alone: 'B', 'C'" in shown
    assert main(["compare", str(saved)]) == 0
    assert "A, B" in capsys.readouterr().out
    assert main(["check", str(saved), "--all"]) == 0
    shown = capsys.readouterr().out
    assert "not made" in shown
    assert "assumed" in shown
