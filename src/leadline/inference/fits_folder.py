"""The folder of `fit_many`: one netCDF file per search, and a table of all.

A file is written under another name and renamed when it is whole. The table grows by a line per
search; a line that a crash cut short is dropped. One run at a time writes to a folder.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, join_values

COLUMNS = ("search", "task", "model", "status", "seconds", "checks", "error", "file", "trials")
"""Columns of the table, see `leadline.fit_many`."""

FITTED, FAILED = "fitted", "failed"

INDEX, SETTINGS = "index.csv", "settings.json"
_LOCK = ".lock"
_PARTIAL = ".tmp"
_NAME_LENGTH = 80

Pair = tuple[str, str]


def file_of(pair: Pair) -> str:
    """Return the name of the file of a search: readable, and its own whatever the other names."""
    text = re.sub(r"[^\w.-]+", "-", "-".join(pair)).strip("-.")[:_NAME_LENGTH]
    return f"{text}-{digest(*pair)[:8]}.nc"


def digest(*parts: str) -> str:
    """Return a hash of texts, in hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


def trials_digest(trials: Trials) -> str:
    """Return a short hash of the trials of a search, to see whether they have changed."""
    return digest(trials.direction, trials.table.to_csv(index=False))[:16]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PARTIAL}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


class FitsFolder:
    """A folder of fits; enter it to write.

    Parameters
    ----------
    path : path
        The folder; made if there is none.
    settings : mapping
        All that decides the numbers. A folder takes fits of one kind.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings = json.dumps(settings, sort_keys=True, default=repr)
        self._lock: Any = None

    def __enter__(self) -> "FitsFolder":
        if self.path.exists() and not self.path.is_dir():
            raise LeadlineError(f"{self.path} is a file, not a folder; give another folder")
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path / _LOCK)
        try:
            self._prepare()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def _prepare(self) -> None:
        known = self.path / SETTINGS
        if known.exists():
            validate_same(self.path, json.loads(known.read_text()), json.loads(self._settings))
        else:
            write_whole(known, self._settings.encode())
        for partial in self.path.glob(f".*{_PARTIAL}"):
            partial.unlink(missing_ok=True)
        index = self.path / INDEX
        content = index.read_bytes() if index.exists() else b""
        # A line that a crash cut short.
        whole = content[: content.rfind(b"\n") + 1]
        if not whole:
            write_whole(index, (",".join(COLUMNS) + "\n").encode())
        elif len(whole) < len(content):
            write_whole(index, whole)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row to the table."""
        with (self.path / INDEX).open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)

    def done(self) -> dict[Pair, Mapping[str, Any]]:
        """Return the rows of the searches that are fitted, and whose file is there."""
        table = read_index(self.path)
        rows = table[table["status"] == FITTED].to_dict("records")
        return {
            (row["task"], row["model"]): {str(name): value for name, value in row.items()}
            for row in rows
            if (self.path / row["file"]).is_file()
        }


def read_index(path: Path) -> pd.DataFrame:
    """Return the table of a folder, one row per search, the last one where there are several."""
    index = path / INDEX
    if not index.is_file():
        raise LeadlineError(
            f"{path} is no folder of fits: there is no {INDEX} in it; `fit_many` or "
            "`leadline fit --workers` makes one"
        )
    text = dict.fromkeys(set(COLUMNS) - {"seconds"}, str)
    content = index.read_text(encoding="utf-8")
    whole = content[: content.rfind("\n") + 1]
    table = pd.read_csv(io.StringIO(whole), dtype=text, keep_default_na=False)
    table["seconds"] = pd.to_numeric(table["seconds"])
    return table.drop_duplicates(["task", "model"], keep="last", ignore_index=True)


def validate_same(path: Path, known: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise `LeadlineError` unless a folder was made with the same settings."""
    names = sorted(set(known) | set(asked))
    wrong = [name for name in names if known.get(name) != asked.get(name)]
    if wrong:
        raise LeadlineError(
            f"the fits in {path} were made with another {join_values(wrong)}; give another "
            f"folder, or the same options: {', '.join(f'{n}={known.get(n)}' for n in wrong)}"
        )


def known_settings(path: Path) -> dict[str, Any]:
    """Return the settings of a folder, empty if there are none."""
    try:
        return dict(json.loads((path / SETTINGS).read_text()))
    except (OSError, ValueError):
        return {}


def _locked(path: Path) -> Any:
    """Return a file that this process alone has locked, until it is closed or the process ends."""
    file = path.open("a")
    try:
        _lock(file)
    except OSError:
        file.close()
        raise LeadlineError(
            f"another run writes to {path.parent}; wait for it, or give another folder"
        ) from None
    return file


def _lock(file: Any) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
