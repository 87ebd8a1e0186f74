"""`read_source`: what a URL, a folder or a file is, and the reader for it.

Readers are imported when it is known which one is needed.
"""

import csv
import importlib
import inspect
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError, NotRecordedError, format_value, join_values
from leadline.io.databases import is_database_url, is_sqlite_file, open_database

if TYPE_CHECKING:
    from leadline.data.trials import Trials


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads, in words."""

    what: str
    module: str
    name: str

    def function(self) -> Any:
        """Return the function, which is imported only now."""
        return getattr(importlib.import_module(f"leadline.io.{self.module}"), self.name)


OPTUNA = Reader("an Optuna study", "optuna", "read_optuna")
MLFLOW = Reader("an MLflow experiment", "mlflow", "read_mlflow")
RAY = Reader("a Ray Tune experiment", "ray", "read_ray")
KERAS_TUNER = Reader("a Keras Tuner project", "keras_tuner", "read_keras_tuner")
WANDB = Reader("a W&B export", "wandb", "read_wandb_csv")
SKLEARN = Reader("a cv_results_ of scikit-learn", "sklearn", "read_sklearn")
TABLE = Reader("a table", "table", "read_table")

_TABLE_ONLY = ("task", "model", "trial", "status", "cost", "space", "best_of")
_SERVER = re.compile(r"(https?|databricks|file)(:|$)", re.IGNORECASE)


def read_source(source: str, options: Mapping[str, object]) -> "Trials":
    """Return the trials of a source of any kind.

    Parameters
    ----------
    source : str
        A URL, a folder or a file.
    options : mapping
        Arguments of the reader. `assume_random` is passed on to readers that know it.

    Raises
    ------
    LeadlineError
        If the source is of no known kind, or its reader does not take an option.
    """
    given = {name: value for name, value in options.items() if value is not None}
    reader = recognise(source, given)
    known = list(inspect.signature(reader.function()).parameters.values())[1:]
    taken = {parameter.name for parameter in known}
    given = {
        name: value for name, value in given.items() if name != "assume_random" or name in taken
    }
    for name in given:
        if name not in taken:
            raise LeadlineError(
                f"{_short(source)} is {reader.what}, for which {_option(name)} means nothing; "
                f"leave it out. It takes {', '.join(map(_option, sorted(taken)))}"
            )
    for parameter in known:
        if parameter.default is inspect.Parameter.empty and parameter.name not in given:
            choice = " minimize or maximize; it is never guessed" * (parameter.name == "direction")
            raise NotRecordedError(
                f"{_short(source)} is {reader.what}, which does not say the {parameter.name}:"
                f"{choice or ' name its column'}",
                parameter.name,
            )
    return reader.function()(source, **given)


def recognise(source: str, given: Mapping[str, object]) -> Reader:
    """Return the reader for a source."""
    if is_database_url(source):
        return _of_database(source)
    if _SERVER.match(source):
        return MLFLOW
    if "://" in source:
        raise LeadlineError(
            f"{format_value(source.partition('://')[0])} is no kind of URL that can be read; those of "
            "sqlite, postgresql, mysql and, for MLflow, http can"
        )
    path = Path(os.path.expanduser(source))
    if "\0" in source or not path.exists():
        raise FileNotFoundError(f"no file {format_value(source, 200)}; check its name and folder")
    if path.is_dir():
        return _of_folder(path)
    if is_sqlite_file(path):
        return _of_database(source)
    from leadline.io.optuna_journal import is_journal

    if is_journal(path):
        return OPTUNA
    return _of_table(path, given)


def source_stem(source: str) -> str:
    """Return a short name for a source, for the folder of the results."""
    rest = source.partition("://")[2].partition("?")[0] if "://" in source else source
    name = Path(rest.rstrip("/") or ".").absolute().name
    return re.sub(r"[^\w-]+", "-", name.split(".")[0]).strip("-") or "trials"


def _of_database(source: str) -> Reader:
    with open_database(source) as database:
        for tables, reader in (({"studies", "trials"}, OPTUNA), ({"experiments", "runs"}, MLFLOW)):
            if tables <= database.tables:
                return reader
        raise LeadlineError(
            f"{database.name}: neither a storage of Optuna nor a store of MLflow; its tables are "
            f"{join_values(sorted(database.tables), 8) or 'none'}"
        )


def _of_folder(path: Path) -> Reader:
    from leadline.io.keras_tuner import is_project
    from leadline.io.ray import is_experiment

    if is_project(path):
        return KERAS_TUNER
    if is_experiment(path):
        return RAY
    inside = [own.name for own in sorted(path.iterdir()) if own.is_dir()]
    inside = [name for name in inside if is_project(path / name) or is_experiment(path / name)]
    hint = (
        f"it holds some, {join_values(inside, 8)}: give one" if inside else "give a file or a URL"
    )
    raise IsADirectoryError(
        f"{format_value(str(path), 200)} is a directory, but no experiment of Ray Tune or project of "
        f"Keras Tuner; {hint}"
    )


def _of_table(path: Path, given: Mapping[str, object]) -> Reader:
    from leadline.io.sklearn import is_cv_results, is_pickle
    from leadline.io.wandb import is_wandb_export

    if is_pickle(path):
        return SKLEARN  # which says why not
    columns = _header(path)
    if is_cv_results(columns) and "direction" not in given:
        return SKLEARN
    if is_wandb_export(columns) and not any(name in given for name in _TABLE_ONLY):
        return WANDB
    return TABLE


def _header(path: Path) -> list[str]:
    """Return the names in the first line of a CSV file, none if it has no such line."""
    if path.suffix.lower() not in ("", ".csv", ".txt"):
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, ValueError, csv.Error):
        return []


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _short(source: str) -> str:
    return format_value(source.rpartition("@")[2], 100)
