"""Every picture: what is drawn, for one and for many searches, in both directions."""

import functools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from arviz_plots import PlotCollection
from helpers import ALPHA, GAMMA, SIGMA, SPREAD, make_tree, make_trials, reference_cdf

from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.plots.plot_comparison import plot_comparison
from leadline.plots.plot_effective_dim import plot_effective_dim
from leadline.plots.plot_forecast import plot_forecast
from leadline.plots.plot_optimum import plot_optimum
from leadline.plots.plot_tail_fit import plot_tail_fit
from leadline.plots.plot_tuning_curve import plot_tuning_curve
from leadline.stats.fitted_search import best_seen
from leadline.stats.tuning_curve import empirical_tuning_curve, tuning_curve

mpl.use("Agg")
EVERY = [plot_optimum, plot_effective_dim, plot_tuning_curve, plot_forecast, plot_tail_fit]
VISUALS = {
    plot_optimum: ["density", "twig", "trunk", "point_estimate", "best_seen"],
    plot_effective_dim: ["density", "twig", "trunk", "prior_lower", "prior_upper"],
    plot_tuning_curve: ["ci_band", "fit_line", "observed", "optimum_band", "optimum", "n_trials"],
    plot_forecast: ["ci_band", "median", "best_seen"],
    plot_tail_fit: ["ci_band", "fit_line", "observed", "not_fitted", "threshold"],
}
TWO = (("digits", "mlp"), ("mnist", "mlp"))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=TWO), draws=150)


