"""`read_table`: a file or a data frame with one row per evaluation to `Trials`."""

import logging
import os
from collections.abc import Mapping, Sequence

from leadline.data.trials import PARAM_PREFIX, Trials, validate_any_complete, validate_direction
from leadline.data.validate import validate_rows
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.files import load_frame
from leadline.io.optuna_frame import is_trials_frame

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

    Each argument from `score` to `best_of` names a column. If it is None, the column of exactly
    that name is used if there is one ("task" for `task`); so are columns named `order` and
    `budget`. Columns named `param:<name>` are hyperparameters. All others are left out.

    Parameters
    ----------
    path_or_frame : path or data frame
        Separated values (CSV, TSV), JSON (an object per line, an array of objects), each also as
        .gz, .bz2, .xz, or Parquet, recognised by the suffix; or a pandas, polars or other frame
        that narwhals supports. Text must be UTF-8. Separator and decimal mark are found.
    score : str
        The score, in the user's units. Empty, NaN, inf, "nan" and "Infinity" mean that the trial
        failed; any other text that is no number is an error.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.
    task, model : str, optional
        The problem, and the model that was tuned. With neither, all rows are one search: its task
        is the file's name without suffix (or "task"), its model "model".
    trial, replicate : str, optional
        The configuration that a row evaluates, by default the row number, from 1; and the
        evaluation of it, such as its seed, which needs `trial`.
    status : str, optional
        `complete`, `failed`, `pruned`, `running`, or the words of other tools in
        `leadline.data.columns.STATUS_WORDS`. Scores are used in complete rows only. Or
        `reported`: the row is a reported best, see `best_of`.
    cost, space : str, optional
        Cost of the evaluation, such as seconds; the search space, the same for all rows of a
        search.
    best_of : str, optional
        Number of trials of which the score is the best, such as 50 for a published "0.913, the
        best of 50 trials". Such a row needs only task, model and score, and becomes one of
        `Trials.reports`; its trials are others than those of the table. Empty or 1: an ordinary
        trial. For an unknown number, set the status `reported` and leave `best_of` empty.
    params : sequence of str, optional
        Columns of hyperparameters, renamed to `param:<name>`. Without them and without
        `param:*` columns the hyperparameters are unknown and `n_params` is 0.

    Returns
    -------
    Trials
        All rows of the input, in its order, reported bests apart from trials. Row numbers in
        messages count from 1, without the header.

    Raises
    ------
    LeadlineError
        If the file, a column or a value is not valid. A subclass of ValueError.
    FileNotFoundError, IsADirectoryError, TypeError
        If there is no such file, or an argument has the wrong type.
    ImportError
        If pyarrow is needed for Parquet and not installed.

    Examples
    --------
    >>> import leadline as ll
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"val_loss": [0.31, 0.27, None], "lr": [0.1, 0.03, 0.9]})
    >>> print(ll.read_table(frame, score="val_loss", direction="minimize", params=["lr"]))
    3 trials: 2 complete, 1 failed
    """
    named = {"score": score, "task": task, "model": model, "trial": trial, "replicate": replicate}
    named |= {"status": status, "cost": cost, "space": space, "best_of": best_of}
    _validate_arguments(named, params)
    direction = validate_direction(direction)
    frame, source, default_task = load_frame(path_or_frame)
    if is_trials_frame(frame.columns) and status is None and params is None:
        raise LeadlineError(
            f"{source}: a trials_dataframe of Optuna, in which pruned trials have values too; read "
            "it with read_optuna, or name the columns with status='state' and params"
        )
    columns = _resolve_columns(named, params, list(frame.columns), source)
    chosen = frame[list(columns.values())].set_axis(list(columns), axis="columns")
    if "task" not in columns:
        chosen = chosen.assign(task=default_task)
    table, reports = validate_rows(chosen, source=source, names=columns)
    if "trial" not in columns and table["replicate"].nunique() > 1:
        raise LeadlineError(
            f"{source}: column {format_value(columns['replicate'])} distinguishes replicates, but "
            "no column names the trial of each row; name one, as in trial='config'"
        )
    trials = validate_any_complete(
        Trials(table, direction, metric=score, source=source, reports=reports)
    )
    for line in (trials, *trials.notes):
        _log.info("%s: %s", source, line)
    return trials


def _validate_arguments(named: Mapping[str, str | None], params: Sequence[str] | None) -> None:
    """Raise TypeError unless columns are named by strings."""
    for argument, value in named.items():
        if not isinstance(value, str) and (value is not None or argument == "score"):
            raise TypeError(
                f"{argument} must be the name of a column, got {format_value(value)}; write it as "
                f"a string, as in {argument}='{argument}'"
            )
    listed = params is None or isinstance(params, list | tuple)
    if not listed or not all(isinstance(name, str) for name in params or ()):
        raise TypeError(
            f"params must be a list of column names, got {format_value(params)}; write "
            "params=['lr']"
        )


def _resolve_columns(
    named: Mapping[str, str | None], params: Sequence[str] | None, existing: list[str], source: str
) -> dict[str, str]:
    """Return the column of the input for each column of the table."""
    columns: dict[str, str] = {}
    wanted = [(argument, name) for argument, name in named.items() if name is not None]
    for argument, column in [*wanted, *(("params", name) for name in params or ())]:
        if column not in existing:
            raise LeadlineError(
                f"{source}: no column {format_value(column)} for {argument}."
                f"{closest(column, existing)} The columns are {join_values(existing) or 'none'}"
            )
    for column, name in {**named, "order": None, "budget": None}.items():
        if name is not None:
            columns[column] = name
        elif column in existing and column not in named.values():
            columns[column] = column
    for name in existing:
        free = name == named["score"] or name not in columns.values()
        if name.startswith(PARAM_PREFIX) and free:
            columns[name] = name
    for name in params or ():
        column = f"{PARAM_PREFIX}{name.removeprefix(PARAM_PREFIX)}"
        if columns.get(column, name) != name:
            raise LeadlineError(
                f"{source}: params has {format_value(name)}, but there is a column "
                f"{format_value(column)} too; leave one out"
            )
        columns[column] = name
    taken: dict[str, str] = {}
    for column, name in columns.items():
        if name in taken:
            raise LeadlineError(
                f"{source}: column {format_value(name)} is named both as {taken[name]} and as "
                f"{column}; name it once"
            )
        taken[name] = column
    return columns
