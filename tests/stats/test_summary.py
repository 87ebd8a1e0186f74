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


def test_one_row_per_search_with_counts_and_the_best_seen(tree):
    table = summary(tree)
    assert table.index.tolist() == ["mlp", "forest"]
    assert table[["trials", "failed", "in_regime"]].to_numpy().tolist() == [[120, 10, 48]] * 2
    scores = tree["constant_data"]["trial_score"].to_numpy().reshape(2, 120)
    best = np.nanmin if tree.attrs["direction"] == "minimize" else np.nanmax
    assert table["best_seen"].tolist() == best(scores, axis=1).tolist()
    chances = forecast(tree, [10])["p_gain"].isel(trials=0)
    np.testing.assert_allclose(table["p_gain_10"], chances)


@pytest.mark.parametrize("kind", ["eti", "hdi"])
def test_posterior_columns_are_those_of_arviz(tree, kind):
    row = summary(tree, ci_prob=0.8, ci_kind=kind).iloc[1]
    for name in ("optimum", "effective_dim", "noise_sd"):
        draws = tree["posterior"][name].isel(search=1)
        ends = getattr(az, kind)(draws, prob=0.8).values
        wanted = [float(draws.mean()), float(draws.std(ddof=1)), *ends]
        columns = [name, f"{name}_sd", f"{name}_{kind}80_lb", f"{name}_{kind}80_ub"]
        np.testing.assert_allclose(row[columns].to_numpy(dtype=float), wanted)


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