def drawn_text(plot_collection):
    """Return all words of a figure."""
    figure = plot_collection.get_viz("figure")
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def shown_words(figure):
    """Return the words that are drawn: of ticks beyond the limits there are labels too."""
    words = list(figure.texts) + ([figure._suptitle] if figure._suptitle else [])
    words += [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        if axes.axison:
            words += [axes.title, axes.xaxis.label, axes.yaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                words += [tick.label1 for tick in axis._update_ticks() if tick.label1.get_visible()]
    return list(dict.fromkeys(words))


@pytest.mark.parametrize("plot", EVERY)
def test_every_visual_is_there_for_every_search(plot, tree):
    made = plot(tree)
    assert isinstance(made, PlotCollection)
    for visual in VISUALS[plot]:
        assert made.viz[visual].to_dataset().sizes["search"] == 2, visual
    words = drawn_text(made)
    assert {"digits", "mnist"} <= set(words)
    better = "lower" if tree.attrs["direction"] == "minimize" else "higher"
    if plot is not plot_effective_dim:
        assert any(f"log_loss ({better} is better)" in text for text in words)
    assert not any("not converged" in text for text in words)


@pytest.mark.parametrize("plot", EVERY)
def test_every_visual_can_be_left_out_or_changed(plot):
    tree = make_tree(make_trials(searches=TWO), chains=2, draws=20)
    made = plot(tree, visuals={**dict.fromkeys(VISUALS[plot], False), "legend": False})
    assert not set(VISUALS[plot]) & set(made.viz.children)
    last = VISUALS[plot][-1]
    made = plot(tree, visuals={last: {"color": "#123456"}, "legend": False})
    (artist, _) = made.viz[last].to_dataset().to_dataarray().to_numpy().ravel()
    assert artist.get_color() == "#123456"


@pytest.mark.parametrize("plot", EVERY)
def test_bad_sampling_is_said_in_the_picture(plot):
    tree = make_tree(chains=2, draws=20, divergences=2)
    assert any("2 divergences" in text for text in drawn_text(plot(tree)))
    made = plot(tree, visuals={"warning": False, "legend": False})
    assert not any("divergences" in text for text in drawn_text(made))


@functools.cache
def tree_of(number):
    """Return a fit of so many searches, up to five tasks for a model, with few draws."""
    searches = tuple((f"task-with-a-name-{i % 5}", f"model-{i // 5}") for i in range(number))
    return make_tree(make_trials(searches=searches), chains=2, draws=20)


@pytest.mark.parametrize(
    ("plot", "number"),
    [(plot, number) for plot in EVERY for number in (1, 20)] + [(plot_comparison, 20)],
)
def test_no_words_overlap(plot, number):
    made = plot(tree_of(number))
    figure = made.get_viz("figure")
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [
        (text.get_text(), text.get_window_extent().shrunk(0.95, 0.9))
        for text in shown_words(figure)
        if text.get_text().strip()
    ]
    for name, box in boxes:
        assert box.x0 > -2, name
        assert box.y0 > -2, name
        assert box.x1 < width + 2, name
        assert box.y1 < height + 2, name
    for place, (first, box) in enumerate(boxes):
        for second, other in boxes[place + 1 :]:
            assert not box.overlaps(other), (first, second)


def test_curves_are_those_of_the_answers(tree):
    budgets = np.array([5, 50, 500])
    made = plot_tuning_curve(tree, budgets, quantile=0.3, kind="expected")
    line = made.viz["fit_line"]["curve"].sel(search="mnist").item()
    curve = tuning_curve(tree, budgets, quantile=0.3, kind="expected").sel(search="mnist")
    np.testing.assert_array_equal(line.get_xdata(), budgets)
    np.testing.assert_allclose(line.get_ydata(), curve.mean(("chain", "draw")))
    seen = made.viz["observed"]["curve"].sel(search="mnist").item()
    expected = empirical_tuning_curve(tree, [5, 50, 120], quantile=0.3).sel(search="mnist")
    np.testing.assert_array_equal(seen.get_ydata()[:3], expected.values)
    assert np.isnan(seen.get_ydata()[3:]).all()


def test_best_seen_and_threshold_are_marked_in_score_units(tree):
    marks = plot_optimum(tree).viz["best_seen"]["best_seen"]
    for name in ("digits", "mnist"):
        assert marks.sel(search=name).item().get_xdata()[0] == best_seen(tree).sel(search=name)
    mark = plot_tail_fit(tree).viz["threshold"]["threshold"].sel(search="digits").item()
    assert mark.get_xdata()[0] == tree["constant_data"]["threshold"].sel(search="digits")


def test_observed_share_counts_failures(tree):
    line = plot_tail_fit(tree).viz["observed"]["share"].sel(search="digits").item()
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
    trials = Trials(pd.concat([*parts, single], ignore_index=True), "minimize")
    # The seeds are equal here; what counts is how many there are.
    made = plot_tail_fit(make_tree(trials, spread_of_draws=1e-6, draws=5))
    line = made.viz["fit_line"]["share"].squeeze().item()
    x, y = line.get_xdata(), line.get_ydata()
    shares = [reference_cdf(x, ALPHA, SPREAD, GAMMA, SIGMA / m**0.5) for m in (1, 4)]
    np.testing.assert_allclose(y, np.mean(shares, axis=0), atol=1e-3)
    assert np.abs(shares[0] - shares[1]).max() > 5e-3


def test_searches_on_one_task_share_the_axis():
    shared = make_tree(make_trials(searches=(("a", "x"), ("a", "y"))), draws=20)
    limits = {axes.get_xlim() for axes in plot_optimum(shared).viz["plot"].to_numpy()}
    assert len(limits) == 1
    apart = make_tree(make_trials(searches=(("a", "x"), ("b", "x"))), draws=20)
    limits = {axes.get_xlim() for axes in plot_optimum(apart).viz["plot"].to_numpy()}
    assert len(limits) == 2


@pytest.mark.parametrize("plot", EVERY)
def test_draws_into_a_given_collection(plot):
    tree = tree_of(1)
    made = plot(tree)
    number = len(plt.get_fignums())
    again = plot(tree, plot_collection=made)
    assert again is made
    assert len(plt.get_fignums()) == number


@pytest.mark.parametrize("plot", EVERY)
def test_the_empty_backend_of_arviz_works(plot, tree):
    made = plot(tree, backend="none", visuals={"legend": False})
    assert set(VISUALS[plot]) <= set(made.viz.children)


@pytest.mark.parametrize("plot", EVERY)
def test_bad_options(plot, tree):
    with pytest.raises(LeadlineError, match="ci_kind"):
        plot(tree, ci_kind="both")
    with pytest.raises(LeadlineError, match="DataTree"):
        plot(None)
