"""The runs of an MLflow experiment, from its database or through its client."""

import importlib.util
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.databases import Database, is_database_url, open_database

TABLES = frozenset({"experiments", "runs", "latest_metrics", "params", "tags"})
_PAGE = 1000
_DELETED = "deleted"


@dataclass
class Run:
    """One run. Times are in seconds; a metric is the value at its last step."""

    id: str
    name: str
    status: str
    start: float | None
    end: float | None
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Experiment:
    """An experiment: its name, the name of where it is kept, its runs but for deleted ones."""

    name: str
    source: str
    runs: list[Run]
    deleted: int = 0


def experiment_of(source: str | os.PathLike[str], wanted: str | None) -> Experiment:
    """Return the experiment of a name, or the only one that has runs.

    Parameters
    ----------
    source : str or path
        An SQLite file, a URL of a database, or a tracking URI.
    wanted : str, optional
        Name or id of the experiment.

    Raises
    ------
    LeadlineError
        If it cannot be read, or there is no such experiment or more than one.
    FileNotFoundError
        If there is no such file; none is made.
    ImportError
        If a client or a driver is needed that is not installed.
    """
    if is_database_url(source) or not (isinstance(source, str) and "://" in source):
        path = None if is_database_url(source) else Path(os.path.expanduser(source))
        if path is not None and path.is_dir():
            raise LeadlineError(
                f"{format_value(path.name)}: a folder of runs is not read; give the database, such as "
                "mlflow.db, or make one of it with: mlflow migrate-filestore"
            )
        with open_database(source) as database:
            return _of_database(database, wanted)
    if source.startswith("file:"):
        return experiment_of(source.partition("://")[2], wanted)
    return _of_server(source, wanted)


def _of_database(database: Database, wanted: str | None) -> Experiment:
    missing = TABLES - database.tables
    if missing:
        raise LeadlineError(
            f"{database.name}: not a store of MLflow, it lacks the tables "
            f"{join_values(sorted(missing))}; give the store that the runs were logged to"
        )
    rows = database.query(
        "SELECT experiment_id, name, (SELECT COUNT(*) FROM runs r WHERE r.experiment_id = "
        "e.experiment_id) FROM experiments e ORDER BY experiment_id"
    )
    experiment, name = _choose(rows, wanted, database.name)
    found: dict[object, Run] = {}
    deleted = 0
    for key, run_name, status, start, end, stage in database.query(
        "SELECT run_uuid, name, status, start_time, end_time, lifecycle_stage FROM runs "
        "WHERE experiment_id = :experiment ORDER BY start_time, run_uuid",
        experiment=experiment,
    ):
        if stage == _DELETED:
            deleted += 1
        else:
            found[key] = Run(str(key), str(run_name), str(status), _seconds(start), _seconds(end))
    metrics = _of_runs(database, experiment, "latest_metrics", "d.key, d.value, d.is_nan")
    for key, metric, value, is_nan in metrics:
        if key in found:
            found[key].metrics[str(metric)] = math.nan if is_nan else value
    for key, param, value in _of_runs(database, experiment, "params", "d.key, d.value"):
        if key in found:
            found[key].params[str(param)] = str(value)
    for key, tag, value in _of_runs(database, experiment, "tags", "d.key, d.value"):
        if key in found:
            found[key].tags[str(tag)] = str(value)
    return Experiment(name, database.name, list(found.values()), deleted)


def _of_runs(
    database: Database, experiment: object, table: str, columns: str
) -> list[Sequence[Any]]:
    return database.query(
        f"SELECT d.run_uuid, {columns} FROM {table} d JOIN runs r ON r.run_uuid = d.run_uuid "
        "WHERE r.experiment_id = :experiment",
        experiment=experiment,
    )


def _of_server(uri: str, wanted: str | None) -> Experiment:
    if importlib.util.find_spec("mlflow") is None:
        raise ImportError(
            "reading from a tracking server needs mlflow; install it with "
            'pip install "leadline[mlflow]"'
        )
    import mlflow

    name = uri.partition("?")[0].rpartition("@")[2].removeprefix("http://")
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiments = _pages(client.search_experiments)
        rows = [
            (
                own.experiment_id,
                own.name,
                len(client.search_runs([own.experiment_id], max_results=1)),
            )
            for own in experiments
        ]
        experiment, label = _choose(rows, wanted, name)
        runs = _pages(client.search_runs, experiment_ids=[experiment])
    except mlflow.exceptions.MlflowException as error:
        raise LeadlineError(
            f"{format_value(name)}: MLflow cannot read it ({format_value(str(error), 200)}); check the tracking "
            "URI, and that the server runs"
        ) from None
    return Experiment(label, name, [_of_client(run) for run in reversed(runs)])


def _pages(search: Any, **arguments: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token, **arguments)
        found.extend(page)
        token = page.token
        if not token:
            return found


def _of_client(run: Any) -> Run:
    return Run(
        run.info.run_id,
        str(run.info.run_name),
        str(run.info.status),
        _seconds(run.info.start_time),
        _seconds(run.info.end_time),
        dict(run.data.metrics),
        dict(run.data.params),
        dict(run.data.tags),
    )


def _choose(rows: Sequence[Sequence[Any]], wanted: str | None, source: str) -> tuple[Any, str]:
    """Return id and name of the experiment to read."""
    used = [(key, str(name)) for key, name, count in rows if count]
    if wanted is None and len(used) == 1:
        return used[0]
    names = join_values([name for _, name in used]) if used else "none"
    if wanted is None:
        raise LeadlineError(
            f"{source}: there are {len(used)} experiments with runs, {names}; name one with "
            "experiment"
            if used
            else f"{source}: no experiment has runs; is this the right store?"
        )
    for key, name, _ in rows:
        if wanted in (str(name), str(key)):
            return key, str(name)
    raise LeadlineError(
        f"{source}: no experiment {format_value(wanted)}; those with runs are {names}"
    )


def _seconds(milliseconds: object) -> float | None:
    known = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000.0 if known and milliseconds else None  # type: ignore[operator]
