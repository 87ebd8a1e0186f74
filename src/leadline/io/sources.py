"""`read_source`: a URL, a folder or a file to `Trials`, by the reader for its kind."""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, NotRecordedError, format_value, join_values
from leadline.io.databases import is_database_url, is_sqlite_file, open_database
from leadline.io.files import read_columns
from leadline.io.json_files import is_file_url, path_of, suggest_inside
from leadline.io.keras_tuner import is_project, read_keras_tuner
from leadline.io.mlflow import read_mlflow
from leadline.io.mlflow_files import is_file_store
from leadline.io.optuna import read_optuna
from leadline.io.optuna_frame import is_trials_frame
from leadline.io.optuna_journal import is_journal
from leadline.io.ray import is_experiment, read_ray
from leadline.io.sklearn import is_cv_results, is_pickle, read_sklearn
from leadline.io.table import read_table
from leadline.io.wandb import is_wandb_export, read_wandb_csv, refuse_chart_export
from leadline.io.wandb_folder import is_run_folder, read_wandb

_Reader = Callable[..., Trials]
_KINDS: Mapping[_Reader, str] = {
    read_optuna: "an Optuna study",
    read_mlflow: "an MLflow experiment",
    read_ray: "a Ray Tune experiment",
    read_keras_tuner: "a Keras Tuner project",
    read_wandb: "a folder of W&B's runs",
    read_wandb_csv: "a W&B export",
    read_sklearn: "a cv_results_ of scikit-learn",
    read_table: "a table",
}
_FOLDERS: Mapping[_Reader, Callable[[Path], bool]] = {
    read_keras_tuner: is_project,
    read_ray: is_experiment,
    read_mlflow: is_file_store,
    read_wandb: is_run_folder,
}
_TABLE_ONLY = ("task", "model", "trial", "status", "cost", "space", "best_of", "budget", "of")
_SERVER = re.compile(r"(https?|databricks)(:|$)", re.IGNORECASE)


def read_source(source: str, options: Mapping[str, object]) -> Trials:
    """Return the trials of a source of any kind: a URL, a folder or a file.

    `options` are the arguments of its reader, None if not given. `assume_random` is ignored if
    the reader does not take it; other such options, and unknown sources, raise `LeadlineError`.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if is_file_url(source):
        source = str(path_of(source))
    read = _choose_reader(source, given)
    parameters = dict(list(inspect.signature(read).parameters.items())[1:])
    taken = sorted(parameters)
    if "assume_random" not in taken:
        given.pop("assume_random", None)
    label = f"{format_value(source.rpartition('@')[2], 100)} is {_KINDS[read]}"
    for name in given:
        if name not in taken:
            raise LeadlineError(
                f"{label}, for which {_option(name)} means nothing; leave it out. Of the options "
                "that describe a source, it takes "
                f"{', '.join(map(_option, taken))}"
            )
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        raise _not_recorded(source, label, missing)
    return read(source, **given)


def _not_recorded(source: str, label: str, missing: list[str]) -> NotRecordedError:
    """Return the error for arguments that the reader needs and the source does not record."""
    fixes = []
    if "score" in missing:
        columns = join_values(name for name in read_columns(Path(source)) if name) or "none"
        fixes.append(f"name the column of the score; the columns are {columns}")
    if "direction" in missing:
        fixes.append("the direction is minimize or maximize, never guessed")
    names = " and ".join(missing)
    return NotRecordedError(f"{label}, which does not record {names}: {'; '.join(fixes)}", *missing)


def source_stem(source: str) -> str:
    """Return a short name for a source, for the folder of the results."""
    rest = source.partition("://")[2].partition("?")[0] if "://" in source else source
    name = Path(rest.rstrip("/") or ".").absolute().name
    return re.sub(r"[^\w-]+", "-", name.split(".")[0]).strip("-") or "trials"


def _choose_reader(source: str, given: Mapping[str, object]) -> _Reader:
    if is_database_url(source):
        return _reader_of_database(source)
    if _SERVER.match(source):
        return read_mlflow
    if "://" in source and not is_file_url(source):
        raise LeadlineError(
            f"{format_value(source.partition('://')[0])} is no kind of URL that can be read; those "
            "of sqlite, postgresql, mysql and, for MLflow, http can"
        )
    path = path_of(source)
    if "\0" in source or not path.exists():
        raise FileNotFoundError(f"no file {format_value(source, 200)}; check its name and folder")
    if path.is_dir():
        return _reader_of_folder(path)
    if path.suffix == ".nc":
        raise LeadlineError(
            f"{path.name} is a saved fit, not trials; to fit again, give the table of the "
            f"trials; for its answers type `leadline summary {source}`"
        )
    if is_sqlite_file(path):
        return _reader_of_database(source)
    return read_optuna if is_journal(path) else _reader_of_table(path, given)


def _reader_of_database(source: str) -> _Reader:
    with open_database(source) as database:
        if {"studies", "trials"} <= database.tables:
            return read_optuna
        if {"experiments", "runs"} <= database.tables:
            return read_mlflow
        raise LeadlineError(
            f"{database.name}: neither a storage of Optuna nor a store of MLflow; its tables are "
            f"{join_values(sorted(database.tables), 8) or 'none'}"
        )


def _reader_of_folder(path: Path) -> _Reader:
    for read, is_kind in _FOLDERS.items():
        if is_kind(path):
            return read
    raise IsADirectoryError(
        f"{format_value(str(path), 200)} is a directory, but no experiment of Ray Tune, project of "
        f"Keras Tuner, store of MLflow or folder of W&B; {_suggest(path)}"
    )


def _suggest(path: Path) -> str:
    """Return what to give in place of a folder that is no source: one inside it or beside it."""
    if (path / "mlflow.db").exists():
        return "give mlflow.db in it"
    if path.resolve().name in ("mlruns", "mlartifacts") and path.with_name("mlflow.db").exists():
        return "MLflow keeps its runs in the database mlflow.db beside it: give that"

    def is_source(own: Path) -> bool:
        return any(is_kind(own) for is_kind in _FOLDERS.values())

    return suggest_inside(path, is_source, "some", "give a file or a URL")


def _reader_of_table(path: Path, given: Mapping[str, object]) -> _Reader:
    if is_pickle(path):
        return read_sklearn  # its error explains why pickles are not loaded
    columns = read_columns(path)
    refuse_chart_export(columns, path.name)
    if is_cv_results(columns) and "direction" not in given:
        return read_sklearn
    if is_trials_frame(columns) and not any(name in given for name in _TABLE_ONLY):
        return read_optuna
    if is_wandb_export(columns) and not any(name in given for name in _TABLE_ONLY):
        return read_wandb_csv
    return read_table


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
