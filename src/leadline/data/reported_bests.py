"""Reported bests: the rows of a table that say "this score was the best of k trials".

A report is no trial. It stands in the user's table, and is told from the trials when `Trials` is
made, so that whatever counts or looks at trials never sees it.
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
from leadline.errors import LeadlineError, format_value

COLUMNS = ("task", "model", "score", "best_of", "space")

_ALLOWED = "the number of trials that the score is the best of, or empty (an ordinary trial)"


def validate_reports(
    table: pd.DataFrame, label: Callable[[str], str]
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return the reported bests of a table, and which of its rows they are.

    A row is one where `best_of` is above 1, or the status is `reported`; the latter may leave
    `best_of` empty, where nobody told the number of trials. `trial`, `replicate`, `cost` and the
    hyperparameters of such a row are not looked at.

    Parameters
    ----------
    table : DataFrame
        One row per evaluation or report, its rows numbered from 0 by the index.
    label : callable
        Takes a column, returns what messages call it.

    Returns
    -------
    reports : DataFrame
        Columns `COLUMNS`, one row a report: `best_of` is nan, and `space` "", where not known.
    is_report : ndarray of bool, shape (row,)

    Raises
    ------
    LeadlineError
        If `best_of` is no number of trials, contradicts the status, or a report has no score.
    """
    n = len(table)
    is_report = np.zeros(n, dtype=bool)
    best_of = np.full(n, np.nan)
    if "best_of" in table.columns:
        best_of = validate_numbers(table["best_of"], label("best_of"))
        wrong = ~np.isnan(best_of) & ~((best_of >= 1) & (best_of == np.floor(best_of)))
        wrong |= np.isinf(best_of)
        if wrong.any():
            row = int(wrong.argmax())
            raise LeadlineError(
                f"{label('best_of')}, row {row + 1}: must be a whole number of 1 or more, "
                f"{_ALLOWED}; got {format_value(table['best_of'].tolist()[row])}"
            )
        is_report = best_of > 1
    if "status" in table.columns:
        is_report = _with_status(table["status"], is_report, best_of, label)
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


def _with_status(
    status: pd.Series,
    is_report: npt.NDArray[np.bool_],
    best_of: npt.NDArray[np.float64],
    label: Callable[[str], str],
) -> npt.NDArray[np.bool_]:
    """Return which rows are reports, given their status too."""
    # Who fills in `best_of` need not repeat it in words.
    told = ~np.array([is_blank(cell) for cell in status.tolist()], dtype=bool)
    word = np.full(len(status), "", dtype=object)
    word[told] = validate_status(status[told], label("status"))
    unlike = is_report & ~np.isin(word, ["", "complete", REPORTED])
    if unlike.any():
        row = int(unlike.argmax())
        raise LeadlineError(
            f"{label('status')}, row {row + 1}: the best of {best_of[row]:g} trials is a "
            f"reported best, whose status is {REPORTED}, complete or empty; got "
            f"{format_value(status.tolist()[row])}: correct one of them"
        )
    return is_report | (word == REPORTED)


def reports_line(reports: pd.DataFrame) -> str:
    """Return how many reported bests there are, in words; "" when there are none."""
    n = len(reports)
    return f"{n} reported best{'s' * (n != 1)}" if n else ""
