"""Read-only access to SQLite files and SQL servers."""

import importlib.util
import os
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from leadline.errors import LeadlineError, format_value, join_values

TIMEOUT = 15
"""Seconds for a server to answer, or for a writer to unlock a file."""

_MAGIC = b"SQLite format 3\0"
_URL = re.compile(r"(sqlite|postgresql|postgres|mysql|mariadb)(\+\w+)?://", re.IGNORECASE)
_DIALECTS = {"postgres": "postgresql", "mariadb": "mysql"}
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql"}
# Python modules, which in lower case are SQLAlchemy's names of the drivers.
_DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "mysql": ("pymysql", "MySQLdb")}
_READ_ONLY = {
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "mysql": "START TRANSACTION READ ONLY",
}


@dataclass(frozen=True)
class Database:
    """A database that is open for reading; `name` is free of user and password.

    `query` returns the rows of a SELECT; its keyword arguments replace placeholders ``:name``.
    """

    name: str
    tables: frozenset[str]
    query: Callable[..., list[Sequence[Any]]]

    def require_tables(self, tables: Collection[str], kind: str, use: str) -> None:
        """Raise `LeadlineError` if a table is missing; `kind` and `use` describe the database."""
        if missing := sorted(set(tables) - self.tables):
            raise LeadlineError(
                f"{self.name}: not a {kind}, it lacks the tables {join_values(missing)}; give the "
                f"{kind.split()[0]} that the {use}"
            )


def is_database_url(source: object) -> bool:
    """Return whether `source` is a URL that `open_database` accepts."""
    return isinstance(source, str) and _URL.match(source) is not None


def is_sqlite_file(path: Path) -> bool:
    """Return whether the file begins with SQLite's magic bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


@contextmanager
def open_database(source: str | os.PathLike[str]) -> Iterator[Database]:
    """Yield the database at a URL or at the path of an SQLite file, read-only.

    A database that cannot be opened or read raises `LeadlineError`, a missing file
    `FileNotFoundError` (no file is created), a missing driver `ImportError`.
    """
    url = _URL.match(source) if isinstance(source, str) else None
    if url is None or url[1].lower() == "sqlite":
        opened = _open_sqlite(_sqlite_path(source, url))
    else:
        opened = _open_server(str(source), url[1].lower())
    with opened as database:
        yield database


def _sqlite_path(source: str | os.PathLike[str], url: re.Match[str] | None) -> Path:
    if url is None:
        return Path(os.path.expanduser(source))
    path = unquote(str(source)[url.end() :].partition("?")[0])
    if not path.startswith("/") or path in ("/", "/:memory:"):
        raise LeadlineError(
            f"{format_value(source)} names no file; write sqlite:///study.db, or four slashes "
            "and the rest of an absolute path"
        )
    return Path(os.path.expanduser(path[1:].removeprefix("file:")))


@contextmanager
def _open_sqlite(path: Path) -> Iterator[Database]:
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
        # Without "immutable", SQLite creates files beside a database in write-ahead-log mode.
        options += "&immutable=1"

    def query(text: str, **values: object) -> list[Sequence[Any]]:
        try:
            return connection.execute(text, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise _unreadable(path.name, error) from None

    uri = f"file:{quote(str(path.absolute()))}?{options}"
    try:
        connection = sqlite3.connect(uri, timeout=TIMEOUT, uri=True)
    except sqlite3.Error as error:
        raise _unreadable(path.name, error) from None
    try:
        # By default sqlite3 raises on text that is not UTF-8, without naming row or column.
        connection.text_factory = lambda content: content.decode(errors="replace")
        tables = query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        yield Database(path.name, frozenset(str(row[0]) for row in tables), query)
    finally:
        connection.close()


@contextmanager
def _open_server(source: str, scheme: str) -> Iterator[Database]:
    dialect = _DIALECTS.get(scheme, scheme)
    installed = [module for module in _DRIVERS[dialect] if importlib.util.find_spec(module)]
    if not installed or importlib.util.find_spec("sqlalchemy") is None:
        raise ImportError(
            f"reading from {dialect} needs sqlalchemy and {_DRIVERS[dialect][0]}; install them "
            f'with pip install "leadline[{_EXTRAS[dialect]}]"'
        )
    import sqlalchemy

    try:
        # The URL may name a driver that is not installed; any driver can read.
        driver = f"{dialect}+{installed[0].lower()}"
        address = sqlalchemy.make_url(source).set(drivername=driver)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise LeadlineError(
            f"not a URL of a database; write {dialect}://user:password@host/database"
        ) from None
    name = f"{dialect}://{address.host or ''}/{address.database or ''}"

    def query(text: str, **values: object) -> list[Sequence[Any]]:
        try:
            return list(connection.execute(sqlalchemy.text(text), values).tuples())
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _unreadable(name, getattr(error, "orig", None) or error) from None

    limit = {"connect_timeout": TIMEOUT}
    pool = sqlalchemy.pool.NullPool
    engine = sqlalchemy.create_engine(address, poolclass=pool, connect_args=limit)
    try:
        connection = engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = format_value(str(getattr(error, "orig", None) or error), 200)
        raise LeadlineError(
            f"{name}: no connection ({reason}); check the address, the user and the password"
        ) from None
    try:
        # First statement, so that all queries run in the read-only transaction.
        connection.exec_driver_sql(_READ_ONLY[dialect])
        yield Database(name, frozenset(sqlalchemy.inspect(connection).get_table_names()), query)
    finally:
        connection.close()
        engine.dispose()


def _unreadable(name: str, error: object) -> LeadlineError:
    return LeadlineError(
        f"{name}: the database cannot be read ({format_value(str(error), 200)}); check that "
        "it is complete and not in use by a writer"
    )
