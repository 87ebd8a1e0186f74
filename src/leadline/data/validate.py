"""Validation of a table of trials: its columns, its reported bests, and each search as a whole."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import (
    PARAM_PREFIX,
    validate_column_names,
    validate_identifiers,
    validate_labels,
    validate_numbers,
    validate_param,
    validate_status,
)
from leadline.data.reported_bests import fill_status, validate_reports
from leadline.errors import LeadlineError, format_value, join_values

OPTIONAL_COLUMNS = ("cost", "order", "budget", "space")

# Squares of scores must stay finite. Scores this large are overflows anyway: MLflow, for
# example, stores inf as 1.797693e308.
_LARGEST_SCORE = 1e150


def validate_rows(
    table: pd.DataFrame, *, source: str = "table", names: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evaluations with every column of `Trials`, normalised, and the reported bests.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per evaluation or report, with the columns that `Trials` describes.
    source : str
        Name of the table in messages.
    names : mapping of str to str, optional
        Names of columns in messages, where they differ from those in `table`.

    Returns
    -------
    evaluations, reports : DataFrame
        In the order of the table; either may be empty.

    Raises
    ------
    LeadlineError
        If a column or a value is not valid, or a trial and replicate appear twice in a search.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a pandas.DataFrame, got {type(table).__name__}")
    validate_column_names(table.columns, source=source)
    if "score" not in table.columns:
        raise LeadlineError(f"{source}: no column 'score'; there are {join_values(table.columns)}")

    def label(column: str) -> str:
        return f"{source}: column {format_value((names or {}).get(column, column))}"

    # Messages count rows by the index.
    table = table.reset_index(drop=True)
    reports, is_report = validate_reports(table, label)
    evaluations = table[~is_report]
    if len(reports) and "status" in table.columns:
        # If any row is a report, a blank status means `complete`.
        evaluations = evaluations.assign(status=fill_status(evaluations["status"]))
    valid = _validate_evaluations(evaluations, label)
    _validate_searches(valid, source, evaluations.index.to_numpy() + 1)
    return valid, reports


def _validate_evaluations(table: pd.DataFrame, label: Callable[[str], str]) -> pd.DataFrame:
    """Return the evaluations, whose rows the index numbers, with normalised columns."""
    n = len(table)

    def validated(column: str, validate: Callable[..., object], default: object) -> object:
        return validate(table[column], label(column)) if column in table.columns else default

    valid = {
        "task": validated("task", validate_labels, ["task"] * n),
        "model": validated("model", validate_labels, ["model"] * n),
        "trial": validated("trial", validate_identifiers, table.index.to_numpy() + 1),
        "replicate": validated("replicate", validate_identifiers, np.ones(n, np.int64)),
    }
    status = np.asarray(validated("status", validate_status, ["complete"] * n), dtype=object)
    score = np.full(n, np.nan)
    evaluated = status == "complete"
    score[evaluated] = validate_numbers(table["score"][evaluated], label("score"))
    score[~(np.abs(score) <= _LARGEST_SCORE)] = np.nan
    status[evaluated & np.isnan(score)] = "failed"
    valid["score"], valid["status"] = score, status
    for column in OPTIONAL_COLUMNS:
        if column == "space" and column in table.columns:
            valid[column] = validate_labels(table[column], label(column))
        elif column in table.columns:
            amount = validate_numbers(table[column], label(column))
            valid[column] = np.where(np.isfinite(amount), amount, np.nan)
    for column in table.columns:
        if column.startswith(PARAM_PREFIX):
            valid[column] = validate_param(table[column])
    return pd.DataFrame(valid)


def _validate_searches(table: pd.DataFrame, source: str, numbers: npt.NDArray[np.intp]) -> None:
    """Raise `LeadlineError` unless the rows of each search are consistent.

    A trial and replicate appear once, a search has one space, and the replicates of a trial
    have the same hyperparameters, where known.

    Parameters
    ----------
    table : DataFrame
        One row per evaluation.
    source : str
        Name of the table in messages.
    numbers : ndarray of int, shape (row,)
        Number of each row in messages.
    """

    def cell(column: str, row: int) -> str:
        # Through a list, which has Python's integers rather than numpy's.
        return format_value(table[column].iloc[[row]].tolist()[0])

    def search_at(row: int) -> str:
        return f"task {cell('task', row)}, model {cell('model', row)}"

    twice = table.duplicated(["task", "model", "trial", "replicate"]).to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise LeadlineError(
            f"{source}: trial {cell('trial', row)}, replicate {cell('replicate', row)} of "
            f"{search_at(row)} appears twice, again in row {numbers[row]}; name the column that "
            "distinguishes repeated evaluations, as in replicate='seed', or the columns that "
            "distinguish searches, task and model"
        )
    if "space" in table.columns:
        spaces = table[["task", "model", "space"]].drop_duplicates()
        mixed = spaces.index[spaces.duplicated(["task", "model"])]
        if len(mixed):
            row = int(mixed[0])
            raise LeadlineError(
                f"{source}: {search_at(row)} has a second space {cell('space', row)} in row "
                f"{numbers[row]}; a search has one space, so give its parts different models"
            )
    if not table.duplicated(["task", "model", "trial"]).any():
        return
    trial = table.groupby(["task", "model", "trial"], sort=False).ngroup().to_numpy()
    for name in table.columns:
        if not name.startswith(PARAM_PREFIX):
            continue
        rows = np.flatnonzero(table[name].notna())
        values = table[name].to_numpy()[rows]
        if values.dtype == object:
            values = np.array([repr(value) for value in values], dtype=object)
        _, first, of_trial = np.unique(trial[rows], return_index=True, return_inverse=True)
        differs = values != values[first][of_trial]
        if differs.any():
            row = int(rows[differs][0])
            raise LeadlineError(
                f"{source}: column {format_value(name)}, row {numbers[row]}: trial "
                f"{cell('trial', row)} of {search_at(row)} has replicates with different values; "
                "replicates repeat one configuration, so name another trial column, or leave a "
                "seed out of the hyperparameters"
            )
