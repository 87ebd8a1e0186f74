"""Databases of trackers, opened so that nothing can be written: SQLite files and SQL servers."""

import importlib.util
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from leadline.errors import LeadlineError, format_value

_MAGIC = b"SQLite format 3\0"
_SERVERS = {
    "postgresql": (("psycopg", "psycopg2"), "postgres"),
    "mysql": (("pymysql", "MySQLdb"), "mysql"),
}
_READ_ONLY = {
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "mysql": "START TRANSACTION READ ONLY",
}
_DIALECTS = {"postgres": "postgresql", "mariadb": "mysql"}
_DRIVERS = {"MySQLdb": "mysqldb"}
_URL = re.compile(r"(sqlite|postgresql|postgres|mysql|mariadb)(\+\w+)?://", re.IGNORECASE)


@dataclass(frozen=True)
class Database:
    """A database that is open for reading.

    Attributes
    ----------
    name : str
        What messages call it, without user and password.
    stem : str
        A short name for it.
    tables : frozenset of str
        The tables that there are.
    """

    name: str
    stem: str
    tables: frozenset[str]
    _run: Any

    def query(self, text: str, **values: object) -> list[Sequence[Any]]:
        """Return the rows that a SELECT gives; values go in as ``:name``."""
        return self._run(text, values)


def is_database_url(source: object) -> bool:
    """Return whether `source` is a URL of a database that `open_database` knows."""
    return isinstance(source, str) and _URL.match(source) is not None


def is_sqlite_file(path: Path) -> bool:
    """Return whether there is a file that begins as SQLite's do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


@contextmanager
def open_database(source: str | os.PathLike[str], *, timeout: float = 15.0) -> Iterator[Database]:
    """Give the database of a URL or of an SQLite file's path, open for reading only.

    Parameters
    ----------
    source : str or path
        Where the database is.
    timeout : float
        Seconds to wait for a server, or for a writer to unlock a file.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file; none is made.
    LeadlineError
        If it cannot be opened or read.
    ImportError
        If a server is named and SQLAlchemy or its driver is not installed.
    """
    url = _URL.match(source) if isinstance(source, str) else None
    if url is None or url[1].lower() == "sqlite":
        with _open_sqlite(_sqlite_path(source, url), timeout) as database:
            yield database
    else:
        with _open_server(str(source), url, timeout) as database:
            yield database


def _sqlite_path(source: str | os.PathLike[str], url: re.Match[str] | None) -> Path:
    if url is None:
        return Path(os.path.expanduser(source))
    rest = str(source)[url.end() :]
    place = unquote(rest.partition("?")[0])
    if not place.startswith("/") or place in ("/", "/:memory:"):
        raise LeadlineError(
            f"{format_value(source)} names no file; write sqlite:///study.db, or four slashes and the "
            "rest of an absolute path"
        )
    return Path(os.path.expanduser(place[1:].removeprefix("file:")))


@contextmanager
def _open_sqlite(path: Path, timeout: float) -> Iterator[Database]:
    name = format_value(str(path), 200)
    if "\0" in str(path) or not path.exists():
        raise FileNotFoundError(f"no file {name}; check its name and folder (none was made)")
    if path.is_dir():
        raise IsADirectoryError(f"{name} is a directory; give the database file in it")
    with path.open("rb") as file:
        header = file.read(20)
    if not header.startswith(_MAGIC):
        raise LeadlineError(f"{path.name}: not an SQLite database; give the database file")
    options = "mode=ro"
    if header[18:20] == b"\x02\x02" and not path.with_name(f"{path.name}-wal").exists():
        # Opened in the usual way, a database with a write-ahead log gets files beside it.
        options += "&immutable=1"

    def run(text: str, values: dict[str, object]) -> list[Sequence[Any]]:
        try:
            return connection.execute(text, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise _unreadable(path.name, error) from None

    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{options}", timeout=timeout, uri=True
        )
    except sqlite3.Error as error:
        raise _unreadable(path.name, error) from None
    try:
        # Text that is not UTF-8 would be an error without a row or column.
        connection.text_factory = lambda content: content.decode(errors="replace")
        tables = run("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')", {})
        found = frozenset(str(row[0]) for row in tables)
        yield Database(path.name, path.stem, found, run)
    finally:
        connection.close()


@contextmanager
def _open_server(source: str, url: re.Match[str], timeout: float) -> Iterator[Database]:
    dialect = _DIALECTS.get(url[1].lower(), url[1].lower())
    drivers, extra = _SERVERS[dialect]
    installed = [driver for driver in drivers if importlib.util.find_spec(driver) is not None]
    if not installed or importlib.util.find_spec("sqlalchemy") is None:
        raise ImportError(
            f"reading from {dialect} needs sqlalchemy and {drivers[0]}; install them with "
            f'pip install "leadline[{extra}]"'
        )
    import sqlalchemy

    driver = _DRIVERS.get(installed[0], installed[0])
    # Whichever driver the tracker used, any will do.
    try:
        address = sqlalchemy.make_url(source).set(drivername=f"{dialect}+{driver}")
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise LeadlineError(
            f"not a URL of a database; write {dialect}://user:password@host/database"
        ) from None
    name = f"{dialect}://{address.host or ''}/{address.database or ''}"

    def run(text: str, values: dict[str, object]) -> list[Sequence[Any]]:
        try:
            return list(connection.execute(sqlalchemy.text(text), values).tuples())
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _unreadable(name, getattr(error, "orig", None) or error) from None

    engine = sqlalchemy.create_engine(
        address,
        poolclass=sqlalchemy.pool.NullPool,
        connect_args={"connect_timeout": max(1, round(timeout))},
    )
    try:
        connection = engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = format_value(str(getattr(error, "orig", None) or error), 200)
        raise LeadlineError(
            f"{name}: no connection ({reason}); check the address, the user and the password"
        ) from None
    try:
        # Before any other statement: all that follow are in this transaction.
        connection.exec_driver_sql(_READ_ONLY[dialect])
        tables = frozenset(sqlalchemy.inspect(connection).get_table_names())
        yield Database(name, address.database or dialect, tables, run)
    finally:
        connection.close()
        engine.dispose()


def _unreadable(name: str, error: object) -> LeadlineError:
    return LeadlineError(
        f"{name}: the database cannot be read ({format_value(str(error), 200)}); is it whole, and not "
        "in use by a writer?"
    )
