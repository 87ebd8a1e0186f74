"""Databases: opened for reading only, told in one line when that fails; and Optuna's on a server.

`.ci/run` starts a PostgreSQL server and names it in LEADLINE_POSTGRES.
"""

import hashlib
import os
import sqlite3
from contextlib import closing

import pytest

from leadline.errors import LeadlineError
from leadline.io.databases import open_database
from leadline.io.optuna import read_optuna


@pytest.fixture
def path(tmp_path):
    """Return an SQLite database whose name has characters that mean something in a URI."""
    found = tmp_path / "a b?c#d%41é.db"
    with closing(sqlite3.connect(found)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1), (CAST(x'ff41' AS TEXT))")
        connection.commit()
    return found


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_can_be_written(path):
    before = digest(path)
    with open_database(path) as database:
        assert database.tables == {"t"}
        assert database.query("SELECT x FROM t WHERE x = :x", x=1) == [(1,)]
        for statement in ("DELETE FROM t", "CREATE TABLE u (x)", "DROP TABLE t"):
            with pytest.raises(LeadlineError, match="readonly database"):
                database.query(statement)
    assert digest(path) == before


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
    before = {own.name: digest(own) for own in tmp_path.iterdir() if not own.name.endswith("-shm")}
    with open_database(f"sqlite:///{path}") as database:
        assert database.tables == {"t"}
    after = {own.name: digest(own) for own in tmp_path.iterdir() if not own.name.endswith("-shm")}
    assert after == before
    writer.close()


def test_a_locked_database_is_told(path):
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        message = r"database is locked.*not in use by a writer"
        with pytest.raises(LeadlineError, match=message), open_database(path, timeout=0.05):
            pass


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("sqlite:///", LeadlineError, "names no file"),
        ("sqlite://study.db", LeadlineError, "names no file"),
        ("absent.db", FileNotFoundError, r"no file 'absent\.db'.*none was made"),
        ("sqlite:///absent.db", FileNotFoundError, "none was made"),
        ("sqlite:///file:absent.db?mode=rwc&uri=true", FileNotFoundError, "none was made"),
        ("a\0b", FileNotFoundError, "none was made"),
        ("text.db", LeadlineError, r"text\.db: not an SQLite database"),
        ("cut.db", LeadlineError, r"cut\.db: the database cannot be read"),
        (".", IsADirectoryError, "is a directory"),
    ],
)
def test_what_is_no_database_is_one_line(path, tmp_path, monkeypatch, source, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.db").write_text("x" * 5000)
    (tmp_path / "cut.db").write_bytes(path.read_bytes()[:60] + b"\xff" * 3000)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=message), open_database(source):
        pass
    assert sorted(tmp_path.iterdir()) == before


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for url, extra in (
        ("postgresql://localhost/optuna", "postgres"),
        ("mysql+pymysql://localhost/optuna", "mysql"),
    ):
        message = rf'install them with pip install "leadline\[{extra}\]"'
        with pytest.raises(ImportError, match=message), open_database(url):
            pass


def test_a_server_that_is_not_there_is_one_line_without_the_password():
    pytest.importorskip("psycopg")
    url = "postgresql://me:secret@127.0.0.1:1/x"
    message = r"^postgresql://127\.0\.0\.1/x: no connection"
    with pytest.raises(LeadlineError, match=message) as error, open_database(url):
        pass
    assert "secret" not in str(error.value)
    assert "me" not in str(error.value).split()


@pytest.fixture(scope="module")
def server():
    """Return the URL of a PostgreSQL database with two of Optuna's studies."""
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
        for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
            study = optuna.create_study(
                storage=storage,
                study_name=name,
                direction=direction,
                sampler=optuna.samplers.RandomSampler(seed=1),
            )
            study.optimize(objective, n_trials=8, catch=(RuntimeError,))
        yield url, {study: read_optuna(optuna.load_study(study_name=study, storage=storage))
                    for study in ("loss", "accuracy")}  # fmt: skip
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


def contents(database):
    tables = sorted(database.tables)
    rows = [sorted(map(repr, database.query(f"SELECT * FROM {name}"))) for name in tables]
    return hashlib.sha256(repr((tables, rows)).encode()).hexdigest()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_studies_on_postgresql_are_read_as_optuna_reads_them(server, scheme):
    url, expected = server
    url = url.replace("postgresql", scheme, 1)
    with open_database(url) as database:
        before = contents(database)
    for name, direction in (("loss", "minimize"), ("accuracy", "maximize")):
        trials = read_optuna(url, study_name=name)
        assert str(trials) == "8 trials: 5 complete, 2 failed, 1 pruned"
        assert trials.direction == direction
        assert trials.table.equals(expected[name].table)
        assert trials.distributions == expected[name].distributions
    with pytest.raises(LeadlineError, match="2 studies, 'loss', 'accuracy'"):
        read_optuna(url)
    with open_database(url) as database:
        assert contents(database) == before


@pytest.mark.filterwarnings("ignore")
def test_nothing_can_be_written_on_postgresql(server):
    for statement in ("DELETE FROM trials", "CREATE TABLE leadline (x int)"):
        with (
            open_database(server[0]) as database,
            pytest.raises(LeadlineError, match="read-only transaction"),
        ):
            database.query(statement)
