"""Validation of a table of trials: its columns, its reported bests, and each search as a whole.

A reported best is a row whose score was the best of k trials. `Trials` moves such rows out of its
table, so that code that counts or reads trials never meets them.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import (
    PARAM_PREFIX,
    REPORTED,
    is_blank,
    validate_column_names,
    validate_drawn,
    validate_identifiers,
    validate_labels,
    validate_numbers,
    validate_param,
    validate_positive,
    validate_status,
)
from leadline.data.replicates import number_trials
from leadline.errors import LeadlineError, format_value, join_values

REPORT_COLUMNS = ("task", "model", "score", "best_of", "space")
_AMOUNTS = ("cost", "order", "budget")

COVARIATES = ("size", "data")
"""Columns that a scaling law depends on: one positive number for each search."""

# Squares of scores must stay finite. Scores this large are overflows anyway: MLflow, for
# example, stores inf as 1.797693e308.
_LARGEST_SCORE = 1e150

_WHAT_REPEATS = (
    "name the column that distinguishes repeated evaluations, as in replicate='COLUMN', that "
    "counts epochs, as in budget='COLUMN', or that distinguishes searches, as in task='COLUMN' or "
    "model='COLUMN'"
)


def validate_rows(
    table: pd.DataFrame,
    *,
    source: str = "table",
    names: Mapping[str, str] | None = None,
    hint: str = "",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evaluations with every column of `Trials`, normalised, and the reported bests.

    `table` has the columns that `Trials` describes, one row per evaluation or report; `source` is
    its name in messages, and `names` gives names of columns there, where they differ. `hint` is the
    advice where rows repeat a trial. Both results are in the order of the table; either may be
    empty.

    Raises `LeadlineError` if a column or a value is not valid, or a trial and replicate appear
    twice in a search.
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
    reports, is_report = _validate_reports(table, label)
    evaluations = table[~is_report]
    if len(reports) and "status" in table.columns:
        # If any row is a report, a blank status means `complete`.
        evaluations = evaluations.assign(status=_fill_status(evaluations["status"]))
    valid = _validate_evaluations(evaluations, label)
    _validate_searches(valid, source, evaluations.index.to_numpy() + 1, hint or _WHAT_REPEATS)
    return valid, reports


def _validate_reports(
    table: pd.DataFrame, label: Callable[[str], str]
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return the reported bests of a table, with `REPORT_COLUMNS`, and which of its rows they are.

    A row is a reported best when `best_of` is above 1 or the status is `reported`. With that
    status `best_of` may be empty, for an unknown number of trials. `trial`, `replicate`, `cost`
    and the hyperparameters of such a row are ignored. In the result `best_of` is nan, and `space`
    "", where unknown. The index of `table` numbers its rows, from 0.

    Raises `LeadlineError` if `best_of` is not a number of trials or contradicts the status, or a
    report has no score.
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
        status = validate_status(_fill_status(table["status"]), label("status"))
        wrong = is_report & ~np.isin(status, ["complete", REPORTED])
        if wrong.any():
            row = int(wrong.argmax())
            raise LeadlineError(
                f"{label('status')}, row {row + 1}: the best of {best_of[row]:g} trials is a "
                f"reported best, whose status is {REPORTED}, complete or empty; got "
                f"{format_value(table['status'].tolist()[row])}: correct one of them"
            )
        is_report |= status == REPORTED
    if not is_report.any():
        return pd.DataFrame(columns=list(REPORT_COLUMNS)), is_report

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
    return reports[list(REPORT_COLUMNS)], is_report


def _fill_status(status: pd.Series) -> pd.Series:
    """Return the column of statuses with `complete` in place of blanks."""
    blank = status.map(is_blank).astype(bool)
    return status.astype(object).mask(blank, "complete")


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
    for column in _AMOUNTS:
        if column in table.columns:
            amount = validate_numbers(table[column], label(column))
            valid[column] = np.where(np.isfinite(amount), amount, np.nan)
    if "drawn" in table.columns:
        valid["drawn"] = validate_drawn(table["drawn"], label("drawn"))
    if "space" in table.columns:
        valid["space"] = validate_labels(table["space"], label("space"))
    for column in COVARIATES:
        if column in table.columns:
            valid[column] = validate_positive(table[column], label(column))
    for column in table.columns:
        if column.startswith(PARAM_PREFIX):
            valid[column] = validate_param(table[column])
    return pd.DataFrame(valid)


def _validate_searches(
    table: pd.DataFrame, source: str, numbers: npt.NDArray[np.intp], hint: str
) -> None:
    """Raise `LeadlineError` unless the rows of each search are consistent.

    A trial and replicate appear once, a search has one space, and the replicates of a trial
    have the same hyperparameters, where known. `numbers` (row,) are those of the rows in messages.
    """

    def cell(column: str, row: int) -> str:
        # Through a list, which has Python's integers rather than numpy's.
        return format_value(table[column].iloc[[row]].tolist()[0])

    def search_at(row: int) -> str:
        named = [own for own in ("task", "model") if _varies(table[own])]
        return ", ".join(f"{own} {cell(own, row)}" for own in named) or "the search"

    trial = pd.Series(number_trials(table))
    evaluation = pd.DataFrame({"trial": trial, "replicate": table["replicate"]})
    twice = evaluation.duplicated().to_numpy()
    if twice.any():
        row = int(twice.argmax())
        # Names that the user did not give say nothing.
        several = [own for own in ("replicate", "task", "model") if _varies(table[own])]
        which = ", ".join(f"{own} {cell(own, row)}" for own in ("trial", *several))
        raise LeadlineError(f"{source}: {which} appears twice, again in row {numbers[row]}; {hint}")
    for column in ("space", *COVARIATES):
        if column not in table.columns:
            continue
        found = table[["task", "model", column]].drop_duplicates()
        mixed = found.index[found.duplicated(["task", "model"])]
        if len(mixed):
            row = int(mixed[0])
            part = "models" if column == "space" else "tasks"
            raise LeadlineError(
                f"{source}: {search_at(row)} has a second {column} {cell(column, row)} in row "
                f"{numbers[row]}; a search has one {column}, so give its parts different {part}"
            )
    if not trial.duplicated().any():
        return
    for name in [name for name in table.columns if name.startswith(PARAM_PREFIX)]:
        values = table[name]
        if values.dtype.kind not in "iuf":
            values = values.map(repr, na_action="ignore")
        differs = values.notna() & (values != values.groupby(trial).transform("first"))
        if differs.any():
            row = int(differs.to_numpy().argmax())
            param = format_value(name.removeprefix(PARAM_PREFIX))
            raise LeadlineError(
                f"{source}: hyperparameter {param}, row {numbers[row]}: trial {cell('trial', row)} "
                f"of {search_at(row)} has replicates with different values; replicates repeat one "
                "configuration, so name another trial column, or leave a seed out of the "
                f"hyperparameters{_swapped(table)}"
            )


def _swapped(table: pd.DataFrame) -> str:
    """Return the advice to swap trial and replicate where that gives trials with one value."""
    texts = table.filter(like=PARAM_PREFIX).map(repr).agg("|".join, axis=1)
    values = texts.groupby([table["task"], table["model"], table["replicate"]]).nunique()
    return "; are trial and replicate swapped?" * bool((values <= 1).all())


def _varies(values: pd.Series) -> bool:
    return bool((values != values.iloc[0]).any())
