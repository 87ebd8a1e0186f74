"""The numbers of a picture are what it draws, and those of the answers."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import (
    ALPHA,
    GAMMA,
    SIGMA,
    SPREAD,
    make_averaged_tree,
    make_repeated_trials,
    make_tree,
    make_trials,
    reference_cdf,
)

import leadline as ll
from leadline.plots.plot_comparison import choose_styles, tabulate_pairs
from leadline.plots.style import OBSERVED, QUIET, Style
from leadline.stats.rounding import percent
from leadline.stats.summary import summary_cells
from leadline.stats.tuning_curve import empirical_tuning_curve

ONE = "mnist"
SAMPLE = ("chain", "draw")
INTERVAL = {"ci_prob": 0.8, "ci_kind": "eti"}
FRACTIONS, WEIGHTS = (0.2, 0.3, 0.4, 0.6), (0.5, 0.3, 0.2, 0.0)


def artist(collection, visual, search=ONE):
    found = collection.viz[visual].to_dataset().to_dataarray().squeeze()
    return found.sel(search=search).item() if "search" in found.dims else found.item()


def band_of(collection):
    """Return the corners of a filled band."""
    return artist(collection, "ci_band").get_paths()[0].vertices


def test_optimum(tree):
    one = ll.optimum_numbers(tree, ci_prob=0.8).sel(search=ONE)
    table = ll.summary(tree, ci_prob=0.8, ci_kind="eti").loc[ONE]
    assert float(one["mean"]) == pytest.approx(table["optimum"])
    assert float(one["best_seen"]) == table["best_seen"]
    made = ll.plot_optimum(tree, ci_prob=0.8)
    np.testing.assert_array_equal(artist(made, "twig").get_xdata(), [one["lower"], one["upper"]])
    inner = [one["inner_lower"], one["inner_upper"]]
    np.testing.assert_array_equal(artist(made, "trunk").get_xdata(), inner)
    assert artist(made, "point_estimate").get_offsets()[0][0] == one["mean"]
    assert artist(made, "best_seen").get_xdata()[0] == table["best_seen"]
    middle = tree["posterior"]["optimum"].sel(search=ONE).quantile([0.25, 0.75])
    np.testing.assert_allclose(inner, middle, rtol=1e-2)


def test_effective_dim(tree):
    numbers = ll.effective_dim_numbers(tree)
    assert (numbers["prior_lower"] == 1).all()
    largest = tree["constant_data"]["max_effective_dim"]
    np.testing.assert_array_equal(numbers["prior_upper"], largest)
    made, one = ll.plot_effective_dim(tree), numbers.sel(search=ONE)
    np.testing.assert_array_equal(artist(made, "twig").get_xdata(), [one["lower"], one["upper"]])
    assert artist(made, "prior_upper").get_xdata()[0] == one["prior_upper"]


def test_integer_effective_dimensions_have_a_bar_each():
    tree = make_tree(make_trials(searches=(("a", "x"), ("b", "x"))), draws=50, integer=True)
    probability = ll.effective_dim_numbers(tree)["probability"]
    np.testing.assert_allclose(probability.sum("dimension"), 1.0)
    made = ll.plot_effective_dim(tree)
    assert "density" not in made.viz.children
    tops = artist(made, "probability", "b").get_paths()[0].vertices[:, 1]
    for height in probability.sel(search="b").to_numpy():
        assert np.isclose(tops, height).any()


@pytest.mark.parametrize("options", [{"kind": "measured"}, {"quantile": 0.3, "kind": "expected"}])
def test_tuning_curve(tree, options):
    budgets = [5, 50, 500]
    numbers = ll.tuning_curve_numbers(tree, budgets, **options, **INTERVAL)
    curve = ll.tuning_curve(tree, budgets, **options)
    np.testing.assert_allclose(numbers["curve"], curve.mean(SAMPLE))
    np.testing.assert_allclose(numbers["lower"], curve.quantile(0.1, SAMPLE), rtol=1e-2)
    made = ll.plot_tuning_curve(tree, budgets, **options, **INTERVAL)
    one, line = numbers.sel(search=ONE), artist(made, "fit_line")
    np.testing.assert_array_equal(line.get_xdata(), budgets)
    np.testing.assert_array_equal(line.get_ydata(), one["curve"])
    assert artist(made, "optimum").get_ydata()[0] == one["optimum"]
    assert set(one["upper"].to_numpy()) <= set(band_of(made)[:, 1])
    lucky = ll.tuning_curve(tree, budgets, quantile=options.get("quantile", 0.5))
    np.testing.assert_allclose(numbers["measured"], lucky.mean(SAMPLE))
    if numbers.attrs["kind"] == "expected":
        np.testing.assert_array_equal(artist(made, "measured").get_ydata(), one["measured"])
    else:
        assert "measured" not in made.viz.children


def test_the_picture_leads_with_the_score_if_re_run(tree):
    assert ll.tuning_curve_numbers(tree, [5, 50]).attrs["kind"] == "expected"


def test_the_re_run_of_a_typical_best_has_another_name_than_that_of_my_best(tree):
    made = ll.plot_tuning_curve(tree, backend="matplotlib")
    words = [text.get_text() for text in plt.gcf().legends[0].get_texts()]
    heads = set(summary_cells(tree).columns)
    assert not heads & set(words)
    assert made.backend == "matplotlib"


def test_the_observed_curve_ends_with_the_trials(tree):
    line = artist(ll.plot_tuning_curve(tree, [5, 50, 500], quantile=0.3), "observed")
    expected = empirical_tuning_curve(tree, [5, 50, 120], quantile=0.3).sel(search=ONE)
    np.testing.assert_array_equal(line.get_ydata()[:3], expected)
    assert np.isnan(line.get_ydata()[3:]).all()


def test_tail_fit(tree):
    one, made = ll.tail_fit_numbers(tree).sel(search=ONE), ll.plot_tail_fit(tree)
    np.testing.assert_array_equal(artist(made, "fit_line").get_xdata(), one["score"])
    np.testing.assert_array_equal(artist(made, "fit_line").get_ydata(), one["share"])
    threshold = tree["constant_data"]["threshold"].sel(search=ONE)
    assert artist(made, "threshold").get_xdata()[0] == one["threshold"] == threshold
    to_data = made.get_target(None, {"search": ONE}).transData.inverted()
    ends = sorted(artist(made, "not_fitted").get_extents().transformed(to_data).intervalx)
    down = tree.attrs["direction"] == "minimize"
    assert ends[0 if down else 1] == pytest.approx(float(threshold))


def test_a_law_of_the_tail_follows_the_trials_beyond_its_own_threshold():
    tree = make_averaged_tree(make_trials(), (0.2, 0.5), (0.6, 0.4))
    numbers = ll.tail_fit_numbers(tree).squeeze("search")
    posterior = tree["posterior"].dataset.squeeze("search")
    loosest = float(posterior["threshold"].max())
    assert numbers["threshold"] == loosest
    at_threshold = {
        name: np.interp(loosest, numbers["score"], numbers[name])
        for name in ("share", "lower", "upper")
    }
    # The laws of 0.5 have their own share there. Those of 0.2 have the bootstrap's: of 96 trials
    # beyond theirs, 36 are up to the loosest, a share of Beta(36, 60).
    own = posterior["tail_fraction"].to_numpy().ravel()
    tight = posterior["threshold"].to_numpy().ravel() < loosest
    relative = np.random.default_rng(0).beta(36, 60, own.shape)
    expected = np.where(tight, own + (1 - own) * relative, own)
    edge = (1 - numbers.attrs["ci_prob"]) / 2
    assert at_threshold["share"] == pytest.approx(expected.mean(), abs=5e-3)
    ends = np.quantile(expected, [edge, 1 - edge])
    np.testing.assert_allclose([at_threshold["lower"], at_threshold["upper"]], ends, atol=0.02)
    assert numbers["score"].max() > loosest


@pytest.mark.parametrize("kind", ["eti", "hdi"])
def test_the_share_of_trials_never_falls_towards_worse_scores(kind):
    tree = make_averaged_tree(make_trials(), (0.2, 0.3, 0.5), (0.3, 0.3, 0.4))
    numbers = ll.tail_fit_numbers(tree, ci_kind=kind).squeeze("search")
    ends = ("share", "lower", "upper") if kind == "eti" else ("share",)
    assert all((numbers[name].diff("point") >= -1e-12).all() for name in ends)


def test_the_best_seen_of_repeated_trials_is_in_the_tuning_curve():
    tree = make_tree(make_repeated_trials())
    made = ll.plot_tuning_curve(tree)
    seen = ll.summary(tree)["best_seen"].item()
    assert ll.tuning_curve_numbers(tree)["best_seen"].item() == seen
    assert artist(made, "best_seen", "model").get_ydata()[0] == seen
    # The curve of first seeds ends elsewhere.
    assert np.nanmin(artist(made, "observed", "model").get_ydata()) > seen
    assert "best_seen" not in ll.plot_tuning_curve(make_tree()).viz


def test_observed_shares_count_failures(tree):
    line = artist(ll.plot_tail_fit(tree), "observed", "digits")
    x, y = line.get_xdata(), line.get_ydata()
    scores = tree["constant_data"]["trial_score"].to_numpy()[:120]
    down = tree.attrs["direction"] == "minimize"
    from_best = np.sort(scores[np.isfinite(scores)])[:: 1 if down else -1]
    for rank in (1, 4, 30):
        assert y[x == from_best[rank - 1]].tolist() == [(rank - 1) / 120, rank / 120]
    assert y[0] == 0
    assert np.nanmax(y) < 0.8


def test_a_mean_over_seeds_has_less_noise_in_the_fitted_share():
    table = make_trials(n=60).table.drop(columns=["trial", "replicate"])
    repeated = table.iloc[:30].assign(trial=range(30))
    parts = [repeated.assign(replicate=seed) for seed in (1, 2, 3, 4)]
    single = table.iloc[30:].assign(trial=range(30, 60), replicate=1)
    trials = ll.Trials(pd.concat([*parts, single], ignore_index=True), "minimize")
    # The seeds have equal scores; only their number matters.
    made = ll.plot_tail_fit(make_tree(trials, spread_of_draws=1e-6, draws=5))
    line = artist(made, "fit_line")
    shares = [reference_cdf(line.get_xdata(), ALPHA, SPREAD, GAMMA, SIGMA / m**0.5) for m in (1, 4)]
    np.testing.assert_allclose(line.get_ydata(), np.mean(shares, axis=0), atol=1e-3)
    assert np.abs(shares[0] - shares[1]).max() > 5e-3


def test_threshold():
    tree = make_averaged_tree(make_trials(), FRACTIONS, WEIGHTS)
    numbers = ll.threshold_numbers(tree).squeeze("search")
    assert numbers["kept"].to_numpy().tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(numbers["tail_fraction"], FRACTIONS)
    made = ll.plot_threshold(tree, backend="matplotlib")
    assert artist(made, "average_optimum").get_ydata()[0] == numbers["optimum_average"]
    axes = made.get_target(None, {"search": "digits / mlp", "quantity": "weight"})
    bars = {
        round(float(line.get_xdata()[0]), 6): float(line.get_ydata()[1])
        for line in axes.get_lines()
        if len(line.get_ydata()) == 2 and np.isfinite(line.get_ydata()).all()
    }
    for fraction, weight in zip(FRACTIONS[:3], WEIGHTS[:3], strict=True):
        assert bars[fraction] == pytest.approx(weight)


@pytest.mark.parametrize("answer", [ll.threshold_numbers, ll.plot_threshold])
def test_one_threshold_is_nothing_to_compare(answer):
    with pytest.raises(ll.LeadlineError, match="tail_fraction"):
        answer(make_tree(draws=4))


def test_forecast(tree):
    numbers = ll.forecast_numbers(tree, [10, 100], **INTERVAL)
    found = ll.forecast(tree, [10, 100])
    np.testing.assert_array_equal(numbers["p_gain"], found["p_gain"])
    np.testing.assert_array_equal(numbers["best_seen"], found["best_seen"])
    np.testing.assert_allclose(numbers["median"], found["best"].median(SAMPLE))
    made, one = ll.plot_forecast(tree, [10, 100], **INTERVAL), numbers.sel(search=ONE)
    np.testing.assert_array_equal(artist(made, "median").get_ydata(), one["median"])
    assert artist(made, "best_seen").get_ydata()[0] == one["best_seen"]
    labels = made.get_target(None, {"search": ONE}).get_xticklabels()
    chances = 100 * one["p_gain"].to_numpy()
    assert [label.get_text() for label in labels] == [
        f"{trials}\n{chance:.0f} %" for trials, chance in zip((10, 100), chances, strict=True)
    ]


@pytest.mark.parametrize(("direction", "worse"), [("minimize", "upper"), ("maximize", "lower")])
def test_a_forecast_is_infinite_where_all_trials_may_fail(direction, worse):
    tree = make_tree(make_trials(direction, n_failed=60), draws=100)
    numbers = ll.forecast_numbers(tree, [1, 1000]).squeeze("search")
    assert np.isinf(numbers[worse].sel(trials=1))
    assert np.isfinite(numbers[["lower", "upper"]].sel(trials=1000).to_dataarray()).all()
    assert np.isfinite(band_of(ll.plot_forecast(tree, [1, 1000]))).all()


def test_comparison():
    # A task may have the name of a summary row.
    searches = (("overall", "x"), ("overall", "y"), ("b", "x"), ("b", "y"))
    tree = make_tree(make_trials(searches=searches), chains=2, draws=50)
    numbers = ll.comparison_numbers(tree, rope=0.01).squeeze("pair")
    found = ll.compare(tree, rope=0.01).sel(model="x", other_model="y")
    assert numbers["row"].to_numpy().tolist() == ["overall", "b", "overall"]
    np.testing.assert_allclose(numbers["difference"][:2], found["difference"])
    for end, name in zip(("", "_lower", "_upper"), ("difference", "lower", "upper"), strict=True):
        assert float(numbers[name][2]) == float(found[f"difference_in_scores{end}"])
    np.testing.assert_array_equal(numbers["p_better"][:2], found["p_better"])
    assert float(numbers["p_better"][2]) == float(found["p_better_overall"])
    shown = [
        percent(float(found[f"p_{kind}"][0])).removesuffix(" %")
        for kind in ("better", "equal", "worse")
    ]
    assert str(numbers["label"][0].item()) == f"overall  {' / '.join(shown)} %"
    line = ll.plot_comparison(tree, rope=0.01).viz["interval b"].to_dataset().to_dataarray().item()
    ends = numbers.isel(row=1)[["lower", "upper"]].to_dataarray()
    np.testing.assert_array_equal(line.get_xdata(), ends)


def test_the_comparison_of_tasks_too_different_has_no_band():
    tree = make_tree(make_trials(searches=(("a", "x"), ("a", "y"))), chains=2, draws=50)
    found = ll.compare(tree, rope=0.01)
    for in_scores in (True, False):
        numbers = tabulate_pairs(found, rope=0.01, in_scores=in_scores)
        assert numbers.attrs["rope"] == (0.01 if in_scores else 0.0)
    band = ll.plot_comparison(tree, rope=0.01).viz["rope"].to_dataset().to_dataarray().item()
    box = band.get_extents().transformed(plt.gcf().axes[0].transData.inverted())
    assert [box.x0, box.x1] == pytest.approx([-0.01, 0.01])


@pytest.mark.parametrize("name", ["optimum", "effective_dim", "tail_fit", "tuning_curve"])
def test_the_numbers_of_a_file_come_without_warnings(name):
    """Warnings are errors here; xarray warns of coordinates that it has not loaded yet."""
    file = Path(__file__).parents[1] / "data" / "crossed.nc"
    with xr.open_datatree(file) as tree:
        assert getattr(ll, f"{name}_numbers")(tree)


def test_the_colour_of_a_comparison_is_that_of_the_words():
    chances = [(0.9, 0.08, 0.02), (0.05, 0.34, 0.61), (0.2, 0.7, 0.1), (0.5, 0.2, 0.3)]
    parts = {
        f"p_{kind}": (("pair", "row"), [own])
        for kind, own in zip(("better", "equal", "worse"), zip(*chances, strict=True), strict=True)
    }
    numbers = xr.Dataset({**parts, "first": ("pair", ["a"]), "second": ("pair", ["b"])})
    colors, _ = choose_styles(numbers, {"a": Style("A", "C0"), "b": Style("B", "C0")})
    assert colors.to_numpy().ravel().tolist() == ["A", "B", OBSERVED, QUIET]
