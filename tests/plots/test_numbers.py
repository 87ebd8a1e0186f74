"""The numbers behind a picture are what it draws, and what the answers say."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import make_averaged_tree, make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError

mpl.use("Agg")
TWO = (("digits", "mlp"), ("mnist", "mlp"))
ONE = "mnist"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=TWO), draws=150)


def artist(collection, visual, search=ONE):
    found = collection.viz[visual].to_dataset().to_dataarray().squeeze()
    return found.sel(search=search).item() if "search" in found.dims else found.item()


def band_of(collection, visual="ci_band"):
    """Return the corners of a filled band."""
    return artist(collection, visual).get_paths()[0].vertices


def test_optimum(tree):
    numbers = ll.optimum_numbers(tree, ci_prob=0.8)
    table = ll.summary(tree, ci_prob=0.8, ci_kind="eti").loc[ONE]
    one = numbers.sel(search=ONE)
    assert float(one["mean"]) == pytest.approx(table["optimum"])
    assert float(one["best_seen"]) == table["best_seen"]
    made = ll.plot_optimum(tree, ci_prob=0.8)
    np.testing.assert_array_equal(artist(made, "twig").get_xdata(), [one["lower"], one["upper"]])
    inner = [one["inner_lower"], one["inner_upper"]]
    np.testing.assert_array_equal(artist(made, "trunk").get_xdata(), inner)
    assert artist(made, "point_estimate").get_offsets()[0][0] == one["mean"]
    middle = tree["posterior"]["optimum"].sel(search=ONE).quantile([0.25, 0.75])
    np.testing.assert_allclose(inner, middle, rtol=1e-2)


def test_effective_dim(tree):
    numbers = ll.effective_dim_numbers(tree)
    assert (numbers["prior_lower"] == 1).all()
    np.testing.assert_array_equal(
        numbers["prior_upper"], tree["constant_data"]["max_effective_dim"]
    )
    made = ll.plot_effective_dim(tree)
    one = numbers.sel(search=ONE)
    np.testing.assert_array_equal(artist(made, "twig").get_xdata(), [one["lower"], one["upper"]])
    assert artist(made, "prior_upper").get_xdata()[0] == one["prior_upper"]


def test_integer_effective_dimensions_have_a_bar_each():
    tree = make_tree(make_trials(searches=TWO), draws=50, integer=True)
    probability = ll.effective_dim_numbers(tree)["probability"]
    np.testing.assert_allclose(probability.sum("dimension"), 1.0)
    made = ll.plot_effective_dim(tree)
    assert "density" not in made.viz.children
    tops = artist(made, "probability").get_paths()[0].vertices[:, 1]
    for height in probability.sel(search=ONE).to_numpy():
        assert np.isclose(tops, height).any()


def test_tuning_curve(tree):
    budgets = [5, 50, 500]
    numbers = ll.tuning_curve_numbers(tree, budgets, ci_prob=0.8, ci_kind="eti")
    curve = ll.tuning_curve(tree, budgets)
    np.testing.assert_allclose(numbers["curve"], curve.mean(("chain", "draw")))
    lower = curve.quantile(0.1, ("chain", "draw"))
    np.testing.assert_allclose(numbers["lower"], lower, rtol=1e-2)
    made = ll.plot_tuning_curve(tree, budgets, ci_prob=0.8, ci_kind="eti")
    one = numbers.sel(search=ONE)
    np.testing.assert_array_equal(artist(made, "fit_line").get_ydata(), one["curve"])
    assert artist(made, "optimum").get_ydata()[0] == one["optimum"]
    assert set(one["upper"].to_numpy()) <= set(band_of(made)[:, 1])


def test_tail_fit(tree):
    numbers = ll.tail_fit_numbers(tree)
    one = numbers.sel(search=ONE)
    made = ll.plot_tail_fit(tree)
    np.testing.assert_array_equal(artist(made, "fit_line").get_xdata(), one["score"])
    np.testing.assert_array_equal(artist(made, "fit_line").get_ydata(), one["share"])
    low, high = sorted(artist(made, "not_fitted").get_extents().transformed(
        made.get_target(None, {"search": ONE}).transData.inverted()).intervalx)  # fmt: skip
    down = tree.attrs["direction"] == "minimize"
    assert (low if down else high) == pytest.approx(float(one["threshold"]))


def test_threshold():
    tree = make_averaged_tree(make_trials(), (0.2, 0.3, 0.4), weights=(0.6, 0.4, 0.0))
    numbers = ll.threshold_numbers(tree).squeeze("search")
    assert numbers["kept"].to_numpy().tolist() == [1, 1, 0]
    np.testing.assert_allclose(numbers["tail_fraction"], [0.2, 0.3, 0.4])
    made = ll.plot_threshold(tree)
    average = artist(made, "average_optimum").get_ydata()[0]
    assert average == numbers["optimum_average"]
    with pytest.raises(LeadlineError, match="one threshold"):
        ll.threshold_numbers(make_tree(draws=4))


def test_forecast(tree):
    numbers = ll.forecast_numbers(tree, [10, 100], ci_prob=0.8, ci_kind="eti")
    found = ll.forecast(tree, [10, 100])
    np.testing.assert_array_equal(numbers["p_gain"], found["p_gain"])
    np.testing.assert_array_equal(numbers["best_seen"], found["best_seen"])
    np.testing.assert_allclose(numbers["median"], found["best"].median(("chain", "draw")))
    made = ll.plot_forecast(tree, [10, 100], ci_prob=0.8, ci_kind="eti")
    one = numbers.sel(search=ONE)
    np.testing.assert_array_equal(artist(made, "median").get_ydata(), one["median"])
    assert artist(made, "best_seen").get_ydata()[0] == one["best_seen"]
    target = made.get_target(None, {"search": ONE})
    words = [label.get_text() for label in target.get_xticklabels()]
    chance = 100 * float(one["p_gain"].sel(trials=100))
    assert words == [f"10\n{100 * float(one['p_gain'][0]):.0f} %", f"100\n{chance:.0f} %"]


def test_a_forecast_says_where_all_trials_may_fail():
    for direction, worse in (("minimize", "upper"), ("maximize", "lower")):
        tree = make_tree(make_trials(direction, n_failed=60), draws=100)
        numbers = ll.forecast_numbers(tree, [1, 1000]).squeeze("search")
        assert np.isinf(numbers[worse].sel(trials=1))
        assert np.isfinite(numbers[["lower", "upper"]].sel(trials=1000).to_dataarray()).all()
        made = ll.plot_forecast(tree, [1, 1000])
        assert np.isfinite(band_of(made)).all()


def test_comparison():
    searches = (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
    tree = make_tree(make_trials(searches=searches), chains=2, draws=50)
    numbers = ll.comparison_numbers(tree, rope=0.01).squeeze("pair")
    found = ll.compare(tree, rope=0.01).sel(model="x", other_model="y")
    scaled = found["difference"] / found["scale"]
    np.testing.assert_allclose(numbers["difference"].sel(row=["a", "b"]), scaled)
    assert float(numbers["p_better"].sel(row="overall")) == float(found["p_better_overall"])
    assert "equal" in str(numbers["label"].sel(row="a").item())
    made = ll.plot_comparison(tree, rope=0.01)
    line = made.viz["interval a"].to_dataset().to_dataarray().item()
    np.testing.assert_array_equal(
        line.get_xdata(), numbers.sel(row="a")[["lower", "upper"]].to_dataarray()
    )
