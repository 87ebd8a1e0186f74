"""`fit(model="surface")`: its options, and one small real fit."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree
from helpers_surface import CHAINS, DRAWS, made_draws
from helpers_surface import learned as made_trials

import leadline as ll
from leadline.data.surface_scores import surface_scores
from leadline.data.surface_trials import surface_trials
from leadline.errors import LeadlineError
from leadline.inference import fit_surface
from leadline.inference.fit_surface import _surface
from leadline.inference.sampler import Sampler
from leadline.inference.surface_and_law import fit_surface_and_law
from leadline.stats.diagnostics import diagnose
from leadline.stats.surface_paths import PARAMETERS


def learned(n=45, direction="minimize"):
    """Return trials that gather around an optimum of 0.2 at x = 0.3, as of a sampler that learns.

    `opt` adds 0.3 for sgd, `y` does nothing.
    """
    generator = np.random.default_rng(4)
    width = np.linspace(1.0, 0.1, n)
    x = np.clip(0.3 + 0.7 * width * generator.uniform(-1, 1, n), 0, 1)
    y = generator.random(n)
    opt = np.where(generator.random(n) < 0.5 * width, "sgd", "adam")
    loss = 0.2 + 3 * (x - 0.3) ** 2 + 0.3 * (opt == "sgd") + 0.02 * generator.normal(size=n)
    score = loss if direction == "minimize" else 1 - loss
    table = pd.DataFrame({"score": score, "param:x": x, "param:y": y, "param:opt": opt})
    space = {"x": ("uniform", 0.0, 1.0), "y": ("uniform", 0.0, 1.0)}
    space["opt"] = ("categorical", "adam", "sgd")
    return ll.Trials(table, direction, sampler="TPESampler", distributions=space)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.4},
        {"tail_fraction": 0.2},
        {"priors": ll.Priors()},
        {"effective_dim": "integer"},
        {"resolution": 0.01},
        {"scale": "cubic"},
    ],
)
def test_options_of_the_law_are_refused(options):
    with pytest.raises(LeadlineError, match=next(iter(options))):
        ll.fit(learned(), model="surface", **options)


def test_reported_bests_are_refused():
    reports = pd.DataFrame({"score": [0.2], "best_of": [50]})
    with pytest.raises(LeadlineError, match="reported"):
        ll.fit(ll.Trials(learned().table, "minimize", reports=reports), model="surface")


def test_a_search_without_hyperparameters_is_refused():
    with pytest.raises(LeadlineError, match="hyperparameters"):
        ll.fit(ll.from_scores(np.arange(30.0), direction="minimize"), model="surface")


def test_noise_is_told_by_the_seeds_of_good_trials():
    # The same noise in scores is smaller in their logs where they are bad.
    one = learned().table
    noise = 0.02 * np.random.default_rng(1).normal(size=(3, len(one)))
    tables = [
        one.assign(trial=np.arange(len(one)), replicate=seed, score=one["score"] + own)
        for seed, own in enumerate(noise)
    ]
    trials = dataclasses.replace(learned(), table=pd.concat(tables, ignore_index=True))
    search = surface_trials(trials, np.random.default_rng(0))
    scores = surface_scores(search.scores, search.sign, "log", "s")
    surface = _surface(search, scores)
    loss = surface["loss"].to_numpy()
    assert (loss[surface["seed_trial"]] <= np.median(loss)).all()
    assert surface.sizes["repeated_trial"] == (len(one) + 1) // 2


class Walks:
    """A compiled model whose chains of 500 draws are random walks, and longer ones independent."""

    def __init__(self, sampler):
        self.sampler = sampler
        self.with_sampler = Walks

    def with_data(self, data):
        return self

    def sample(self, seed):
        generator = np.random.default_rng(seed)
        shape = 2, self.sampler.draws
        posterior = {}
        for name in PARAMETERS:
            own = (*shape, 1) if name == "relevance" else shape
            values = generator.normal(size=own)
            dims = ("chain", "draw", "hyperparameter")[: len(own)]
            posterior[name] = dims, values.cumsum(axis=1) if shape[1] == 500 else values
        diverging = ("chain", "draw"), np.zeros(shape, dtype=bool)
        groups = {
            "posterior": xr.Dataset(posterior),
            "sample_stats": xr.Dataset({"diverging": diverging}),
        }
        return xr.DataTree.from_dict(groups)


@pytest.mark.parametrize(("extended", "draws"), [(True, 4000), (False, 500)])
def test_a_surface_that_has_not_converged_is_sampled_again_with_more_draws(
    extended, draws, monkeypatch
):
    sampler = Sampler(draws=500, extended=extended)
    monkeypatch.setattr(fit_surface, "compiled_model", lambda *_: Walks(sampler))
    monkeypatch.setattr(fit_surface.surface_model, "data_of", lambda _: {})
    monkeypatch.setattr(fit_surface.surface_model, "structure", lambda _: ())
    surface = xr.Dataset(coords={"hyperparameter": ["x"]})
    found, statistics = fit_surface._sample(surface, None, sampler, np.random.SeedSequence(1))
    assert found.sizes["draw"] == statistics.sizes["draw"] == draws
    assert diagnose(found, statistics).ok == extended


def test_the_draws_that_were_made_and_failed_checks_of_the_law_are_recorded(monkeypatch):
    def fit_law(search, *_, **__):
        law = make_tree(search, draws=4)
        law.attrs["failed_checks"] = json.dumps(["regime fit"])
        return law

    monkeypatch.setattr(fit_surface, "_sample", made_draws)
    sampling = {"draws": 500, "tune": 300, "chains": CHAINS, "nuts_sampler": "auto"}
    sampling |= {"random_seed": 1, "extended": True}
    made = fit_surface_and_law(made_trials(), "identity", sampling, False, [], fit_law)
    assert json.loads(made.attrs["settings"])["draws"] == DRAWS
    notes = json.loads(made.attrs["notes"])
    assert any("law beside the surface: 1 check failed: regime fit" in note for note in notes)


SETTINGS = {"draws": 100, "tune": 150, "chains": 2, "random_seed": 1, "progressbar": False}


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_optimum_and_its_place_are_found(direction, tmp_path):
    fit = ll.fit(learned(direction=direction), model="surface", **SETTINGS)
    sign = 1 if direction == "minimize" else -1
    optimum = 0.2 if direction == "minimize" else 0.8
    posterior = fit["posterior"].dataset
    assert posterior["optimum"].dims == ("chain", "draw", "search")
    low, high = posterior["optimum"].quantile([0.01, 0.99]).to_numpy()
    assert low < optimum < high
    assert high - low < 0.1
    assert posterior["noise_sd"].median() == pytest.approx(0.02, rel=0.5)
    again = sign * (posterior["best_seen_expected"] - optimum)
    assert -0.03 < again.median() < 0.05
    settings = json.loads(fit.attrs["settings"])
    assert settings["model"] == "surface"
    # A saved file is enough for the answers.
    fit.to_netcdf(tmp_path / "fit.nc")
    stored = xr.open_datatree(tmp_path / "fit.nc")
    table = ll.summary(stored)
    pd.testing.assert_frame_equal(table, ll.summary(fit))
    assert table.attrs["calibration"]
    place = ll.best_setting(stored)
    assert place.loc["x", "lower"] < 0.3 < place.loc["x", "upper"]
    assert place.loc["opt", "value"] == "adam"
    assert place.loc["x", "tuning_gain"] > 10 * place.loc["y", "tuning_gain"]
    assert 1.0 - place.loc["x", "p_matters"] < 0.05 > place.loc["y", "p_matters"]
    again = ll.fit(learned(direction=direction), model="surface", **SETTINGS)
    xr.testing.assert_identical(again["posterior"].dataset, posterior)
    xr.testing.assert_identical(ll.forecast(stored, 10), ll.forecast(again, 10))
    assert set(ll.check(stored)["check"]) > {"R-hat", "surface fit, leave-one-out"}
    # No law is fitted to a search that learned.
    assert "effective_dim" not in posterior
    stored.close()


@pytest.mark.slow
def test_the_law_of_a_random_search_stands_beside_its_surface():
    generator = np.random.default_rng(3)
    x, y = generator.random((2, 80))
    loss = 0.2 + (x - 0.3) ** 2 + 0.3 * (y - 0.6) ** 2 + 0.02 * generator.normal(size=80)
    table = pd.DataFrame({"score": loss, "param:x": x, "param:y": y})
    space = {"x": ("uniform", 0.0, 1.0), "y": ("uniform", 0.0, 1.0)}
    trials = ll.Trials(table, "minimize", sampler="RandomSampler", distributions=space)
    fit = ll.fit(trials, model="surface", **SETTINGS)
    beside = fit["posterior"].dataset["effective_dim"]
    assert beside.dims == ("chain", "draw", "search")
    assert 1.0 <= float(beside.mean()) <= 2.5
    assert "the law" in ll.summary(fit).attrs["settings"][-1]
    assert float(fit["posterior"]["law_optimum"].mean()) == pytest.approx(0.2, abs=0.05)
    assert "for comparison, the law" in ll.summary(fit).attrs["settings"][0]
    # Its numbers are those of the law alone.
    alone = ll.fit(trials, random_seed=SETTINGS["random_seed"], progressbar=False)
    xr.testing.assert_equal(
        fit["laws"]["law_optimum"].drop_vars("search"),
        alone["posterior"]["optimum"]
        .rename("law_optimum")
        .reset_coords(drop=True)
        .drop_vars("search"),
    )
    assert (
        f"{float(alone['posterior']['optimum'].mean()):.2f}" in ll.summary(fit).attrs["settings"][0]
    )
