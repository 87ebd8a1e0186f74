"""Studies that Optuna itself wrote, to every storage, and what is made of their trials.

`.ci/run` starts a PostgreSQL server and names it in LEADLINE_POSTGRES.
"""

import dataclasses
import os
import pickle
from contextlib import contextmanager, nullcontext

import numpy as np
import optuna
import pytest
from helpers_readers import Trap, digests, refused
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from leadline.io.databases import open_database
from leadline.io.optuna import read_optuna
from leadline.io.records import join_searches
from leadline.search_audit.random_search import check_random_search, validate_random_search

pytestmark = pytest.mark.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
samplers = optuna.samplers


def bowl(trial):
    lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
    width = trial.suggest_int("width", 16, 128, step=16)
    act = trial.suggest_categorical("act", ["relu", None, True])
    trial.suggest_int("epochs", 3, 3)
    trial.set_user_attr("seed", trial.number % 7)
    return np.log10(lr) ** 2 + width / 100 + (act == "relu")


def eventful(trial):
    """Fail, diverge or be pruned by turns."""
    loss = bowl(trial)
    for number, result in {1: float("nan"), 2: float("inf"), 4: None}.items():
        if trial.number == number:
            return result
    if trial.number == 3:
        trial.report(-100.0, step=1)
        raise optuna.TrialPruned
    if trial.number == 5:
        raise RuntimeError("out of memory")
    return loss


def study(storage=None, name="digits", objective=eventful, n=12, seed=1, sampler=None, **options):
    sampler = sampler or samplers.RandomSampler(seed=seed)
    made = optuna.create_study(storage=storage, study_name=name, sampler=sampler, **options)
    made.optimize(objective, n_trials=n, catch=(RuntimeError,))
    return made


