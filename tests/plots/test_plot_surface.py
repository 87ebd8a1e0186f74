"""The picture of a surface, and the other pictures that take one."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from helpers import make_tree
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.cli.results_folder import write_pictures
from leadline.errors import LeadlineError
from leadline.plots import plot_surface
from leadline.plots.backends import backend_module
from leadline.plots.gallery import PICTURES, pages_of, pictures_of


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_numbers_are_those_of_the_answers(direction):
    tree = make_surface_tree(direction=direction)
    numbers, settings = ll.surface_numbers(tree, ci_prob=0.8), ll.best_setting(tree, ci_prob=0.8)
    assert numbers["hyperparameter"].to_numpy().tolist() == settings.index.tolist()
    lr = numbers.sel(hyperparameter="lr")
    assert bool(lr["log"])
    assert 10.0 ** float(lr["together"]) == pytest.approx(settings.loc["lr", "together"])
    assert (lr["lower"] <= lr["expected"]).all()
    assert (lr["expected"] <= lr["upper"]).all()
    sign = 1.0 if direction == "minimize" else -1.0
    at = float(lr["position"][int((sign * lr["expected"]).to_numpy().argmin())])
    assert at == pytest.approx(float(lr["together"]), abs=0.2)
    best = float((sign * lr["expected"]).min())
    assert best == pytest.approx(sign * ll.summary(tree)["optimum"].item(), abs=0.03)
    assert (10.0 ** lr["trial_position"]).min() > 0.9e-4
    assert numbers.sizes["trial"] == 44
    opt = numbers.sel(hyperparameter="opt")
    assert str(opt["choices"].item()).split("\n") == ["adam", "sgd"]
    assert np.isfinite(opt["expected"]).sum() == 2
    assert numbers["expected"].sel(hyperparameter="momentum").isnull().all()


@pytest.mark.parametrize("backend", ["matplotlib", "plotly", "bokeh", "none"])
def test_it_is_drawn_on_every_backend(backend):
    for package in {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}.get(backend, ()):
        pytest.importorskip(package)
    made = ll.plot_surface(make_surface_tree(), backend=backend)
    drawn = made.viz["expected"]
    assert drawn.sizes["hyperparameter"] == 4
    without = ll.plot_surface(
        make_surface_tree(), backend=backend, visuals={"trials": False, "legend": False}
    )
    assert "trials" not in without.viz


def test_panels_name_what_matters():
    figure = ll.plot_surface(make_surface_tree(), backend="matplotlib").get_viz("figure")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[0] == "lr (matters:\N{NO-BREAK SPACE}>\N{NO-BREAK SPACE}99\N{NO-BREAK SPACE}%)"
    assert any("momentum (inactive)" in title for title in titles)
    assert figure.axes[0].get_ylim()[0] < 0.2


@pytest.mark.parametrize("name", ["optimum", "forecast", "surface"])
def test_pictures_of_a_surface(name):
    tree = make_surface_tree()
    assert name in pictures_of(tree)
    PICTURES[name](tree, backend="matplotlib")


def test_the_optimum_is_in_the_forecast_of_a_surface():
    numbers = ll.forecast_numbers(make_surface_tree(), [1, 10])
    assert numbers["optimum"].item() == pytest.approx(0.2, abs=0.03)
    made = ll.plot_forecast(make_surface_tree(), [1, 10, 100], backend="matplotlib")
    assert {"optimum", "best_seen_expected"} <= set(made.viz)
    assert (numbers["best_seen_expected"] > numbers["optimum"]).all()


def test_a_lucky_best_seen_leaves_the_other_lines_on_the_axis_of_the_forecast():
    tree = make_surface_tree()
    numbers = ll.forecast_numbers(tree, [10, 200])
    constant = tree["constant_data"].to_dataset()
    scores = constant["trial_score"].copy()
    # The better end of the band is hardly beyond the best seen.
    scores[int(np.nanargmin(scores.to_numpy()))] = float(numbers["lower"].min()) + 1e-4
    tree["constant_data"] = xr.DataTree(constant.assign(trial_score=scores))
    numbers = ll.forecast_numbers(tree, [10, 200])
    ll.plot_forecast(tree, [10, 200], backend="matplotlib")
    low, high = plt.gca().get_ylim()
    for name in ("optimum", "best_seen_expected", "best_seen"):
        assert low < numbers[name].item() < high
    assert low < numbers["median"].isel(trials=-1).item() < high


@pytest.mark.parametrize("trials", [None, [50]])
def test_a_forecast_has_the_numbers_of_its_table_on_both_axes(trials):
    tree = make_surface_tree()
    constant = tree["constant_data"].to_dataset()
    scores = constant["trial_score"].copy()
    # A best seen that no number of trials reaches.
    scores[int(np.nanargmin(scores.to_numpy()))] = 0.1
    tree["constant_data"] = xr.DataTree(constant.assign(trial_score=scores))
    ll.plot_forecast(tree, trials, backend="matplotlib")
    axes = plt.gca()
    assert axes.get_xlim()[0] <= 10
    median = ll.forecast_numbers(tree, [10])["median"].item()
    low, high = axes.get_ylim()
    # The median, and no more of the band than the lines leave room for.
    assert low < 0.1 < median < high < median + 0.1 * (median - 0.1)
    plt.close("all")


def test_several_searches_have_a_picture_of_a_surface_each(tmp_path, monkeypatch):
    two = make_surface_tree((("a", "x/y"), ("a", "x y")))
    assert {"surface", "comparison"} <= set(pictures_of(two))
    write_pictures(two, tmp_path, ["surface"], ending="svg")
    assert {path.name for path in tmp_path.iterdir()} == {
        "surface-1-x-y.svg",
        "surface-2-x-y.svg",
    }
    pages = list(pages_of("surface", two).values())
    assert [page["search"] for page in pages] == ["x/y", "x y"]
    # The caption says which one it is.
    assert "search x/y" in (tmp_path / "surface-1-x-y.svg").read_text(encoding="utf-8")
    monkeypatch.setattr("leadline.plots.gallery.PER_PAGE", 1)
    assert "surface" not in pictures_of(two)


def test_what_has_no_surface_is_refused():
    assert "surface" not in pictures_of(make_tree(draws=4))
    two = make_surface_tree((("a", "x"), ("a", "y")))
    with pytest.raises(LeadlineError, match="'x'"):
        ll.plot_surface(two)
    with pytest.raises(LeadlineError, match="surface"):
        ll.plot_surface(make_tree(draws=4))
    with pytest.raises(LeadlineError, match="surface"):
        ll.plot_tail_fit(two)
    with pytest.raises(LeadlineError, match="this picture needs"):
        ll.plot_threshold(two)


@pytest.mark.parametrize(("direction", "side"), [("minimize", "above"), ("maximize", "below")])
def test_trials_beyond_the_axis_are_marked_at_its_end(direction, side, monkeypatch):
    tree = make_surface_tree(direction=direction)
    score = ll.surface_numbers(tree)["trial_score"].to_numpy()
    ends = tuple(np.sort(np.quantile(score, [0.0, 0.8] if side == "above" else [0.2, 1.0])))
    monkeypatch.setattr(plot_surface, "score_limits", lambda *_: ends)
    figure = ll.plot_surface(tree, backend="matplotlib").get_viz("figure")
    outside = int(((score < ends[0]) | (score > ends[1])).sum())
    texts = [text.get_text() for own in figure.legends for text in own.get_texts()]
    assert f"{outside} trials {side} the axis" in texts
    drawn = [own.get_offsets() for own in figure.axes[0].collections if own.get_offsets().size > 2]
    for points in drawn[:2]:
        y = points[:, 1][np.isfinite(points[:, 1].astype(float))]
        assert ((y >= ends[0]) & (y <= ends[1])).all()


@pytest.mark.parametrize("log", [True, False])
def test_ticks_are_values_that_were_tried_or_whole_numbers(log):
    numbers = ll.surface_numbers(make_surface_tree()).sel(hyperparameter=["lr", "y"])
    n = numbers.sizes["trial"]
    few = np.resize(np.log10([64, 128, 256, 512]) if log else [1, 2, 3, 8], n)
    whole = np.resize(np.arange(2, 11), n)
    position = np.stack(
        [np.linspace(own.min(), own.max(), numbers.sizes["point"]) for own in (few, whole)]
    )
    numbers["position"] = ("hyperparameter", "point"), position
    numbers["trial_position"] = ("hyperparameter", "trial"), np.stack([few, whole])
    numbers["log"] = ("hyperparameter", [log, False])
    figure = plt.figure()
    picture = SimpleNamespace(module=backend_module("matplotlib"))
    ticks = []
    for axes, name in zip(figure.subplots(2), ("lr", "y"), strict=True):
        plot_surface._label_values(picture, axes, numbers.sel(hyperparameter=name))
        ticks.append([own.get_text() for own in axes.get_xticklabels()])
    assert ticks[0] == (["64", "128", "256", "512"] if log else ["1", "3", "8"])
    assert ticks[1] == ["2", "4", "6", "8", "10"]
    plt.close("all")


def test_the_density_of_few_draws_has_no_step_at_its_ends():
    density = ll.optimum_numbers(make_surface_tree())["density"]
    assert float(density.isel(point=[0, -1]).max()) < 0.02


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_marked_is_what_the_advice_says_to_run(keep):
    tree = make_surface_tree()
    posterior = tree["posterior"].dataset
    again = posterior["best_seen_expected"] + (-1.0 if keep else 1.0)
    tree["posterior"] = posterior.assign(best_seen_expected=again)
    settings, numbers = ll.best_setting(tree), ll.surface_numbers(tree)
    assert settings.attrs["keep_best"] == keep
    best = numbers["trial_position"].isel(trial=int(numbers["trial_score"].argmin("trial")))
    assert numbers["best_trial"].sel(hyperparameter="lr") == best.sel(hyperparameter="lr")
    made = ll.plot_surface(tree, backend="matplotlib")
    for name in ("lr", "y", "opt"):
        line = made.viz["best"].to_dataset()["best"].sel(hyperparameter=name).item()
        wanted = numbers["best_trial" if keep else "together"].sel(hyperparameter=name)
        assert line.get_xdata()[0] == float(wanted)
    (legend,) = made.get_viz("figure").legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert any(own.startswith("best trial") for own in labels) == keep
    assert ("best setting" in labels) != keep


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_slice_that_goes_far_leaves_the_good_part_on_the_axis(direction):
    tree = make_surface_tree(direction=direction)
    numbers = ll.surface_numbers(tree)
    sign = 1.0 if direction == "minimize" else -1.0
    trials = sign * numbers["trial_score"].to_numpy()
    # One end of a number is far worse than all trials, as where a learning rate is too small.
    far = numbers.copy(deep=True)
    far["expected"].loc[{"hyperparameter": "lr", "point": 0}] = sign * 100.0
    low, high = sorted(sign * end for end in plot_surface.score_limits(far, tree))
    assert low < trials.min()
    assert np.median(trials) < high < trials.max() + 1.0
    assert np.mean(trials <= high) >= 0.9
    # The mark of a choice has no line that leads to it.
    far["expected"].loc[{"hyperparameter": "opt", "point": 1}] = sign * 50.0
    assert max(sign * end for end in plot_surface.score_limits(far, tree)) > 50.0
