"""Fits of bounded scores: no interval of the optimum or of a prediction leaves the bounds."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers import simulate_losses

import leadline as ll
from leadline.data.trials import Trials

SETTINGS = {"draws": 200, "tune": 300, "chains": 2, "random_seed": 1, "progressbar": False}


def accuracies(n=60, seed=0, noise=0.01):
    """Return accuracies whose optimum is 0.995, with noise that is cut at 1."""
    rng = np.random.default_rng(seed)
    expected = 0.995 - 0.4 * rng.random(n)
    return np.minimum(expected + noise * rng.standard_normal(n), 1.0)


def table(percent=1.0, **how):
    return pd.DataFrame({"accuracy": percent * accuracies(**how)})


def read(frame):
    return ll.read_table(frame, score="accuracy", direction="maximize")


@pytest.fixture(scope="module")
def in_percent():
    return ll.fit(read(table(100.0)), bounds=(0, 100), tail_fraction=0.4, **SETTINGS)


def test_no_answer_leaves_the_bounds(in_percent):
    optimum = in_percent["posterior"]["optimum"]
    assert float(optimum.max()) <= 100.0
    assert float(optimum.max()) > 99.0
    for kind in ("measured", "expected"):
        for quantile in (0.9, "mean"):
            curve = ll.tuning_curve(in_percent, [1, 50, 10_000], kind=kind, quantile=quantile)
            assert float(curve.max()) <= 100.0 + 1e-9
    found = ll.forecast(in_percent, [10, 1000])
    assert float(found["best"].max()) <= 100.0
    best = found["best_seen"].item()
    assert float(found["gain"].max()) <= 100.0 - best + 1e-9
    summary = ll.summary(in_percent)
    assert np.isfinite(summary.select_dtypes("number")).any(axis=None)


def test_the_bounds_are_kept_in_the_provenance(in_percent):
    settings = json.loads(in_percent.attrs["settings"])
    assert settings["bounds"] == [0, 100]
    assert settings["bounds_reason"] == "asked for"


def test_the_mean_of_the_best_is_that_of_draws_cut_at_the_bound(in_percent):
    """The mean by quadrature is that of many quantiles."""
    mean = ll.tuning_curve(in_percent, [64], quantile="mean").mean()
    levels = (np.arange(200) + 0.5) / 200
    quantiles = [ll.tuning_curve(in_percent, [64], quantile=float(q)).mean() for q in levels]
    assert float(mean) == pytest.approx(np.mean(quantiles), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "scale"), [("hierarchical", "log"), ("crossed", "identity")])
def test_joint_fits_stay_inside_on_every_scale(model, scale, request):
    if scale == "log":
        # On the other scale all searches are fitted again.
        request.getfixturevalue("few_draws_suffice")
    frames = [
        table(seed=seed, n=40).assign(task=task, model=name)
        for seed, (task, name) in enumerate([(t, m) for t in "ab" for m in "xy"])
    ]
    trials = ll.read_table(
        pd.concat(frames, ignore_index=True),
        score="accuracy",
        direction="maximize",
        task="task",
        model="model",
    )
    tree = ll.fit(trials, model, tail_fraction=0.4, scale=scale, **SETTINGS)
    assert json.loads(tree.attrs["settings"])["bounds"] == [0, 1]
    assert float(tree["posterior"]["optimum"].max()) <= 1.0
    assert float(tree["posterior"]["optimum"].max()) > 0.99
    assert any("between 0 and 1" in note for note in json.loads(tree.attrs["notes"]))


def test_without_a_bound_the_fit_is_the_same():
    """A lower bound of scores to maximise does not limit the optimum."""
    trials = Trials(
        read(table()).table, "maximize", metric="utility", source="bounded", sampler=None
    )
    free, low = (
        ll.fit(trials, bounds=bounds, tail_fraction=0.4, **SETTINGS) for bounds in (None, (0, None))
    )
    np.testing.assert_array_equal(free["posterior"]["optimum"], low["posterior"]["optimum"])


@pytest.mark.slow
def test_the_optimum_is_recovered_at_the_bound():
    """Intervals of 80 % hold the true optimum as often as they should."""
    rng = np.random.default_rng(8)
    ranks = []
    for number in range(40):
        # Errors whose optimum is near the bound 0, for a third of them within the noise of it.
        optimum = 0.06 * rng.random()
        _, losses = simulate_losses(200, number, (optimum, 1.0, 2.0, 0.02))
        tree = ll.fit(
            ll.from_scores(np.maximum(losses, 0.0), direction="minimize"),
            bounds=(0, None),
            resolution=0,
            tail_fraction=0.3,
            **SETTINGS,
        )
        draws = tree["posterior"]["optimum"].to_numpy().ravel()
        assert draws.min() >= 0.0
        ranks.append((draws < optimum).mean())
    # 80 % intervals hold 32 of 40 on average, and 26 or more with a probability of 0.99.
    inside = np.sum((np.array(ranks) > 0.1) & (np.array(ranks) < 0.9))
    assert inside >= 26
