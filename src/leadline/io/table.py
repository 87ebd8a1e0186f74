"""`read_table`: a file or a data frame with one row per evaluation to `Trials`."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from leadline.data.trials import PARAM_PREFIX, Trials, validate_any_complete, validate_direction
from leadline.data.validate import validate_rows
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.files import read_file, table_name
from leadline.io.frames import as_pandas

_log = logging.getLogger(__name__)


def read_table(
    path_or_frame: str | os.PathLike[str] | object,
    *,
    score: str,
    direction: str,
    task: str | None = None,
    model: str | None = None,
    trial: str | None = None,
    replicate: str | None = None,
    status: str | None = None,
    cost: str | None = None,
    space: str | None = None,
    best_of: str | None = None,
    params: Sequence[str] | None = None,
) -> Trials:
    """Return the trials in a file or data frame with one row per evaluation.

    Each of the arguments `score` to `best_of` names a column. When one is None, the column of
    exactly that name is used if there is one ("task" for `task`); so are columns named `order`
    and `budget`. Columns named `param:<name>` are hyperparameters. All others are left out.

    Parameters
    ----------
    path_or_frame : path or data frame
        CSV, TSV, JSON lines (each also as .gz, .bz2, .xz) or Parquet, told apart by the suffix;
        or a pandas, polars or other frame that narwhals knows. Text must be UTF-8, separated by
        commas, with points as decimal marks.
    score : str
        The score, in the user's units. Empty, NaN, inf, "nan", "Infinity" mean that the trial
        failed; anything else that is no number is an error.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.
    task, model : str, optional
        What was solved, what was tuned. With neither, all rows are one search: its task is the
        file's name without suffix (or "task"), its model "model".
    trial : str, optional
        The configuration that a row evaluates; the row number, from 1, when there is no such
        column.
    replicate : str, optional
        Which of several evaluations of a trial a row is, such as its seed. Needs `trial`.
    status : str, optional
        `complete`, `failed`, `pruned`, `running` or other tools' words for them, see
        `leadline.data.columns.STATUS_WORDS`. Scores of rows that are not complete are not used. Or
        `reported`: the row is a reported best, see `best_of`.
    cost : str, optional
        What the evaluation cost, such as seconds.
    space : str, optional
        The search space, the same for all rows of a search.
    best_of : str, optional
        How many trials the score is the best of, such as 50 for a published "0.913, the best of 50
        trials". Such a row is a reported best and no trial: it becomes one of `Trials.reports`,
        whose k trials are others than those of the table. Empty or 1: an ordinary trial. A report
        that does not say how many has the status `reported` and an empty `best_of`. All it needs
        besides is task, model and score.
    params : sequence of str, optional
        Columns of hyperparameters, renamed to `param:<name>`. Without them and without
        `param:*` columns the hyperparameters are unknown and `n_params` is 0.

    Returns
    -------
    Trials
        Every row of the input, in its order, reported bests apart from trials. Row numbers in
        messages count from 1, without the header.

    Raises
    ------
    LeadlineError
        If the file, a column or a value is not valid. A subclass of ValueError.
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    TypeError
        If an argument has the wrong type.
    ImportError
        If Parquet is asked for and pyarrow is not installed.
    """
    named = {
        "score": score,
        "task": task,
        "model": model,
        "trial": trial,
        "replicate": replicate,
        "status": status,
        "cost": cost,
        "space": space,
        "best_of": best_of,
    }
    _validate_arguments(named, params)
    direction = validate_direction(direction)
    if isinstance(path_or_frame, str | os.PathLike):
        # Not Path.expanduser, which raises for an unknown user.
        path = Path(os.path.expanduser(path_or_frame))
        frame, source, default_task = read_file(path), path.name, table_name(path)
    else:
        frame, library = as_pandas(path_or_frame)
        source, default_task = f"{library} frame", "task"
    columns = _resolve_columns(named, params, list(frame.columns), source)
    chosen = frame[list(columns.values())].set_axis(list(columns), axis="columns")
    if "task" not in columns:
        chosen = chosen.assign(task=default_task)
    table, reports = validate_rows(chosen, source=source, names=columns)
    if "trial" not in columns and table["replicate"].nunique() > 1:
        raise LeadlineError(
            f"{source}: column {format_value(columns['replicate'])} tells replicates apart, but no "
            "column says which rows are one trial; name it, as in trial='config'"
        )
    trials = validate_any_complete(
        Trials(table, direction, metric=score, source=source, reports=reports)
    )
    _log.info("%s: %s", source, trials)
    for note in trials.notes:
        _log.info("%s: %s", source, note)
    return trials


def _validate_arguments(named: dict[str, str | None], params: Sequence[str] | None) -> None:
    """Raise unless columns are named by strings."""
    for argument, value in named.items():
        if not isinstance(value, str) and (value is not None or argument == "score"):
            raise TypeError(
                f"{argument} must be the name of a column, got {format_value(value)}; write it as a "
                f"string, as in {argument}='{argument}'"
            )
    if params is not None and not (
        isinstance(params, list | tuple) and all(isinstance(name, str) for name in params)
    ):
        raise TypeError(
            f"params must be a list of column names, got {format_value(params)}; write params=['lr']"
        )


def _resolve_columns(
    named: dict[str, str | None], params: Sequence[str] | None, existing: list[str], source: str
) -> dict[str, str]:
    """Return which column of the input becomes which column of the table."""
    columns: dict[str, str] = {}
    arguments = {**named, "order": None, "budget": None}
    for role, name in arguments.items():
        if name is None and role in existing and role not in named.values():
            columns[role] = role
        elif name is not None:
            columns[role] = _existing(role, name, existing, source)
    for name in existing:
        if name.startswith(PARAM_PREFIX) and (
            name == named["score"] or name not in columns.values()
        ):
            columns[name] = name
    for name in params or ():
        role = f"{PARAM_PREFIX}{name.removeprefix(PARAM_PREFIX)}"
        if columns.get(role, name) != name:
            raise LeadlineError(
                f"{source}: params has {format_value(name)}, but there is a column {format_value(role)} too; "
                "leave one out"
            )
        columns[role] = _existing("params", name, existing, source)
    taken: dict[str, str] = {}
    for role, name in columns.items():
        if name in taken:
            raise LeadlineError(
                f"{source}: column {format_value(name)} is named both as {taken[name]} and as {role}; "
                "name it once"
            )
        taken[name] = role
    return columns


def _existing(argument: str, name: str, existing: list[str], source: str) -> str:
    if name in existing:
        return name
    raise LeadlineError(
        f"{source}: no column {format_value(name)} for {argument}.{closest(name, existing)} "
        f"The columns are {join_values(existing) or 'none'}"
    )
