"""Databases are opened for reading only; failures are one line. Optuna's tables on a server.

`.ci/run` starts a PostgreSQL server and names it in LEADLINE_POSTGRES.
"""

import importlib.util
import os
import sqlite3
from contextlib import closing

import pytest
from helpers_readers import digests, refused

from leadline.io.databases import open_database
from leadline.io.optuna import read_optuna


@pytest.fixture
def path(tmp_path):
    """Return an SQLite database whose name has characters with a meaning in a URI."""
    found = tmp_path / "a b?c#d%41é.db"
    with closing(sqlite3.connect(found)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1), (CAST(x'ff41' AS TEXT))")
        connection.commit()
    return found


def test_nothing_can_be_written(path):
    before = digests(path.parent)
    with open_database(path) as database:
        assert database.tables == {"t"}
        assert database.query("SELECT x FROM t WHERE x = :x", x=1) == [(1,)]
        for statement in ("DELETE FROM t", "CREATE TABLE u (x)", "DROP TABLE t"):
            with refused("readonly database"):
                database.query(statement)
    assert digests(path.parent) == before


def test_text_that_is_not_utf8_can_be_read(path):
    with open_database(path) as database:
        assert database.query("SELECT x FROM t")[1] == ("\ufffdA",)


@pytest.mark.parametrize("closed", [True, False])
def test_a_write_ahead_log_is_read_and_left_alone(tmp_path, closed):
    path = tmp_path / "wal.db"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE t (x)")
    writer.commit()
    if closed:
        writer.close()
    before = digests(tmp_path, "-shm")
    with open_database(f"sqlite:///{path}") as database:
        assert database.tables == {"t"}
    assert digests(tmp_path, "-shm") == before
    writer.close()


def test_a_locked_database_is_refused(path):
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with refused(path.name, "locked"), open_database(path, timeout=0.05):
            pass


@pytest.mark.parametrize(
    ("source", "error", "named"),
    [
        ("sqlite:///", ValueError, "sqlite:///study.db"),
        ("sqlite:///:memory:", ValueError, ":memory:"),
        ("nowhere/absent.db", FileNotFoundError, "absent.db'"),
        ("sqlite://study.db", ValueError, "'sqlite://study.db'"),
        ("absent.db", FileNotFoundError, "'absent.db'"),
        ("sqlite:///absent.db", FileNotFoundError, "'absent.db'"),
        ("sqlite:///file:absent.db?mode=rwc&uri=true", FileNotFoundError, "'absent.db'"),
        ("a\0b", FileNotFoundError, r"a\x00b"),
        ("text.db", ValueError, "text.db: not an SQLite database"),
        ("cut.db", ValueError, "cut.db: "),
        (".", IsADirectoryError, "'.'"),
    ],
)
def test_other_sources_are_refused_and_no_file_is_made(
    path, tmp_path, monkeypatch, source, error, named
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.db").write_text("x" * 5000)
    (tmp_path / "cut.db").write_bytes(path.read_bytes()[:60] + b"\xff" * 3000)
    before = digests(tmp_path)
    with refused(named, error=error), open_database(source):
        pass
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql://localhost/optuna", "postgres"),
        ("mysql+pymysql://localhost/optuna", "mysql"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(monkeypatch, url, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refused(f'pip install "leadline[{extra}]"', error=ImportError), open_database(url):
        pass


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg")
    url = "postgresql://me:secret@127.0.0.1:1/x"
    with refused("postgresql://127.0.0.1/x: ") as error, open_database(url):
        pass
    assert "secret" not in str(error.value)
    assert "me" not in str(error.value).split()


@pytest.fixture(scope="module")
def server():
    """Return the URL of a PostgreSQL database with two of Optuna's studies, and their trials."""
    url = os.environ.get("LEADLINE_POSTGRES")
    if not url:
        pytest.skip("LEADLINE_POSTGRES names no server")
    pytest.importorskip("psycopg")
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        for name in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=name, storage=storage)
        found = {}
        for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
            sampler = optuna.samplers.RandomSampler(seed=1)
            study = optuna.create_study(
                storage=storage, study_name=name, direction=direction, sampler=sampler
            )
            study.optimize(objective, n_trials=8, catch=(RuntimeError,))
            found[name] = read_optuna(optuna.load_study(study_name=name, storage=storage))
        yield url, found
    finally:
        storage.remove_session()
        storage.engine.dispose()


def objective(trial):
    import optuna

    lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
    act = trial.suggest_categorical("act", ["relu", None])
    trial.set_user_attr("seed", trial.number)
    if trial.number == 1:
        return float("inf")
    if trial.number == 2:
        raise RuntimeError
    if trial.number == 3:
        trial.report(0.0, 1)
        raise optuna.TrialPruned
    return lr + (act is None)


def contents(url):
    with open_database(url) as database:
        return {
            name: sorted(map(repr, database.query(f"SELECT * FROM {name}")))
            for name in database.tables
        }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_studies_on_postgresql_are_read_as_optuna_reads_them(server, scheme):
    url, expected = server
    url = url.replace("postgresql", scheme, 1)
    before = contents(url)
    for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
        trials = read_optuna(url, study_name=name)
        assert str(trials) == "8 trials: 5 complete, 2 failed, 1 pruned"
        assert trials.direction == direction
        assert trials.table.equals(expected[name].table)
        assert trials.distributions == expected[name].distributions
    with refused("'loss', 'accuracy'"):
        read_optuna(url)
    assert contents(url) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("statement", ["DELETE FROM trials", "CREATE TABLE leadline (x int)"])
def test_nothing_can_be_written_on_postgresql(server, statement):
    with open_database(server[0]) as database, refused("read-only transaction"):
        database.query(statement)
