"""The table of answers against direct computation."""

import arviz as az
import numpy as np
import pytest
from helpers import make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.stats.forecast import best_seen_expected, forecast
from leadline.stats.summary import summary

TWO = (("digits", "mlp"), ("digits", "forest"))


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=TWO))


def test_one_row_a_search_with_counts(tree):
    table = summary(tree)
    assert table.index.tolist() == ["mlp", "forest"]
    assert table["trials"].tolist() == [120, 120]
    assert table["failed"].tolist() == [10, 10]
    assert table["in_regime"].tolist() == [48, 48]


def test_best_seen_is_in_the_units_and_the_direction_of_the_scores(tree):
    scores = tree["constant_data"]["trial_score"].values
    best = np.nanmin if tree.attrs["direction"] == "minimize" else np.nanmax
    assert summary(tree)["best_seen"].tolist() == [best(scores[:120]), best(scores[120:])]


@pytest.mark.parametrize("name", ["optimum", "effective_dim", "noise_sd"])
@pytest.mark.parametrize("kind", ["eti", "hdi"])
def test_posterior_columns_are_those_of_arviz(tree, name, kind):
    table = summary(tree, ci_prob=0.8, ci_kind=kind)
    draws = tree["posterior"][name].isel(search=1)
    assert table[name].iloc[1] == pytest.approx(float(draws.mean()))
    assert table[f"{name}_sd"].iloc[1] == pytest.approx(float(draws.std(ddof=1)))
    ends = getattr(az, kind)(draws, prob=0.8).values
    got = table.iloc[1][[f"{name}_{kind}80_lb", f"{name}_{kind}80_ub"]].to_numpy(dtype=float)
    np.testing.assert_allclose(got, ends)


def test_intervals_default_to_arviz_settings(tree):
    with az.rc_context({"stats.ci_prob": 0.5, "stats.ci_kind": "hdi"}):
        assert "optimum_hdi50_lb" in summary(tree).columns
    assert "optimum_eti89_lb" in summary(tree).columns


def test_headroom_is_from_the_expected_score_of_the_best_seen(tree):
    sign = 1 if tree.attrs["direction"] == "minimize" else -1
    table = summary(tree)
    expected = best_seen_expected(tree)
    room = (sign * (expected - tree["posterior"]["optimum"])).isel(search=0)
    assert (room >= 0).all()
    row = table.iloc[0]
    assert row["headroom"] == pytest.approx(float(room.mean()))
    assert row["best_seen_expected"] == pytest.approx(float(expected.isel(search=0).mean()))
    assert row["headroom_eti89_lb"] < row["headroom"] < row["headroom_eti89_ub"]
    near = (room < tree["posterior"]["noise_sd"].isel(search=0)).mean()
    assert row["best_within_noise"] == pytest.approx(float(near))
    assert 0 < near < 1


def test_the_chance_of_a_gain_is_that_of_the_forecast(tree):
    table = summary(tree)
    np.testing.assert_allclose(table["p_gain_10"], forecast(tree, [10])["p_gain"].isel(trials=0))


def test_integer_dimensions_have_a_column_each():
    tree = make_tree(integer=True)
    table = summary(tree)
    columns = [f"effective_dim={j}" for j in (1, 2, 3)]
    expected = tree["posterior"]["effective_dim_probability"].mean(("chain", "draw")).values[0]
    np.testing.assert_allclose(table[columns].to_numpy(dtype=float)[0], expected)
    assert table[columns].to_numpy().sum() == pytest.approx(1.0)


def test_bad_sampling_is_said_in_the_row_and_in_attrs(tree):
    assert (summary(tree)["warning"] == "").all()
    assert "converged" in summary(tree).attrs["convergence"]
    bad = summary(make_tree(divergences=3))
    assert bad["warning"].iloc[0] == "3 divergences"
    assert bad.attrs["convergence"].startswith("do not rely")


def test_only_a_fit_is_summarised():
    with pytest.raises(LeadlineError, match="not a leadline fit"):
        summary(az.load_arviz_data("centered_eight"))
