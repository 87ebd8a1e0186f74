"""Databases are opened for reading only; failures are one line."""

import importlib.util
import sqlite3
from contextlib import closing

import pytest
from helpers_readers import digests, refused

from leadline.io import databases
from leadline.io.databases import open_database


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


def test_a_locked_database_is_refused(path, monkeypatch):
    monkeypatch.setattr(databases, "TIMEOUT", 0.05)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with refused(path.name, "locked"), open_database(path):
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
    [("postgresql://localhost/optuna", "postgres"), ("mysql+pymysql://localhost/x", "mysql")],
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
