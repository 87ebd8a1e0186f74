"""Tables with one row per epoch: refused, or reduced to one row per trial."""

import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import validate_numbers, validate_status
from leadline.data.trials import LOSS_SIGNS, PARAM_PREFIX
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.refusals import TOO_EARLY
from leadline.io.table_replicates import FOLD_WORDS, SEED_WORDS, Columns, row_codes

_FEWEST_ROWS, _FEWEST_GROUPS = 10, 3
_SAME_START = 0.8
"""Share of the trials with the same first epoch; a time or an index of rows starts anew in none."""


def refuse_rows_per_epoch(frame: pd.DataFrame, columns: Columns, source: str) -> None:
    """Raise if a column counts up while the configuration stays the same, from row to row."""
    if "trial" in columns or len(frame) < _FEWEST_ROWS:
        return
    params = [columns[name] for name in columns if name.startswith(PARAM_PREFIX)]
    changes = functools.cache(lambda name: np.diff(row_codes(frame[[name]])) != 0)
    for name, counter in _free_numbers(frame, columns):
        others = [own for own in frame.columns if own not in (name, columns["score"])]
        constant = _constant_while_counting(counter, others, changes)
        same = params or constant
        if same and _counts_within(counter, codes := row_codes(frame[same])):
            ids = [own for own in constant if own not in params and _are_equal(frame[own], codes)]
            trial = "".join(f"trial={format_value(own)} and " for own in ids[:1])
            column = format_value(name)
            grid = f"; if it is a hyperparameter, name all, as in params=[{column}, …]"
            grid = "" if params else grid
            raise LeadlineError(
                f"{source}: the rows seem to be no trials: {join_values(same, 4)} stay the same "
                f"while column {column} counts from {counter.min():g} to {counter.max():g}. If it "
                f"counts steps of training, write {trial}budget={column} to take the last row of "
                "each trial (and of='best' for the best one); if the rows repeat one "
                f"configuration, such as with other seeds, write replicate={column}{grid}"
            )


