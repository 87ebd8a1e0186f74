"""MLflow's file store, the folder `mlruns`, without MLflow.

A run is a folder with `meta.yaml` and one file per metric, parameter and tag. Files are read when
their value is needed: most of the metrics and tags of a sweep never are.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.json_files import damaged
from leadline.io.mlflow_experiment import Experiment, Run, choose_experiment
from leadline.io.yaml_files import read_yaml

_META = "meta.yaml"
_ID = b"experiment_id"
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_LOGGED = ("metrics", "params")


class _Files[T](Mapping[str, T]):
    """Values of a run by name, each parsed from a file; the slash in "a/b" is a folder."""

    def __init__(self, folder: str, parse: Callable[[bytes], T], source: str) -> None:
        self._folder, self._parse, self._source = folder, parse, source
        self._names: dict[str, None] | None = None

    def __getitem__(self, name: str) -> T:
        if name not in self._list():
            raise KeyError(name)
        path = os.path.join(self._folder, name)
        try:
            with open(path, "rb") as file:
                return self._parse(file.read())
        except (ValueError, OverflowError) as error:
            reason = f"is no metric of MLflow ({format_value(str(error))})"
            raise damaged(Path(path), self._source, reason) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def _list(self) -> dict[str, None]:
        if self._names is None:
            names = []
            # Links to folders are not followed, as in MLflow, so that no loop of links is endless.
            for root, _, files in os.walk(self._folder):
                inner = root[len(self._folder) + 1 :].replace(os.sep, "/")
                names += [f"{inner}/{name}" if inner else name for name in files]
            self._names = dict.fromkeys(sorted(names))
        return self._names


def is_file_store(path: Path) -> bool:
    """Return whether a folder is a file store of MLflow, or one experiment of it."""
    return any(_is_experiment(folder) for folder in (path, *_subfolders(path)))


def load_file_store(path: Path, wanted: str | None) -> Experiment:
    """Return the experiment with the name or id `wanted`, or the only one, from a file store."""
    source = path.resolve().name or "mlruns"
    meta = read_yaml(path / _META) or {}
    if "run_id" in meta or "run_uuid" in meta:
        raise LeadlineError(
            f"{format_value(source)} is one run of MLflow; give the folder of the store, mlruns"
        )
    folders = [path] if _is_experiment(path) else [*filter(_is_experiment, _subfolders(path))]
    rows = []
    for folder in folders:
        name = str((read_yaml(folder / _META) or {}).get("name", folder.name))
        rows.append((folder, name, len(_run_folders(folder))))
    rows.sort(key=lambda row: row[1])  # ids of experiments are random numbers
    by_id = {folder.name: folder for folder in folders}
    if wanted in by_id:
        rows = [row for row in rows if row[0] == by_id[wanted]]
        wanted = rows[0][1]
    chosen, label = choose_experiment(rows, wanted, source)
    return _load_runs(chosen, label, source)


def _load_runs(folder: Path, name: str, source: str) -> Experiment:
    runs, unreadable, n_deleted = [], [], 0
    for own in _run_folders(folder):
        meta = read_yaml(own / _META)
        if meta is None:
            unreadable.append(own.name)
        elif meta.get("lifecycle_stage", "active") != "active":
            n_deleted += 1
        else:
            runs.append(_read_run(own, meta, source))
    runs.sort(key=lambda run: (run.start if isinstance(run.start, int) else 0, run.id))
    notes = []
    if n_deleted:
        notes.append(f"{pluralize(n_deleted, 'deleted run')} left out")
    if unreadable:
        notes.append(
            f"{pluralize(len(unreadable), 'run')} left out, as in MLflow, whose {_META} is missing "
            f"or damaged: {join_values(unreadable, 3)}"
        )
    return Experiment(name, source, runs, notes)


def _read_run(folder: Path, meta: Mapping[str, Any], source: str) -> Run:
    inside = str(folder)
    status = meta.get("status", 1)
    run = Run(
        str(meta.get("run_id") or meta.get("run_uuid") or folder.name),
        str(meta.get("run_name") or ""),
        _STATUS.get(status, "RUNNING") if isinstance(status, int) else str(status),
        meta.get("start_time"),
        meta.get("end_time"),
        _Files(os.path.join(inside, "metrics"), _parse_metric, source),
        _Files(os.path.join(inside, "params"), _parse_text, source),
        _Files(os.path.join(inside, "tags"), _parse_text, source),
    )
    run.name = run.name or run.tags.get("mlflow.runName", "")
    return run


def _parse_text(content: bytes) -> str:
    return content.decode(errors="replace")


def _parse_metric(content: bytes) -> float | None:
    """Return the value at the last step, None if there is none.

    A line is "timestamp value step", without the step in files of MLflow before 1.0; names of a
    data set may follow.
    """
    lines = [line.split() for line in content.splitlines() if line.strip()]
    if not lines:
        return None
    values = [
        (int(fields[2]) if len(fields) > 2 else 0, int(fields[0]), float(fields[1]))
        for fields in lines
        if len(fields) > 1
    ]
    if len(values) < len(lines):
        raise ValueError("a line with one field")
    return max(values)[2]


def _is_experiment(folder: Path) -> bool:
    """Return whether a folder has the metadata of an experiment, or of one of its runs."""
    try:
        return _ID in (folder / _META).read_bytes()
    except OSError:
        return False


def _run_folders(folder: Path) -> list[Path]:
    """Return the folders of an experiment that are runs, also those without metadata."""
    found = []
    for own in _subfolders(folder):
        inside = str(own)
        if any(os.path.exists(os.path.join(inside, name)) for name in (_META, *_LOGGED)):
            found.append(own)
    return found


def _subfolders(path: Path) -> list[Path]:
    """Return the folders inside, without `.trash`, where MLflow keeps deleted experiments."""
    names = sorted(os.listdir(path))
    inside = [path / name for name in names if not name.startswith(".") and name != "models"]
    return [own for own in inside if os.path.isdir(own)]
