"""`read_mlflow`: an MLflow experiment in files, a database or a server to `Trials`."""

import importlib.util
import math
import os
import re
from collections import ChainMap
from collections.abc import Iterable, Sequence
from typing import Any, cast

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, SeveralError, format_value, join_values, pluralize
from leadline.io.databases import Database, is_database_url, open_database
from leadline.io.json_files import is_file_url, path_of
from leadline.io.mlflow_experiment import Experiment, Run, choose_experiment
from leadline.io.mlflow_files import load_file_store
from leadline.io.recorded_params import select_params
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import choose_direction, choose_score

_TABLES = ("experiments", "runs", "latest_metrics", "params", "tags")
_PAGE = 1000
_PARENT = "mlflow.parentRunId"
_STATUS = {"FINISHED": "complete", "FAILED": "failed", "KILLED": "failed"}


def read_mlflow(
    uri: str | os.PathLike[str],
    *,
    score: str | None = None,
    direction: str | None = None,
    params: Sequence[str] | None = None,
    experiment: str | None = None,
    parent: str | Sequence[str] | None = None,
    replicate: str | None = None,
    random_start: int | None = None,
) -> Trials:
    """Return the runs of an MLflow experiment. The store is opened for reading only.

    Parameters
    ----------
    uri : str or path
        The store: a folder ``"mlruns"`` (or ``"file:mlruns"``), the file ``"mlflow.db"`` (or
        ``"sqlite:///mlflow.db"``), both read without MLflow; ``"postgresql://…"`` or
        ``"mysql://…"`` (``pip install "leadline[postgres]"``); or the ``"http://…"`` address of
        a tracking server (``pip install "leadline[mlflow]"``).
    score : str, optional
        The metric; required if there are several. The score is its value at the last step.
    direction : {"minimize", "maximize"}
        Which scores are good; MLflow does not record it.
    params : sequence of str, optional
        Parameters that are hyperparameters. Default: all that vary, but for those that are about
        the run by their name, such as a seed or a folder, and texts that differ in every run.
    experiment : str, optional
        Name or id; required if several have runs.
    parent : str or sequence of str, optional
        The sweeps to read, by name or id of their parent run; required if there are several.
    replicate : str, optional
        Parameter or tag that distinguishes replicates, such as ``"seed"``. Without it, runs with
        the same parameters are replicates, unless chance may have drawn these twice.
    random_start : int, optional
        Read only this many runs, the first.

    Returns
    -------
    Trials
        All runs with their status, but for parent runs. The last metric of a failed run is not a
        score, nor is the largest float, which MLflow stores for inf. `cost` is the duration in
        seconds, `order` the start.

    Raises
    ------
    LeadlineError
        If the store cannot be read, or holds a selection of the runs: `mlflow.sklearn.autolog`
        keeps the best few only.
    FileNotFoundError, ImportError
        If there is no such file (none is created), or MLflow or a driver is not installed.

    Examples
    --------
    >>> import leadline as ll
    >>> ll.read_mlflow("mlruns", score="loss", direction="minimize")  # doctest: +SKIP
    """
    if not isinstance(uri, str | os.PathLike):
        raise TypeError(f"uri must be a tracking URI or a path, got {format_value(uri)}")
    found = _load(uri, experiment)
    source = f"{found.source}, experiment {format_value(found.name)}"
    runs, n_parents = _choose_runs(found, parent, source)
    notes = [*found.notes]
    if n_parents:
        notes.append(f"{pluralize(n_parents, 'parent run')} left out: not a trial")
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    score = choose_score(score, names, source, direction)
    chosen, left_out = select_params([run.params for run in runs], params, source, replicate)
    notes += left_out
    evaluations = []
    for run, own in zip(runs, chosen, strict=True):
        value, status = run.metrics.get(score), _STATUS.get(str(run.status), "running")
        start, end = _seconds(run.start), _seconds(run.end)
        cost = None if start is None or end is None else end - start
        # Not one dict: the files of tags that nobody asks for stay unread.
        others: ChainMap[str, Any] = ChainMap(cast(Any, run.params), cast(Any, run.tags))
        evaluations.append(Evaluation(run.id, value, status, own, others, cost, start))
    metadata = Search(source, found.name, score, choose_direction(None, direction, source), notes)
    return collect(evaluations, metadata, replicate, random_start)


def _load(source: str | os.PathLike[str], wanted: str | None) -> Experiment:
    """Return the experiment from a file store, an SQLite file, a database or a server."""
    if not is_database_url(source):
        if isinstance(source, str) and "://" in source and not is_file_url(source):
            return _load_from_server(source, wanted)
        path = path_of(source)
        if path.is_dir():
            return load_file_store(path, wanted)
        source = path
    with open_database(source) as database:
        return _load_from_database(database, wanted)