def take_one_row_per_trial(
    rows: pd.DataFrame,
    of: str | None,
    early_stopped: str | None,
    direction: str,
    columns: Columns,
    source: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the last row of each trial and replicate, by the column `budget`, and notes.

    With `of` "best", the score is the best of the trial. Without a column of the trial, a trial
    ends where the budget starts anew or a hyperparameter changes. Complete trials that ended
    before others are refused, unless `early_stopped` is their status.
    """

    def numbers(column: str, cells: pd.Series) -> npt.NDArray[np.float64]:
        return validate_numbers(cells, f"{source}: column {format_value(columns[column])}")

    rows = rows.reset_index(drop=True)
    name = format_value(columns["budget"])
    budget = numbers("budget", rows["budget"])
    budget = np.where(np.isfinite(budget), budget, -np.inf)
    if "trial" not in rows.columns:
        rows = rows.assign(trial=_blocks(rows, budget, name, source))
    keys = [name for name in ("task", "model", "trial", "replicate") if name in rows.columns]
    codes = row_codes(rows[keys])
    order = np.lexsort((np.arange(len(rows)), budget, codes))
    last = order[np.append(np.diff(codes[order]) != 0, True)]
    if len(last) == len(rows):
        return rows, []
    complete = np.full(len(rows), True)
    if "status" in rows.columns:
        label = f"{source}: column {format_value(columns['status'])}"
        complete = validate_status(rows["status"], label) == "complete"
    score = np.full(len(rows), np.nan)
    score[complete] = numbers("score", rows["score"][complete])
    score[~np.isfinite(score)] = np.nan
    if of == "best":
        sign = LOSS_SIGNS[direction]
        best = sign * pd.Series(sign * score).groupby(codes).min().to_numpy()
        score[last] = np.where(complete[last], best[codes[last]], np.nan)
        rows = rows.astype({"score": object})
        rows.loc[last, "score"] = score[last]
    scored = last[np.isfinite(score[last])]
    early = scored[budget[scored] < budget[scored].max(initial=-np.inf)]
    if len(early):
        most = budget[scored].max()
        rows = _stop_early(
            rows, early, early_stopped, f"{len(last)} ended before {name} {most:g}", source
        )
    other = "" if of == "best" else "; of='best' takes the best score instead"
    taken = "best score" if of == "best" else "last row"
    note = f"{len(rows)} rows, of which the {taken} of each trial by {name} counts{other}"
    return rows.iloc[np.sort(last)], [note]


def _blocks(
    rows: pd.DataFrame, budget: npt.NDArray[np.float64], name: str, source: str
) -> npt.NDArray[np.int64]:
    """Return the number of the first row of the trial that each row belongs to."""
    keys = ("task", "model", "replicate")
    own = [name for name in rows.columns if name.startswith(PARAM_PREFIX) or name in keys]
    starts = np.append(True, np.diff(budget) <= 0)
    starts[1:] |= np.diff(row_codes(rows[own])) != 0 if own else False
    if len(rows) / 2 < starts.sum() < len(rows):
        raise LeadlineError(
            f"{source}: the rows of a trial do not follow each other, so {name} does not tell them "
            "apart; name the column of the trial, as in trial='run'"
        )
    return np.flatnonzero(starts)[np.cumsum(starts) - 1] + 1


def _stop_early(
    rows: pd.DataFrame,
    early: npt.NDArray[np.int64],
    early_stopped: str | None,
    where: str,
    source: str,
) -> pd.DataFrame:
    """Return the rows with the status of trials that ended early, or refuse these."""
    if early_stopped is None:
        raise LeadlineError(
            f"{source}: {pluralize(len(early), 'trial')} of {where}, and {TOO_EARLY}"
        )
    if early_stopped == "pruned":
        status = rows["status"] if "status" in rows.columns else pd.Series("complete", rows.index)
        status = status.astype(object)
        status[early] = "pruned"
        rows = rows.assign(status=status)
    return rows


def _free_numbers(
    frame: pd.DataFrame, columns: Columns
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield the columns of numbers that nothing names, and that no seed is called."""
    taken = set(columns.values())
    for name in frame.columns:
        if name in taken or name.casefold() in SEED_WORDS | FOLD_WORDS:
            continue
        try:
            values = validate_numbers(frame[name].reset_index(drop=True), name)
        except LeadlineError:
            continue
        if np.isfinite(values).all():
            yield name, values


def _constant_while_counting(
    values: npt.NDArray[np.float64],
    others: Iterable[str],
    changes: Callable[[str], npt.NDArray[np.bool_]],
) -> list[str]:
    """Return the columns that change only where the counter starts anew, and mostly there."""
    starts = np.diff(values) <= 0
    if not _FEWEST_GROUPS <= starts.sum() + 1 <= len(values) / 2:
        return []
    return [
        name
        for name in others
        if not changes(name)[~starts].any() and changes(name)[starts].mean() > 0.5
    ]


def _counts_within(values: npt.NDArray[np.float64], codes: npt.NDArray[np.int64]) -> bool:
    """Return whether the values increase within each group, mostly from the same start."""
    sizes = np.bincount(codes)
    if len(sizes) < _FEWEST_GROUPS or len(sizes) > len(codes) / 2:
        return False
    order = np.argsort(codes, kind="stable")
    within = np.diff(codes[order]) == 0
    if not (np.diff(values[order])[within] > 0).all():
        return False
    starts = values[order][np.append(True, ~within)]
    return bool(np.unique(starts, return_counts=True)[1].max() >= _SAME_START * len(starts))


def _are_equal(names: pd.Series, codes: npt.NDArray[np.int64]) -> bool:
    """Return whether a column has one name for each group of rows."""
    own = row_codes(names.to_frame())
    both = np.unique(np.column_stack([own, codes]), axis=0)
    return bool(len(both) == own.max() + 1 == codes.max() + 1)
