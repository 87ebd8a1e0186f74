"""The table of answers against direct computation, and as Markdown, LaTeX and CSV."""

import io

import arviz as az
import numpy as np
import pandas as pd
import pytest
from helpers import make_tree, make_trials

from leadline.errors import LeadlineError
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.forecast import forecast
from leadline.stats.summary import summary, summary_cells, summary_text

TWO = (("digits", "mlp"), ("digits", "forest"))
# Special characters of Markdown and LaTeX in the names.
HOSTILE = (("a|b", r"50% & \cmd_{x}"), ("digits", "mlp"))


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


def test_only_a_fit_is_summarised():
    with pytest.raises(LeadlineError, match="not a leadline fit"):
        summary(az.load_arviz_data("centered_eight"))


@pytest.fixture(scope="module")
def hostile():
    return make_tree(make_trials(searches=HOSTILE), draws=400)


def test_markdown_has_a_row_a_search_and_as_many_cells_as_columns(hostile):
    lines = summary_text(hostile, "markdown").splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 2 + len(HOSTILE)
    plain = [line.replace("\\|", "").count("|") for line in rows]
    assert set(plain) == {2 + len(summary_cells(hostile).columns)}
    assert any("converged" in line for line in lines)


def test_latex_escapes_what_it_would_take_for_commands(hostile):
    text = summary_text(hostile, "latex")
    assert r"50\% \& \textbackslash{}cmd\_\{x\}" in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(HOSTILE)
    columns = len(summary_cells(hostile).columns)
    assert {row.replace(r"\&", "").count("&") for row in rows} == {columns}


def test_csv_has_full_precision(hostile):
    text = summary_text(hostile, "csv")
    read = pd.read_csv(io.StringIO(text), comment="#", index_col="search")
    wanted = summary(hostile)
    assert read["optimum"].to_numpy() == pytest.approx(wanted["optimum"].to_numpy(), rel=1e-15)
    assert read.index.tolist() == wanted.index.tolist()


def test_bad_sampling_and_failed_checks_are_stated(tree):
    assert (summary(tree)["warning"] == "").all()
    assert "converged" in summary(tree).attrs["convergence"]
    bad = make_tree(make_trials(), draws=50, divergences=5)
    bad.attrs["failed_checks"] = '["regime fit"]'
    assert "5 divergences" in summary(bad)["warning"].iloc[0]
    assert summary(bad).attrs["convergence"].startswith("do not rely")
    for form in ("markdown", "latex", "csv"):
        text = summary_text(bad, form)
        assert "5 divergences" in text
        assert "1 check failed: regime fit" in text


def test_the_trials_of_a_random_share_are_called_random(tree):
    assert "trials (no score)" in summary_cells(tree)
    shared = tree.copy(deep=True)
    guided = {"n_guided": ("search", [5, 0])}
    for name, kind in (("score", float), ("replicates", int), ("search", str)):
        guided[f"guided_{name}"] = "guided_trial", np.empty(0, kind)
    shared["constant_data"] = shared["constant_data"].to_dataset().assign(guided)
    assert "random trials (no score)" in summary_cells(shared)