def _load_from_database(database: Database, wanted: str | None) -> Experiment:
    database.require_tables(_TABLES, "store of MLflow", "runs were logged to")
    rows = database.query(
        "SELECT experiment_id, name, (SELECT COUNT(*) FROM runs r WHERE r.experiment_id = "
        "e.experiment_id) FROM experiments e ORDER BY experiment_id"
    )
    experiment, name = choose_experiment(rows, wanted, database.name)
    found: dict[object, Run] = {}
    values: dict[object, dict[str, dict[str, Any]]] = {}
    n_deleted = 0
    runs = (
        "SELECT run_uuid, name, status, start_time, end_time, lifecycle_stage FROM runs "
        "WHERE experiment_id = :experiment ORDER BY start_time, run_uuid"
    )
    for key, run_name, status, start, end, stage in database.query(runs, experiment=experiment):
        if stage == "deleted":
            n_deleted += 1
        else:
            values[key] = {"metrics": {}, "params": {}, "tags": {}}
            found[key] = Run(str(key), str(run_name), status, start, end, **values[key])

    def query_runs(table: str, columns: str) -> Iterable[tuple[dict[str, Any], Sequence[Any]]]:
        text = (
            f"SELECT d.run_uuid, {columns} FROM {table} d JOIN runs r ON r.run_uuid = d.run_uuid "
            "WHERE r.experiment_id = :experiment"
        )
        for key, *row in database.query(text, experiment=experiment):
            if key in found:
                yield values[key], row

    for own, (key, value, is_nan) in query_runs("latest_metrics", "d.key, d.value, d.is_nan"):
        own["metrics"][str(key)] = math.nan if is_nan else value
    for table in ("params", "tags"):
        for own, (key, value) in query_runs(table, "d.key, d.value"):
            own[table][str(key)] = str(value)
    notes = [f"{pluralize(n_deleted, 'deleted run')} left out"] if n_deleted else []
    return Experiment(name, database.name, list(found.values()), notes)


def _load_from_server(uri: str, wanted: str | None) -> Experiment:
    if importlib.util.find_spec("mlflow") is None:
        raise ImportError(
            "reading from a tracking server needs mlflow; install it with "
            'pip install "leadline[mlflow]"'
        )
    import mlflow

    name = uri.partition("?")[0].rpartition("@")[2].removeprefix("http://")
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        rows = []
        for own in _all_pages(client.search_experiments):
            runs = client.search_runs([own.experiment_id], max_results=1)
            rows.append((own.experiment_id, own.name, len(runs)))
        experiment, label = choose_experiment(rows, wanted, name)
        runs = _all_pages(client.search_runs, experiment_ids=[experiment])
    except mlflow.exceptions.MlflowException as error:
        reason = re.sub(r"//[^/\s]*@", "//", str(error))  # without user and password
        raise LeadlineError(
            f"{format_value(name)}: MLflow cannot read it ({format_value(reason, 200)}); check the "
            "tracking URI, and that the server runs"
        ) from None
    found = []
    for run in reversed(runs):  # the server lists the newest run first
        info, data = run.info, run.data
        times = info.start_time, info.end_time
        values = dict(data.metrics), dict(data.params), dict(data.tags)
        found.append(Run(info.run_id, str(info.run_name), info.status, *times, *values))
    return Experiment(label, name, found)


def _all_pages(search: Any, **arguments: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(max_results=_PAGE, page_token=token, **arguments)
        found.extend(page)
        token = page.token
        if not token:
            return found


def _seconds(milliseconds: object) -> float | None:
    known = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000.0 if known and milliseconds else None  # type: ignore[operator]


def _choose_runs(
    found: Experiment, wanted: str | Sequence[str] | None, source: str
) -> tuple[list[Run], int]:
    """Return the runs of one sweep, or all if there are no sweeps, and the number of parents."""
    parent_of = {run.id: run.tags.get(_PARENT, "") for run in found.runs}
    all_parents = set(parent_of.values())
    parents = {run.id: run for run in found.runs if run.id in all_parents}
    # In nested sweeps, the innermost are the searches: their runs are no parents.
    sweeps: dict[str, list[Run]] = {}
    for run in found.runs:
        if run.id not in parents:
            sweeps.setdefault(parent_of[run.id], []).append(run)
    # The parent itself may be deleted, or belong to another experiment.
    name_of = {key: parents[key].name if key in parents else key for key in sweeps if key}
    named = list(name_of)
    if wanted is not None:
        asked = [wanted] if isinstance(wanted, str) else list(wanted)
        named = [key for key in named if key in asked or name_of[key] in asked]
    for key in set(named) & set(parents):
        # Before the choice, because no such sweep can be chosen.
        _refuse_autolog(parents[key], len(sweeps[key]), source)
    if wanted is not None and not named:
        names = join_values(name_of.values(), 8) or "none"
        raise LeadlineError(f"{source}: no parent run {format_value(wanted)}; there are {names}")
    if wanted is None and len(sweeps) > 1:
        names = join_values(name_of.values(), 8)
        alone = f" and {pluralize(len(sweeps['']), 'run')} outside of any" if "" in sweeps else ""
        first = name_of[named[0]]
        raise SeveralError(
            f"{source}: runs of several searches, with the parent runs {names}{alone}; choose, as "
            f"in parent={first!r}",
            "parent",
            name_of.values(),
        )
    chosen = {run.id for key in (named if wanted is not None else sweeps) for run in sweeps[key]}
    return [run for run in found.runs if run.id in chosen], len(parents)


def _refuse_autolog(parent: Run, kept: int, source: str) -> None:
    """Raise if the runs of a sweep are the best few that scikit-learn's autologging keeps."""
    estimator = parent.tags.get("estimator_name", "")
    if "mlflow.autologging" not in parent.tags or not estimator.endswith("SearchCV"):
        return
    tried = parent.params.get("n_iter", "")
    if tried.isdecimal() and int(tried) <= kept:
        return
    of = f" of {tried}" if tried.isdecimal() else ""
    raise LeadlineError(
        f"{source}: mlflow.sklearn.autolog logged only the {kept} best{of} candidates of "
        f"{estimator}, run {format_value(parent.name)}, a selected sample; read the search itself "
        "with read_sklearn(search), or its artifact cv_results.csv, or log with "
        "max_tuning_runs=None"
    )
