"""`read_source`: a URL, a folder or a file to `Trials`, by the reader for its kind.

Readers are imported on demand, so that a command loads only the one it needs.
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
class _Reader:
    """The kind of source that a reader reads, and where its function is."""

    kind: str
    module: str
    name: str

    def function(self) -> Any:
        """Import and return the function."""
        return getattr(importlib.import_module(f"leadline.io.{self.module}"), self.name)


_OPTUNA = _Reader("an Optuna study", "optuna", "read_optuna")
_MLFLOW = _Reader("an MLflow experiment", "mlflow", "read_mlflow")
_RAY = _Reader("a Ray Tune experiment", "ray", "read_ray")
_KERAS_TUNER = _Reader("a Keras Tuner project", "keras_tuner", "read_keras_tuner")
_WANDB = _Reader("a W&B export", "wandb", "read_wandb_csv")
_SKLEARN = _Reader("a cv_results_ of scikit-learn", "sklearn", "read_sklearn")
_TABLE = _Reader("a table", "table", "read_table")

_TABLE_ONLY = ("task", "model", "trial", "status", "cost", "space", "best_of")
_SERVER = re.compile(r"(https?|databricks|file)(:|$)", re.IGNORECASE)


def read_source(source: str, options: Mapping[str, object]) -> "Trials":
    """Return the trials of a source of any kind: a URL, a folder or a file.

    `options` are the arguments of its reader, None if not given. `assume_random` is ignored if
    the reader does not take it.

    Raises
    ------
    LeadlineError
        If the kind of source is unknown, or its reader does not take an option.
    """
    given = {name: value for name, value in options.items() if value is not None}
    reader = _choose_reader(source, given)
    read = reader.function()
    parameters = list(inspect.signature(read).parameters.values())[1:]
    taken = sorted(parameter.name for parameter in parameters)
    if "assume_random" not in taken:
        given.pop("assume_random", None)
    label = f"{format_value(source.rpartition('@')[2], 100)} is {reader.kind}"
    for name in given:
        if name not in taken:
            raise LeadlineError(
                f"{label}, for which {_option(name)} means nothing; leave it out. It takes "
                f"{', '.join(map(_option, taken))}"
            )
    for parameter in parameters:
        name = parameter.name
        if parameter.default is inspect.Parameter.empty and name not in given:
            fix = "minimize or maximize; it is never guessed" * (name == "direction")
            raise NotRecordedError(
                f"{label}, which does not record the {name}: {fix or 'name its column'}", name
            )
    return read(source, **given)


def source_stem(source: str) -> str:
    """Return a short name for a source, for the folder of the results."""
    rest = source.partition("://")[2].partition("?")[0] if "://" in source else source
    name = Path(rest.rstrip("/") or ".").absolute().name
    return re.sub(r"[^\w-]+", "-", name.split(".")[0]).strip("-") or "trials"


def _choose_reader(source: str, given: Mapping[str, object]) -> _Reader:
    if is_database_url(source):
        return _reader_of_database(source)
    if _SERVER.match(source):
        return _MLFLOW
    if "://" in source:
        raise LeadlineError(
            f"{format_value(source.partition('://')[0])} is no kind of URL that can be read; those "
            "of sqlite, postgresql, mysql and, for MLflow, http can"
        )
    path = Path(os.path.expanduser(source))
    if "\0" in source or not path.exists():
        raise FileNotFoundError(f"no file {format_value(source, 200)}; check its name and folder")
    if path.is_dir():
        return _reader_of_folder(path)
    if is_sqlite_file(path):
        return _reader_of_database(source)
    from leadline.io.optuna_study import is_journal

    return _OPTUNA if is_journal(path) else _reader_of_table(path, given)


def _reader_of_database(source: str) -> _Reader:
    with open_database(source) as database:
        if {"studies", "trials"} <= database.tables:
            return _OPTUNA
        if {"experiments", "runs"} <= database.tables:
            return _MLFLOW
        raise LeadlineError(
            f"{database.name}: neither a storage of Optuna nor a store of MLflow; its tables are "
            f"{join_values(sorted(database.tables), 8) or 'none'}"
        )


def _reader_of_folder(path: Path) -> _Reader:
    from leadline.io.keras_tuner import is_project
    from leadline.io.ray import is_experiment

    if is_project(path):
        return _KERAS_TUNER
    if is_experiment(path):
        return _RAY
    folders = [own for own in sorted(path.iterdir()) if own.is_dir()]
    inside = [own.name for own in folders if is_project(own) or is_experiment(own)]
    hint = f"it holds some, {join_values(inside, 8)}: give one" if inside else ""
    raise IsADirectoryError(
        f"{format_value(str(path), 200)} is a directory, but no experiment of Ray Tune or project "
        f"of Keras Tuner; {hint or 'give a file or a URL'}"
    )


def _reader_of_table(path: Path, given: Mapping[str, object]) -> _Reader:
    from leadline.io.sklearn import is_cv_results, is_pickle
    from leadline.io.wandb import is_wandb_export

    if is_pickle(path):
        return _SKLEARN  # its error explains why pickles are not loaded
    columns = _read_header(path)
    if is_cv_results(columns) and "direction" not in given:
        return _SKLEARN
    if is_wandb_export(columns) and not any(name in given for name in _TABLE_ONLY):
        return _WANDB
    return _TABLE


def _read_header(path: Path) -> list[str]:
    """Return the names in the first line of a CSV file, an empty list if there are none."""
    if path.suffix.lower() not in ("", ".csv", ".txt"):
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, ValueError, csv.Error):
        return []


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
