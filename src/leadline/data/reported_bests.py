"""Reported bests: rows of a table whose score was the best of k trials.

`Trials` moves them out of its table, so that code that counts or reads trials never meets them.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import (
    REPORTED,
    is_blank,
    validate_labels,
    validate_numbers,
    validate_status,
)
from leadline.errors import LeadlineError, format_value, pluralize

COLUMNS = ("task", "model", "score", "best_of", "space")


def validate_reports(
    table: pd.DataFrame, label: Callable[[str], str]
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return the reported bests of a table, and which of its rows they are.

    A row is a reported best when `best_of` is above 1 or the status is `reported`. With that
    status `best_of` may be empty, for an unknown number of trials. `trial`, `replicate`, `cost`
    and the hyperparameters of such a row are ignored.

    Parameters
    ----------
    table : DataFrame
        One row per evaluation or report, numbered from 0 by the index.
    label : callable
        Takes a column, returns its name in messages.

    Returns
    -------
    reports : DataFrame
        Columns `COLUMNS`, one row per report: `best_of` is nan, and `space` "", where unknown.
    is_report : ndarray of bool, shape (row,)

    Raises
    ------
    LeadlineError
        If `best_of` is not a number of trials or contradicts the status, or a report has no score.
    """
    best_of = np.full(len(table), np.nan)
    if "best_of" in table.columns:
        best_of = validate_numbers(table["best_of"], label("best_of"))
        whole = (best_of >= 1) & (best_of < np.inf) & (best_of == np.floor(best_of))
        wrong = ~whole & ~np.isnan(best_of)
        if wrong.any():
            row = int(wrong.argmax())
            raise LeadlineError(
                f"{label('best_of')}, row {row + 1}: must be a whole number of 1 or more, the "
                "number of trials that the score is the best of, or empty (an ordinary trial); "
                f"got {format_value(table['best_of'].tolist()[row])}"
            )
    is_report = best_of > 1
    if "status" in table.columns:
        is_report |= _has_report_status(table["status"], is_report, best_of, label)
    if not is_report.any():
        return pd.DataFrame(columns=list(COLUMNS)), is_report

    rows = table[is_report]
    score = validate_numbers(rows["score"], label("score"))
    missing = ~np.isfinite(score)
    if missing.any():
        row = int(rows.index[int(missing.argmax())])
        raise LeadlineError(
            f"{label('score')}, row {row + 1}: a reported best needs a score, got "
            f"{format_value(table['score'].tolist()[row])}; fill it in, or delete the row"
        )
    reports = pd.DataFrame({"score": score, "best_of": best_of[is_report], "space": ""})
    for column in ("task", "model"):
        given = column in table.columns
        reports[column] = validate_labels(rows[column], label(column)) if given else column
    if "space" in table.columns:
        known = np.array([not is_blank(cell) for cell in rows["space"].tolist()], dtype=bool)
        if known.any():
            reports.loc[known, "space"] = validate_labels(rows["space"][known], label("space"))
    return reports[list(COLUMNS)], is_report


def _has_report_status(
    status: pd.Series,
    is_report: npt.NDArray[np.bool_],
    best_of: npt.NDArray[np.float64],
    label: Callable[[str], str],
) -> npt.NDArray[np.bool_]:
    """Return which rows have the status of a report, none of which contradicts `best_of`."""
    valid = validate_status(fill_status(status), label("status"))
    wrong = is_report & ~np.isin(valid, ["complete", REPORTED])
    if wrong.any():
        row = int(wrong.argmax())
        raise LeadlineError(
            f"{label('status')}, row {row + 1}: the best of {best_of[row]:g} trials is a "
            f"reported best, whose status is {REPORTED}, complete or empty; got "
            f"{format_value(status.tolist()[row])}: correct one of them"
        )
    return valid == REPORTED


def fill_status(status: pd.Series) -> pd.Series:
    """Return the column of statuses with `complete` in place of blanks."""
    blank = status.map(is_blank).astype(bool)
    return status.astype(object).mask(blank, "complete")


def reports_line(reports: pd.DataFrame) -> str:
    """Return the number of reported bests in words, "" when there are none."""
    return pluralize(len(reports), "reported best") if len(reports) else ""