@contextmanager
def database(path, url=None):
    """Give a storage in an SQLite file or at a URL, and close it; Optuna does not reliably."""
    storage = optuna.storages.RDBStorage(url or f"sqlite:///{path}")
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def journal(path):
    return JournalStorage(JournalFileBackend(str(path)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the same study in an SQLite database and in a journal."""
    path = tmp_path_factory.mktemp("optuna")
    original = study()
    original.ask()
    with database(path / "study.db") as storage:
        for target in (storage, journal(path / "journal.log")):
            optuna.copy_study(
                from_study_name="digits", from_storage=original._storage, to_storage=target
            )
    return path


def check_eventful(trials):
    assert str(trials) == "13 trials: 7 complete, 4 failed, 1 pruned, 1 running"
    assert (trials.direction, trials.metric) == ("minimize", "value")
    table = trials.table
    first = ["complete", "failed", "failed", "pruned", "failed", "failed"]
    assert table["status"].tolist()[:6] == first
    assert table["score"].isna().tolist()[:6] == [status != "complete" for status in first]
    assert (trials.per_trial()["score"].dropna() >= 0).all()
    assert "pruned" in " ".join(trials.notes)
    assert table["task"].unique().tolist() == ["digits"]
    assert trials.params == ["param:act", "param:lr", "param:width"]
    assert table["order"].tolist() == list(range(13))
    assert (table["cost"].dropna() >= 0).all()
    assert any("never varied" in note and "epochs" in note for note in trials.notes)
    assert {"relu", "(None)", True} == set(table["param:act"][:12])
    assert trials.distributions == {
        "lr": ("log-uniform", 1e-4, 1.0),
        "width": ("integer", 16, 128, 16),
        "act": ("categorical", "relu", "(None)", True),
    }


@pytest.mark.parametrize("form", ["sqlite:///{}/study.db", "{}/study.db", "{}/journal.log"])
def test_every_storage_gives_the_same_table_and_stays_as_it_was(folder, form):
    before = digests(folder)
    check_eventful(read_optuna(form.format(folder)))
    assert digests(folder) == before


def test_a_study_object_gives_the_same_table_as_its_storage(folder):
    stored = read_optuna(f"sqlite:///{folder}/study.db")
    with database(folder / "study.db") as storage:
        trials = read_optuna(optuna.load_study(study_name=None, storage=storage))
    check_eventful(trials)
    assert trials.table.equals(stored.table)
    assert trials.table.equals(read_optuna(folder / "journal.log").table)
    # Every reloaded study says TPE, one at hand says what it ran with.
    assert trials.sampler is None
    assert read_optuna(study(n=6)).sampler == "RandomSampler"


def test_a_storage_of_several_studies_lists_them(tmp_path):
    url = f"sqlite:///{tmp_path}/two.db"
    with database(tmp_path / "two.db") as storage:
        for name in ("digits", "wine"):
            optuna.create_study(storage=storage, study_name=name, direction="maximize")
    with refused("'digits', 'wine'", "study_name"):
        read_optuna(url)
    with refused("'mnist'", "'digits', 'wine'"):
        read_optuna(url, study_name="mnist")
    with refused("study 'wine'"):
        read_optuna(url, study_name="wine")
    with database(tmp_path / "two.db") as storage:
        wine = optuna.load_study(study_name="wine", storage=storage)
        wine.add_trial(optuna.trial.create_trial(value=0.5))
    trials = read_optuna(url, study_name="wine")
    assert (str(trials), trials.direction) == ("1 trial: 1 complete, 0 failed", "maximize")


@pytest.mark.parametrize(
    ("name", "options", "first"),
    [
        ("TPESampler", {}, 10),
        ("CmaEsSampler", {"warn_independent_sampling": False}, 1),
        ("NSGAIISampler", {"population_size": 5}, 5),
    ],
)
def test_a_study_that_learned_is_refused_and_its_random_start_can_be_read(name, options, first):
    if name == "CmaEsSampler":
        pytest.importorskip("cmaes")
    learned = study(objective=plane, n=14, sampler=getattr(samplers, name)(seed=1, **options))
    with refused(name, "14 trials", "assume_random=True", "model='surface'", "RandomShareSampler"):
        read_optuna(learned)
    trials = read_optuna(learned, random_start=first)
    assert trials.counts()["trials"] == first
    assert trials.sampler == "random start"
    assert f"the first {first} of 14" in " ".join(trials.notes)
    with refused(f"first {first} trials", f"random_start={first + 1}"):
        read_optuna(learned, random_start=first + 1)
    every = read_optuna(learned, assume_random=True)
    assert every.counts()["trials"] == 14
    assert every.sampler == name


def plane(trial):
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)


def test_a_random_start_that_can_be_fitted_is_offered():
    sampler = samplers.TPESampler(seed=1, n_startup_trials=25)
    with refused("the first 25 trials, with random_start=25"):
        read_optuna(study(objective=plane, n=30, sampler=sampler))


def test_a_sampler_that_leaves_no_trace_is_found_by_the_declared_space():
    learned = study(objective=plane, n=60, sampler=samplers.TPESampler(seed=1, multivariate=False))
    trials = read_optuna(learned)
    assert trials.sampler is None
    with refused("looks model-based", "model='surface'", "assume_random=True"):
        validate_random_search(trials)
    found = check_random_search(trials)
    row = found[(found["evidence"] == "distribution") & (found["parameter"] == "x")].iloc[0]
    assert "0 to 1" in row["advice"]
    assert len(read_optuna(learned, random_start=10).table) == 10
    drawn = read_optuna(study(objective=plane, n=60))
    assert validate_random_search(drawn) == []


def test_grids_and_quasi_random_designs_are_told(tmp_path):
    grid = samplers.GridSampler({"x": [0, 0.5], "y": [0, 0.5, 1]}, seed=1)
    assert read_optuna(study(objective=plane, n=6, sampler=grid)).sampler == "GridSampler"
    url = f"sqlite:///{tmp_path}/qmc.db"
    sampler = samplers.QMCSampler(seed=1, warn_independent_sampling=False)
    with database(tmp_path / "qmc.db") as storage:
        study(storage, objective=plane, n=4, sampler=sampler)
    assert read_optuna(url).sampler == "QMCSampler"


def test_enqueued_trials_were_not_drawn_but_repeats_of_a_trial_are_replicates():
    made = study(n=0)
    made.enqueue_trial({"x": 0.5, "y": 0.5})
    noisy = iter(np.arange(100.0))

    def objective(trial):
        return plane(trial) + next(noisy)

    made.optimize(objective, n_trials=9)
    for _ in range(2):
        made.enqueue_trial(made.trials[3].params)
    made.optimize(objective, n_trials=2)
    trials = read_optuna(made)
    assert "1 enqueued trial left out" in " ".join(trials.notes)
    assert str(trials) == "8 trials (10 evaluations): 8 complete, 0 failed"
    repeated = trials.table[trials.table["trial"] == 3]
    assert repeated["replicate"].tolist() == [1, 2, 3]
    assert any("replicates of it" in note for note in trials.notes)


def test_a_named_seed_tells_replicates_apart():
    made = study(n=0)
    space = {"k": optuna.distributions.IntDistribution(0, 9)}
    for number in range(12):
        own = {"params": {"k": number // 3}, "user_attrs": {"seed": number % 3}}
        made.add_trial(optuna.create_trial(value=float(number), distributions=space, **own))
    alone = read_optuna(made)
    assert len(alone.per_trial()) == 12
    assert "name them with replicate" in " ".join(alone.notes)
    together = read_optuna(made, replicate="seed")
    assert str(together) == "4 trials (12 evaluations): 4 complete, 0 failed"
    assert together.per_trial()["replicates"].tolist() == [3] * 4
    with refused("'sed'", "'seed'", "replicate"):
        read_optuna(made, replicate="sed")
    made.add_trial(made.trials[0])
    with refused("trials 0 and 12", "seed '0'"):
        read_optuna(made, replicate="seed")


def test_copied_scores_are_no_replicates():
    made = study(n=0)
    made.optimize(plane, n_trials=8)
    made.add_trial(made.trials[0])
    trials = read_optuna(made)
    assert len(trials.per_trial()) == 9
    assert "same score" in " ".join(trials.notes)


def test_an_objective_of_several_is_chosen_by_number_or_name(tmp_path):
    url = f"sqlite:///{tmp_path}/two.db"
    with database(tmp_path / "two.db") as storage:
        made = study(storage, objective=both, n=3, directions=["minimize", "maximize"])
        with refused("2 objectives, 0, 1", "score"):
            read_optuna(url)
        assert (read_optuna(url, score=1).table["score"] < 0).all()
        made.set_metric_names(["loss", "gain"])
        assert read_optuna(made, score="loss").metric == "loss"
    trials = read_optuna(url, score="gain")
    assert (trials.metric, trials.direction) == ("gain", "maximize")
    for wrong in ("cost", 2, -1):
        with refused(repr(wrong), "'loss', 'gain'"):
            read_optuna(url, score=wrong)
    with refused("direction='maximize'", "'minimize'"):
        read_optuna(url, score="loss", direction="maximize")


def both(trial):
    return plane(trial), -plane(trial)


def test_violated_constraints_are_failures():
    made = study(objective=plane, n=4)
    for number in (1, 2):
        trial_id = made.trials[number]._trial_id
        frozen = made._storage.get_trial(trial_id)
        frozen.system_attrs["constraints"] = [1.0 - number, number - 1.0]
        made._storage._set_trial(trial_id, frozen)
    trials = read_optuna(made)
    assert trials.table["status"].tolist() == ["complete", "complete", "failed", "complete"]
    assert "violated constraint" in " ".join(trials.notes)


@pytest.mark.parametrize("kind", ["database", "journal"])
def test_several_studies_are_several_searches(tmp_path, kind):
    path = tmp_path / "studies"
    opened = database(path) if kind == "database" else nullcontext(journal(path))
    with opened as storage:
        for number, name in enumerate(("cnn-a", "cnn-b", "mlp-a")):
            study(storage, name=name, n=4 + number, seed=number)
    before = digests(tmp_path)
    with refused("'cnn-a', 'cnn-b', 'mlp-a'", "study_name"):
        read_optuna(path)
    trials = read_optuna(path, study_name="cnn-*")
    assert trials.searches == [("cnn-a", "model"), ("cnn-b", "model")]
    assert (len(trials.table), trials.direction) == (9, "minimize")
    assert "lr" in trials.distributions
    for name in ("cnn-a", "cnn-b"):
        alone = read_optuna(path, study_name=name)
        assert trials.search(name).table.equals(alone.table)
    named = read_optuna(path, study_name=["mlp-a", "cnn-a", "mlp-*"])
    assert [task for task, _ in named.searches] == ["mlp-a", "cnn-a"]
    with refused("'cnn'", "'cnn-a'", "Did you mean"):
        read_optuna(path, study_name=["cnn"])
    assert digests(tmp_path) == before


def test_studies_of_different_directions_do_not_join(tmp_path):
    with database(tmp_path / "s.db") as storage:
        study(storage, name="a", n=2)
        study(storage, name="b", n=2, direction="maximize")
    with refused("direction", "'minimize', 'maximize'"):
        read_optuna(tmp_path / "s.db", study_name="*")


def test_a_retried_trial_counts_once():
    made = study(n=0)
    made.optimize(eventful, n_trials=7, catch=(RuntimeError,))
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback()
    retry(made, made.trials[5])
    made.optimize(bowl, n_trials=1)
    trials = read_optuna(made)
    assert trials.table["trial"].tolist() == [0, 1, 2, 3, 4, 6, 7]
    assert "tried again" in " ".join(trials.notes)


def test_a_configuration_that_was_enqueued_again_after_a_failure_counts_once():
    made = study(n=0)
    made.optimize(eventful, n_trials=7, catch=(RuntimeError,))
    failed = [trial for trial in made.trials if trial.state.name == "FAIL"]
    for trial in failed:
        made.enqueue_trial(trial.params)
    made.optimize(bowl, n_trials=len(failed))
    for source in (made, made.trials_dataframe()):
        trials = read_optuna(source, direction="minimize")
        assert len(failed) > 1
        assert len(trials.table) == 7
        assert trials.counts()["failed"] == 1  # an infinite value, which was not tried again
        assert f"{len(failed)} failed attempts left out" in " ".join(trials.notes)


def test_a_journal_of_many_workers_is_replayed_as_optuna_does(tmp_path):
    path = tmp_path / "journal.log"
    first = study(journal(path), name="digits", n=3)
    doomed = optuna.create_study(storage=journal(path), study_name="doomed")
    other = optuna.load_study(study_name="digits", storage=journal(path))
    other.enqueue_trial({"lr": 0.5})
    waiting = first.ask()
    other.optimize(bowl, n_trials=2)
    first.tell(waiting, 3.5)
    with refused("'digits', 'doomed'"):
        read_optuna(path)
    optuna.delete_study(study_name=doomed.study_name, storage=journal(path))
    trials = read_optuna(path)
    expected = read_optuna(optuna.load_study(study_name="digits", storage=journal(path)))
    assert trials.table.equals(expected.table)
    before = path.read_bytes()
    path.write_bytes(before + b'{"op_code":6,"wor')  # a worker is writing
    assert read_optuna(path).table.equals(trials.table)
    path.write_bytes(before[:200] + b"\n" + before[200:])
    with refused("journal.log: line "):
        read_optuna(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["journal.log"]


def test_a_journal_snapshot_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_TRAP", str(tmp_path / "sprung"))
    path = tmp_path / "journal.log"
    study(journal(path), n=3)
    (tmp_path / "journal.log.snapshot").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "study.db").write_bytes(pickle.dumps(Trap()))
    assert len(read_optuna(path).table) == 3
    with refused("study.db"):
        read_optuna(tmp_path / "study.db")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("source", "error", "named"),
    [("redis://localhost", ValueError, "'redis'"), (3, TypeError, "3")],
)
def test_other_sources_are_refused(source, error, named):
    with refused(named, error=error):
        read_optuna(source)


@pytest.fixture(scope="module")
def server():
    """Return the URL of a PostgreSQL database with two studies, and their trials."""
    url = os.environ.get("LEADLINE_POSTGRES")
    if not url:
        pytest.skip("LEADLINE_POSTGRES names no server")
    pytest.importorskip("psycopg")
    found = {}
    with database(None, url.replace("postgresql://", "postgresql+psycopg://")) as storage:
        for name in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=name, storage=storage)
        for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
            study(storage, name=name, n=8, direction=direction)
            found[name] = read_optuna(optuna.load_study(study_name=name, storage=storage))
        yield url, found


def contents(url):
    with open_database(url) as database:
        return {
            name: sorted(map(repr, database.query(f"SELECT * FROM {name}")))
            for name in database.tables
        }


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_studies_on_postgresql_are_read_as_optuna_reads_them(server, scheme):
    url, expected = server
    url = url.replace("postgresql", scheme, 1)
    before = contents(url)
    for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
        trials = read_optuna(url, study_name=name)
        assert str(trials) == "8 trials: 3 complete, 4 failed, 1 pruned"
        assert trials.direction == direction
        assert trials.table.equals(expected[name].table)
        assert trials.distributions == expected[name].distributions
    with refused("'loss', 'accuracy'"):
        read_optuna(url)
    assert contents(url) == before


@pytest.mark.parametrize("statement", ["DELETE FROM trials", "CREATE TABLE leadline (x int)"])
def test_nothing_can_be_written_on_postgresql(server, statement):
    with open_database(server[0]) as database, refused("read-only transaction"):
        database.query(statement)


def test_costs_are_in_seconds():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    trials = read_optuna(study)
    assert trials.cost_unit == "seconds"
    other = dataclasses.replace(trials, table=trials.table.assign(task="other"))
    assert join_searches([trials, other], "two").cost_unit == "seconds"
