"""`read_wandb_csv`: the table of runs that Weights & Biases exports to `Trials`."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from leadline.data.columns import to_number
from leadline.data.trials import Trials, validate_direction
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.files import read_file, table_name
from leadline.io.frames import as_pandas
from leadline.io.records import Evaluation, collect

REQUIRED = ("Name", "State")
# What the table says of a run besides its config and summary.
_ABOUT = frozenset(
    {"Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "ID", "Group"}
    | {"Job Type", "Updated", "End Time", "Hostname", "GPU Type", "GPU Count", "Commit", "Host"}
    | {"Description", "Start Time", "Project", "Entity", "Author"}
)
_UNFINISHED = frozenset({"running", "pending", "queued"})
_BLANK = frozenset({"", "-"})


def read_wandb_csv(
    path_or_frame: str | os.PathLike[str] | object,
    *,
    score: str,
    direction: str,
    params: Sequence[str] | None = None,
    replicate: str | None = None,
    sweep: str | None = None,
    random_start: int | None = None,
) -> Trials:
    """Return the runs of a CSV export of Weights & Biases, one row a run.

    Parameters
    ----------
    path_or_frame : path or data frame
        What "Export as CSV" gives: columns `Name`, `State` and others about the run, then the
        visible ones of config and summary.
    score : str
        Column of the summary. "NaN" and "Infinity" mean that the run failed.
    direction : {"minimize", "maximize"}
        Which scores are good; it is not in the export.
    params : sequence of str, optional
        Columns of the hyperparameters: the export does not tell config from summary.
    replicate : str, optional
        Column that tells replicates apart, such as ``"seed"``. Without it, runs with the same
        hyperparameters are replicates, unless chance may have drawn these twice.
    sweep : str, optional
        Which sweep, by its name in the column `Sweep`; needed if there are several.
    random_start : int, optional
        Read the first so many runs only.

    Returns
    -------
    Trials
        Every run with its status: any state but `finished` is a failure, or `running`. `cost` is
        the runtime in seconds, `order` follows `Created`.

    Raises
    ------
    LeadlineError
        If this is no such export, or a column is missing.
    """
    direction = validate_direction(direction)
    if isinstance(path_or_frame, str | os.PathLike):
        path = Path(os.path.expanduser(path_or_frame))
        frame, source, task = read_file(path), path.name, table_name(path)
    else:
        frame, library = as_pandas(path_or_frame)
        source, task = f"{library} frame", "task"
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise LeadlineError(
            f"{source}: no column {join_values(missing)}, so this is no export of W&B; there are "
            f"{join_values(frame.columns)}; other tables are for read_table"
        )
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    for argument, names in (("score", [score]), ("params", params), ("replicate", [replicate])):
        for name in names or ():
            if name is not None:
                _validate_column(argument, name, columns, source)
    rows = _rows_of_sweep(columns, sweep, source)
    notes = []
    if not params:
        notes.append(
            "which columns are hyperparameters is not in the export: name them with params, so "
            "that their number bounds the effective dimension"
        )
    order = _order([columns["Created"][row] for row in rows] if "Created" in columns else [])
    evaluations = []
    for place, row in enumerate(rows):
        state = str(columns["State"][row]).strip().casefold()
        own = {name: columns[name][row] for name in params or () if _given(columns[name][row])}
        status = "running" if state in _UNFINISHED else "failed"
        status = "complete" if state == "finished" else status
        evaluations.append(
            Evaluation(
                row + 1,
                _score(
                    columns[score][row], f"{source}: column {format_value(score)}, row {row + 1}"
                )
                if status == "complete"
                else None,
                status,
                own,
                {}
                if replicate is None or replicate in own
                else {replicate: columns[replicate][row]},
                _seconds(columns["Runtime"][row]) if "Runtime" in columns else None,
                order[place] if order else None,
            )
        )
    return collect(
        evaluations,
        source=source,
        task=task,
        metric=score,
        direction=direction,
        replicate=replicate,
        random_start=random_start,
        notes=notes,
    )


def is_wandb_export(columns: Sequence[str]) -> bool:
    """Return whether these are columns of a W&B export."""
    return all(name in columns for name in REQUIRED)


def _validate_column(argument: str, name: str, columns: dict[str, list[Any]], source: str) -> None:
    if name in columns:
        return
    # Keys that begin with an underscore are W&B's own.
    known = [column for column in columns if column not in _ABOUT and not column.startswith("_")]
    raise LeadlineError(
        f"{source}: no column {format_value(name)} for {argument}.{closest(name, known)} The columns of "
        f"config and summary are {join_values(known) or 'none'}; show others in the table of runs "
        "before the export"
    )


def _rows_of_sweep(columns: dict[str, list[Any]], sweep: str | None, source: str) -> list[int]:
    every = list(range(len(columns["Name"])))
    names = [str(cell).strip() if _given(cell) else "" for cell in columns.get("Sweep", [])]
    if sweep is None and len(set(names)) <= 1:
        return every
    known = join_values(dict.fromkeys(name for name in names if name)) or "none"
    if sweep is None:
        outside = " and runs outside of any" if "" in names else ""
        raise LeadlineError(
            f"{source}: runs of several searches, the sweeps {known}{outside}; choose one with "
            "sweep"
        )
    chosen = [row for row in every if names and names[row] == sweep]
    if not chosen:
        raise LeadlineError(f"{source}: no sweep {format_value(sweep)}; there are {known}")
    return chosen


def _given(cell: object) -> bool:
    missing = cell is None or cell is pd.NA or cell is pd.NaT or cell != cell
    return not missing and str(cell).strip() not in _BLANK


def _score(cell: object, label: str) -> float:
    try:
        return to_number(cell)
    except (TypeError, ValueError):
        raise LeadlineError(
            f"{label}: must be a number, 'NaN' or 'Infinity', got {format_value(cell)}; name a column of "
            "numbers"
        ) from None


def _seconds(cell: object) -> float | None:
    try:
        return to_number(cell)
    except (TypeError, ValueError):
        return None


def _order(created: Sequence[object]) -> list[float]:
    """Return the seconds at which runs were created, empty unless known of all."""
    try:
        # Exports list the newest run first.
        return [datetime.fromisoformat(str(cell)).timestamp() for cell in created]
    except (ValueError, OverflowError, OSError):
        return []
