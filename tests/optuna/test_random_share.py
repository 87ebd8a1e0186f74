"""The sampler with a random share on real Optuna studies, and what the reader makes of them."""

import numpy as np
import pytest

import leadline as ll
from leadline.data.trials import RANDOM_SHARE, drawn_at_random, guided_trials
from leadline.errors import LeadlineError
from leadline.optuna import RandomShareSampler

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)

MARK = "leadline:drawn"
FLOAT = optuna.distributions.FloatDistribution(0, 1)


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    extra = trial.suggest_int("depth", 1, 8) if kind == "a" else 4
    return x * x + 0.1 * (extra - 4) ** 2


def run(trials=60, share=0.4, seed=3, base=None, **options):
    base = optuna.samplers.TPESampler(seed=1) if base is None else base
    study = optuna.create_study(sampler=RandomShareSampler(base, share, seed), **options)
    study.optimize(objective, n_trials=trials)
    return study


def marks(study):
    return [trial.user_attrs[MARK] for trial in study.trials]


def random_params(study):
    return {t.number: t.params for t in study.trials if t.user_attrs[MARK] == "random"}


def test_a_share_is_drawn_at_random_and_the_sampler_learns_from_all_trials():
    study = run(trials=80)
    drawn = marks(study)
    assert 20 < drawn.count("random") < 44
    learned = ["tpe:relative_params:0" in t.system_attrs for t in study.trials]
    # TPE draws its first ten trials at random, whoever drew the ten.
    assert learned == [mark == "guided" and i >= 10 for i, mark in enumerate(drawn)]


def test_random_draws_depend_on_the_seed_and_the_trial_alone():
    study = run()
    again = run(base=optuna.samplers.RandomSampler(seed=9))
    assert random_params(study) == random_params(again)
    assert random_params(study) != random_params(run(seed=4))
    # Without a seed two samplers differ.
    assert random_params(run(seed=None)) != random_params(run(seed=None))


def test_random_draws_fill_the_declared_space():
    sampler = RandomShareSampler(optuna.samplers.TPESampler(seed=1), share=1.0, seed=5)
    study = optuna.create_study(sampler=sampler)
    log = optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)
    for _ in range(400):
        study.tell(study.ask({"x": FLOAT, "lr": log}), 0.0)
    x, lr = np.array([[t.params["x"], t.params["lr"]] for t in study.trials]).T
    unit = (np.log10(lr) + 5) / 4
    # Means of 400 uniform draws have the sd 0.014, their correlation 0.05.
    assert abs(x.mean() - 0.5) < 0.06
    assert abs(unit.mean() - 0.5) < 0.06
    assert abs(np.corrcoef(x, unit)[0, 1]) < 0.2


def test_threads_and_a_resumed_study_make_the_same_choices():
    once = marks(run(40))
    storage = optuna.storages.InMemoryStorage()
    run(25, storage=storage, study_name="s")
    resumed = optuna.load_study(
        study_name="s",
        storage=storage,
        sampler=RandomShareSampler(optuna.samplers.TPESampler(seed=1), 0.4, 3),
    )
    resumed.optimize(objective, n_trials=15)
    assert marks(resumed) == once
    sampler = RandomShareSampler(optuna.samplers.TPESampler(seed=1), 0.4, 3)
    threaded = optuna.create_study(sampler=sampler)
    threaded.optimize(objective, n_trials=40, n_jobs=3)
    assert marks(threaded) == once


@pytest.mark.parametrize("name", ["CmaEsSampler", "NSGAIISampler", "QMCSampler", "RandomSampler"])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_it_wraps_other_samplers(name):
    options = {"CmaEsSampler": {"warn_independent_sampling": False}}.get(name, {})
    options |= {"warn_independent_sampling": False} if name == "QMCSampler" else {}
    study = run(30, base=getattr(optuna.samplers, name)(seed=1, **options))
    assert {"random", "guided"} == set(marks(study))


def test_enqueued_and_retried_trials_are_not_marked_again():
    study = optuna.create_study(
        sampler=RandomShareSampler(optuna.samplers.TPESampler(seed=1), share=1.0, seed=1)
    )
    study.enqueue_trial({"x": 0.5, "kind": "b"})
    study.enqueue_trial({"x": 0.2, "kind": "b"}, user_attrs={MARK: "guided"})
    study.optimize(objective, n_trials=3)
    assert [t.user_attrs.get(MARK) for t in study.trials] == [None, "guided", "random"]


@pytest.mark.parametrize("share", [0, 1.5, True, "half", float("nan")])
def test_a_share_is_a_probability(share):
    with pytest.raises(LeadlineError):
        RandomShareSampler(optuna.samplers.TPESampler(), share)


def test_the_base_is_a_sampler():
    with pytest.raises(TypeError):
        RandomShareSampler(0.25)


@pytest.fixture
def database(tmp_path):
    """Give the URL of an empty database and its storage, and close its connections."""
    url = f"sqlite:///{tmp_path}/study.db"
    storage = optuna.storages.RDBStorage(url)
    yield url, storage
    storage.remove_session()
    storage.engine.dispose()


@pytest.mark.parametrize("form", ["object", "storage", "frame", "file"])
def test_read_optuna_reads_the_mark(form, database, tmp_path):
    url, storage = database
    study = run(40, storage=storage if form == "storage" else None)
    options = {}
    source = study
    if form == "storage":
        source = url
    elif form in ("frame", "file"):
        source, options = study.trials_dataframe(), {"direction": "minimize"}
        if form == "file":
            source.to_csv(tmp_path / "trials.csv", index=False)
            source = tmp_path / "trials.csv"
    trials = ll.read_optuna(source, **options)
    assert trials.per_trial()["drawn"].tolist() == marks(study)
    random = drawn_at_random(trials)
    assert len(random.table) == marks(study).count("random") == 40 - guided_trials(trials)
    assert random.sampler == RANDOM_SHARE


def test_the_audit_is_about_the_random_trials():
    trials = ll.read_optuna(run(120, share=0.5))
    overall = ll.check_random_search(trials).set_index("evidence").loc["overall"]
    assert overall["verdict"] == "random"


def test_trials_before_the_sampler_was_wrapped_count_as_guided():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=20)
    study.sampler = RandomShareSampler(study.sampler, 0.5, 1)
    study.optimize(objective, n_trials=20)
    drawn = ll.read_optuna(study).per_trial()["drawn"].tolist()
    assert drawn[:20] == ["guided"] * 20
    assert "random" in drawn[20:]
    # Its random start can still be read alone.
    start = ll.read_optuna(study, random_start=10)
    assert "drawn" not in start.table
    with pytest.raises(LeadlineError):
        ll.read_optuna(study, random_start=30)


def test_studies_with_and_without_marks_join(database):
    url, storage = database
    run(20, storage=storage, study_name="shared")
    plain = optuna.create_study(
        storage=storage, study_name="plain", sampler=optuna.samplers.RandomSampler(seed=1)
    )
    plain.optimize(objective, n_trials=5)
    trials = ll.read_optuna(url, study_name=["shared", "plain"])
    assert set(trials.search("plain").table["drawn"]) == {"random"}
    assert guided_trials(trials) == guided_trials(trials.search("shared")) > 0


def test_a_study_that_learned_is_told_of_the_random_share():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=30)
    with pytest.raises(LeadlineError, match="RandomShareSampler"):
        ll.read_optuna(study)
    # A study without a single random trial is one that learned.
    with pytest.raises(LeadlineError, match="RandomShareSampler"):
        ll.read_optuna(run(20, share=1e-9))
