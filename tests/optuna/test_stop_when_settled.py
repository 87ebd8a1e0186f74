"""The callback on real Optuna studies, with simulated posteriors in place of sampled ones."""

import importlib
import logging

import numpy as np
import pytest
from helpers import make_tree

from leadline.errors import LeadlineError
from leadline.optuna import StopWhenSettled

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1)
    if trial.number % 17 == 3:
        raise optuna.TrialPruned
    noise = 0.02 * np.random.default_rng(trial.number).standard_normal()
    return 0.2 + 0.3 * (x * x + y * y) + noise


@pytest.fixture
def no_sampling(monkeypatch):
    """Put a made-up posterior in place of the fit; return the trials of each call."""
    calls = []

    def fake(trials, **settings):
        calls.append((trials, settings))
        return make_tree(trials, tail_fraction=0.4, draws=400)

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    return calls


def random_study(**options):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=2), **options)


def test_a_study_stops_when_the_next_trials_would_gain_too_little(no_sampling):
    settled = StopWhenSettled(minimum_gain=0.05, check_every=30, trials=20)
    study = random_study()
    study.optimize(objective, n_trials=200, callbacks=[settled])
    assert len(study.trials) == settled.history[-1][0] < 200
    assert settled.history[-1][1].stop
    assert [count for count, _ in settled.history] == list(range(30, 30 * len(no_sampling) + 1, 30))
    assert no_sampling[0][1]["random_seed"] == 0
    assert str(no_sampling[0][0]).startswith("30 trials: 28 complete")


def test_it_goes_on_while_there_is_something_to_gain(no_sampling):
    settled = StopWhenSettled(minimum_gain=1e-4, probability=0.01, check_every=25)
    study = random_study()
    study.optimize(objective, n_trials=60, callbacks=[settled])
    assert len(study.trials) == 60
    assert [count for count, _ in settled.history] == [25, 50]
    assert not any(advice.stop for _, advice in settled.history)
    # Early trials are not checked.
    settled = StopWhenSettled(minimum_gain=0.05, check_every=5)
    random_study().optimize(objective, n_trials=19, callbacks=[settled])
    assert settled.history == []


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("sampler", "assume_random", "model"),
    [
        (optuna.samplers.TPESampler, False, "surface"),
        (optuna.samplers.TPESampler, True, "auto"),
        (optuna.samplers.RandomSampler, False, "auto"),
    ],
)
def test_a_surface_is_fitted_where_the_sampler_learns(no_sampling, sampler, assume_random, model):
    study = optuna.create_study(sampler=sampler(seed=1))
    settled = StopWhenSettled(minimum_gain=0.05, assume_random=assume_random)
    study.optimize(objective, n_trials=25, callbacks=[settled])
    ((_, settings),) = no_sampling
    assert settings.get("model", "auto") == model
    assert len(settled.history) == 1


@pytest.mark.slow
def test_a_study_of_a_sampler_that_learns_stops_at_its_optimum():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    settled = StopWhenSettled(minimum_gain=0.1, check_every=50)
    study.optimize(objective, n_trials=60, callbacks=[settled])
    assert settled.history[-1][1].stop
    assert len(study.trials) == 50


def test_several_objectives_are_refused():
    study = random_study(directions=["minimize", "maximize"])
    with pytest.raises(LeadlineError, match=r"one objective.* 2"):
        study.optimize(lambda trial: (0.0, 1.0), n_trials=3, callbacks=[StopWhenSettled(0.1)])


def test_a_check_that_cannot_be_made_does_not_end_the_study(caplog):
    settled = StopWhenSettled(0.05, check_every=20)
    study = random_study()
    with caplog.at_level(logging.WARNING, "leadline"):
        study.optimize(lambda trial: float("nan"), n_trials=22, callbacks=[settled])
    assert len(study.trials) == 22
    assert "20 trials" in caplog.text


def test_wrong_options_are_refused():
    wrong = {"minimum_gain": -1, "probability": 2, "check_every": 0, "trials": 2.5}
    for option, value in wrong.items():
        with pytest.raises(LeadlineError, match=option):
            StopWhenSettled(**{"minimum_gain": 0.1, option: value})
