"""Searches that end in a plateau: their groups, and all answers, alone and beside others."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers_plateau import FAILED, REACHED, N, mixed_trials, plateau_scores, plateau_trials
from scipy.stats import beta

import leadline as ll
from leadline.errors import LeadlineError
from leadline.plots.gallery import PICTURES, pictures_of
from leadline.stats.plateau import plateau_sentences, plateau_share

SETTINGS = {"random_seed": 5, "progressbar": False}


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def alone(request):
    return ll.fit(plateau_trials(request.param), **SETTINGS)


@pytest.fixture(scope="module", params=[pytest.param("fit", marks=pytest.mark.slow)])
def mixed(few_draws_suffice):
    return ll.fit(
        mixed_trials(),
        "hierarchical",
        tail_fraction=[0.4, 0.6],
        draws=100,
        tune=200,
        chains=2,
        **SETTINGS,
    )


def test_the_share_has_its_beta_posterior_and_failed_trials_count(alone):
    share = plateau_share(alone).to_numpy().ravel()
    posterior = beta(REACHED + 1, N - REACHED + 1)
    assert share.mean() == pytest.approx(posterior.mean(), abs=0.005)
    assert share.std() == pytest.approx(posterior.std(), rel=0.05)
    (row,) = ll.summary(alone, ci_prob=0.8).to_dict("records")
    assert (row["trials"], row["failed"], row["in_regime"]) == (N, FAILED, REACHED)
    assert (row["best_seen"], row["optimum"], row["headroom"], row["p_gain_10"]) == (0, 0, 0, 0)
    assert np.isnan([row["effective_dim"], row["noise_sd"], row["best_within_noise"]]).all()
    assert row["plateau_eti80_lb"] == pytest.approx(posterior.ppf(0.1), abs=0.01)
    assert row["plateau_trials"] == pytest.approx(1 / posterior.median(), rel=0.02)
    assert row["warning"] == ""


def test_curves_are_the_bootstrap_of_all_scores(alone):
    sign = 1.0 if alone.attrs["direction"] == "minimize" else -1.0
    budgets = [1, 2, 5, 20]
    for kind in ("measured", "expected"):
        median = sign * ll.tuning_curve(alone, budgets, kind=kind)
        assert (median.sel(budget=[5, 20]) == 0).all()
        reached = (median.sel(budget=1) == 0).mean()
        assert reached == pytest.approx(beta.sf(0.5, REACHED + 1, N - REACHED + 1), abs=0.02)
        mean = sign * ll.tuning_curve(alone, budgets, quantile="mean", kind=kind)
        loss = np.sort(np.abs(plateau_scores()[: N - FAILED]))
        assert mean.sel(budget=1).mean() == pytest.approx(loss.mean(), abs=0.02)
        assert (mean.diff("budget") <= 0).all()


def test_nothing_is_gained_and_no_trial_is_needed(alone):
    found = ll.forecast(alone, [1, 50])
    for name in ("gain", "expected_gain", "p_gain"):
        assert (found[name] == 0).all()
    failures = np.isinf(found["best"].sel(trials=1)).mean()
    assert failures == pytest.approx(FAILED / N, abs=0.02)
    assert (found["best"].sel(trials=50) == 0).mean() > 0.99
    assert (ll.trials_needed(alone, 0.001) == 0).all()
    assert json.loads(alone.attrs["failed_checks"]) == []
    assert ll.check(alone, recompute=True)["passed"].isna().all()


def test_a_saved_fit_gives_the_same_answers(alone, tmp_path):
    alone.to_netcdf(tmp_path / "fit.nc")
    saved = xr.open_datatree(tmp_path / "fit.nc").load()
    pd.testing.assert_frame_equal(ll.summary(saved), ll.summary(alone))
    np.testing.assert_array_equal(ll.tuning_curve(saved, [1, 3]), ll.tuning_curve(alone, [1, 3]))
    again = ll.fit(plateau_trials(alone.attrs["direction"]), **SETTINGS)
    xr.testing.assert_identical(again["posterior"].dataset, alone["posterior"].dataset)


def test_only_pictures_of_the_scores_are_drawn(alone, tmp_path):
    assert pictures_of(alone) == ["optimum", "tuning_curve", "forecast"]
    for name in ("effective_dim", "tail_fit"):
        with pytest.raises(LeadlineError, match="plateau"):
            PICTURES[name](alone)
    text = ll.report(alone, tmp_path / "report.html").read_text()
    assert plateau_sentences(alone)["task"][1:60] in text


def test_others_are_fitted_together_without_it(mixed):
    pairs = [("a", "mlp"), ("b", "mlp"), ("a", "svm"), ("b", "svm")]
    posterior = mixed["posterior"]
    assert list(zip(posterior["task"].values, posterior["model"].values, strict=True)) == pairs
    law = np.isfinite(posterior["effective_dim"]).all(("chain", "draw"))
    assert law.values.tolist() == [True, False, True, True]
    assert mixed["constant_data"]["plateau"].fillna(0).values.tolist() == [0, REACHED, 0, 0]
    assert any("b / mlp" in note for note in json.loads(mixed.attrs["notes"]))
    table = ll.summary(mixed)
    assert table["plateau"].notna().tolist() == [False, True, False, False]
    assert table.loc["b / mlp", "optimum"] == 0
    assert np.isfinite(
        table.loc["a / svm", ["optimum", "noise_sd", "p_gain_10"]].astype(float)
    ).all()
    assert ll.check(mixed)["passed"].notna().any()
    # It shares only the number of draws with the others.
    assert "R-hat" not in table.loc["b / mlp", "warning"]


def test_its_score_is_compared_at_the_optimum_and_at_a_budget(mixed):
    pair = {"model": "mlp", "other_model": "svm", "task": "b"}
    for budget in (None, 2, 50):
        found = ll.compare(mixed, budget=budget)
        assert found["p_better"].sel(pair) > 0.9
        assert np.isfinite(found["p_better"].sel(pair | {"task": "a"}))
        assert np.isfinite(found["p_better_overall"].sel(model="mlp", other_model="svm"))
    assert ll.compare(mixed)["better_from_budget"].sel(pair) < 10


def test_pictures_and_the_report_leave_nothing_out(mixed, tmp_path):
    for name in pictures_of(mixed):
        PICTURES[name](mixed, backend="matplotlib")
    assert ll.effective_dim_numbers(mixed).sizes["search"] == 3
    assert ll.tuning_curve_numbers(mixed).sizes["search"] == 4
    assert "b / mlp" in ll.report(mixed, tmp_path / "report.html").read_text()


def test_one_other_search_is_fitted_alone_and_equal_scores_are_doubted():
    trials = mixed_trials()
    table = trials.table[trials.table["model"] == "mlp"].assign(score=trials.table["score"])
    table = table.drop(columns="status")
    table.loc[table["task"] == "b", "score"] = 1.0
    fitted = ll.fit(
        ll.Trials(table, "minimize"), tail_fraction=0.5, draws=60, tune=100, chains=2, **SETTINGS
    )
    assert json.loads(fitted.attrs["settings"])["model"] == "single"
    assert "right score column" in fitted.attrs["notes"]
    curve = ll.tuning_curve(fitted, [1], quantile=0.99).sel(search="b")
    assert (curve == 1.0).all()


def test_reported_bests_have_no_law_to_follow():
    trials = mixed_trials()
    report = pd.DataFrame({"task": "b", "model": "svm", "score": 0.1, "best_of": 20.0}, index=[0])
    with_report = ll.Trials(trials.table, "minimize", reports=report)
    with pytest.raises(LeadlineError, match="'b'"):
        ll.fit(with_report, **SETTINGS)
