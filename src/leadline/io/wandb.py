"""`read_wandb_csv`: the table of runs that Weights & Biases exports to `Trials`."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from leadline.data.columns import validate_numbers
from leadline.data.trials import Trials, validate_direction
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.files import load_frame
from leadline.io.params import is_missing, parse_number
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import choose_group

_REQUIRED = ("Name", "State")
# Columns about the run, which are neither config nor summary.
_ABOUT = frozenset(
    {"Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "ID", "Group"}
    | {"Job Type", "Updated", "End Time", "Hostname", "GPU Type", "GPU Count", "Commit", "Host"}
    | {"Description", "Start Time", "Project", "Entity", "Author"}
)
_STATUS = {"finished": "complete", "running": "running", "pending": "running", "queued": "running"}

_Columns = Mapping[str, list[Any]]


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
    """Return the runs of a CSV export of Weights & Biases, one row per run.

    Parameters
    ----------
    path_or_frame : path or data frame
        The file of "Export as CSV": columns `Name`, `State` and others about the run, then the
        visible ones of config and summary.
    score : str
        Column of the summary. "NaN" and "Infinity" mean that the run failed.
    direction : {"minimize", "maximize"}
        Which scores are good; the export does not record it.
    params : sequence of str, optional
        Columns of the hyperparameters; the export does not separate config from summary.
    replicate : str, optional
        Column that distinguishes replicates, such as ``"seed"``. Without it, runs with the same
        hyperparameters are replicates, unless chance may have drawn these twice.
    sweep : str, optional
        Name in the column `Sweep`; required if there are several sweeps.
    random_start : int, optional
        Read only this many runs, the first.

    Returns
    -------
    Trials
        All runs with their status: complete if the state is `finished`, else running or failed.
        `cost` is the runtime in seconds, `order` follows `Created`.

    Raises
    ------
    LeadlineError
        If the table is no such export, or a column is missing.

    Examples
    --------
    >>> import leadline as ll
    >>> import pandas as pd
    >>> export = pd.DataFrame(
    ...     {"Name": ["a", "b"], "State": ["finished", "crashed"], "lr": [0.1, 0.3], "loss": [2, 9]}
    ... )
    >>> print(ll.read_wandb_csv(export, score="loss", direction="minimize", params=["lr"]))
    2 trials: 1 complete, 1 failed
    """
    direction = validate_direction(direction)
    frame, source, task = load_frame(path_or_frame)
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    refuse_chart_export(list(columns), source)
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise LeadlineError(
            f"{source}: no column {join_values(missing)}, so this is no export of W&B; there are "
            f"{join_values(columns)}; other tables are for read_table"
        )
    for argument, names in (("score", [score]), ("params", params), ("replicate", [replicate])):
        for name in names or ():
            if name is not None and name not in columns:
                raise _unknown_column(argument, name, columns, source)
    notes = []
    if not params:
        notes.append(
            "which columns are hyperparameters is not in the export: name them, as in "
            "params=['lr'], so that their number bounds the effective dimension"
        )
    cells = columns.get("Sweep", [None] * len(frame))
    names = [str(cell).strip() if _is_given(cell) else "" for cell in cells]
    rows, _ = choose_group(names, sweep, "sweep", source)
    order = _parse_times([columns["Created"][row] for row in rows] if "Created" in columns else [])
    states = [str(cell).strip().casefold() for cell in columns["State"]]
    statuses = [_STATUS.get(state, "failed") for state in states]
    # Validated with the numbers of the rows in the file, which messages name.
    complete = [row for row in rows if statuses[row] == "complete"]
    measured = pd.Series(columns[score], dtype=object)[complete]
    label = f"{source}: column {format_value(score)}"
    scores = dict(zip(complete, validate_numbers(measured, label), strict=True))
    evaluations = []
    for index, row in enumerate(rows):
        run = {name: column[row] for name, column in columns.items()}
        own = {name: run[name] for name in params or () if _is_given(run[name])}
        seed = {} if replicate is None or replicate in own else {replicate: run[replicate]}
        cost, time = parse_number(run.get("Runtime")), order[index] if order else None
        found = Evaluation(row + 1, scores.get(row), statuses[row], own, seed, cost, time)
        evaluations.append(found)
    metadata = Search(source, task, score, direction, notes)
    return collect(evaluations, metadata, replicate, random_start)


def is_wandb_export(columns: Sequence[str]) -> bool:
    """Return whether these are columns of a W&B export."""
    return all(name in columns for name in _REQUIRED)


def refuse_chart_export(columns: Sequence[str], source: str) -> None:
    """Raise if these are the columns of a chart, which has one row per step and not per run."""
    charts = [
        name
        for name in columns
        if " - " in name and f"{name}__MIN" in columns and f"{name}__MAX" in columns
    ]
    if charts:
        raise LeadlineError(
            f"{source}: the export of a chart of W&B, with one row per step and columns such as "
            f"{format_value(charts[0])}; export the table of runs instead (in the project: Table, "
            "Export, CSV), or give the local folder wandb"
        )


def _unknown_column(argument: str, name: str, columns: _Columns, source: str) -> LeadlineError:
    # Names that begin with an underscore are internal to W&B.
    known = [column for column in columns if column not in _ABOUT and not column.startswith("_")]
    return LeadlineError(
        f"{source}: no column {format_value(name)} for {argument}.{closest(name, known)} The "
        f"columns of config and summary are {join_values(known) or 'none'}; show others in the "
        "table of runs before the export"
    )


def _is_given(cell: object) -> bool:
    return not is_missing(cell) and str(cell).strip() not in ("", "-")


def _parse_times(created: Sequence[object]) -> list[float]:
    """Return times in seconds, an empty list unless all are known."""
    try:
        return [datetime.fromisoformat(str(cell)).timestamp() for cell in created]
    except (ValueError, OverflowError, OSError):
        return []
