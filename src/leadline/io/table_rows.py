"""Rows of a table that are no trials of their own: training epochs and repeated evaluations."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import validate_numbers, validate_param, validate_status
from leadline.data.trials import LOSS_SIGNS, PARAM_PREFIX
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.replicates import find_replicates

Columns = Mapping[str, str]
"""The column of the input for each column of the table of trials."""

SEED_WORDS = frozenset(
    {"seed", "random_seed", "random_state", "rng", "fold", "cv_fold", "split", "run_id"}
    | {"repeat", "repetition", "rep", "replicate", "replication"}
)
"""Names of columns that tell the evaluations of one configuration apart."""

_FEWEST_ROWS, _FEWEST_GROUPS = 10, 3
_SAME_START = 0.8
"""Share of the trials with the same first epoch; a time or an index of rows starts anew in none."""


def refuse_rows_per_epoch(frame: pd.DataFrame, columns: Columns, source: str) -> None:
    """Raise if a column counts up while the configuration stays the same, from row to row."""
    if "trial" in columns or len(frame) < _FEWEST_ROWS:
        return
    params = [columns[name] for name in columns if name.startswith(PARAM_PREFIX)]
    changes = functools.cache(lambda name: np.diff(_codes(frame[[name]])) != 0)
    for name, counter in _free_numbers(frame, columns):
        others = [own for own in frame.columns if own not in (name, columns["score"])]
        constant = _constant_while_counting(counter, others, changes)
        same = params or constant
        if same and _counts_within(counter, codes := _codes(frame[same])):
            ids = [own for own in constant if own not in params and _are_equal(frame[own], codes)]
            trial = "".join(f"trial={format_value(own)} and " for own in ids[:1])
            column = format_value(name)
            raise LeadlineError(
                f"{source}: the rows are no trials: {join_values(same, 4)} stay the same while "
                f"column {column} counts from {counter.min():g} to {counter.max():g}. If these are "
                f"steps of training, write {trial}budget={column} to take the last row of each "
                "trial (and of='best' for the best one); if they repeat one configuration, such "
                f"as with other seeds, write replicate={column}"
            )


def take_one_row_per_trial(
    rows: pd.DataFrame, of: str | None, direction: str, columns: Columns, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the last row of each trial and replicate, by the column `budget`, and notes.

    With `of` "best", the score is the best of the trial. Without a column of the trial, a trial
    ends where the budget starts anew or a hyperparameter changes.
    """

    def numbers(column: str, cells: pd.Series) -> npt.NDArray[np.float64]:
        return validate_numbers(cells, f"{source}: column {format_value(columns[column])}")

    rows = rows.reset_index(drop=True)
    budget = numbers("budget", rows["budget"])
    budget = np.where(np.isfinite(budget), budget, -np.inf)
    if "trial" not in rows.columns:
        own = [name for name in rows.columns if _is_of_configuration(name)]
        starts = np.append(True, np.diff(budget) <= 0)
        starts[1:] |= np.diff(_codes(rows[own])) != 0 if own else False
        if len(rows) / 2 < starts.sum() < len(rows):
            raise LeadlineError(
                f"{source}: the rows of a trial do not follow each other, so "
                f"{format_value(columns['budget'])} does not tell them apart; name the column of "
                "the trial, as in trial='run'"
            )
        rows = rows.assign(trial=np.flatnonzero(starts)[np.cumsum(starts) - 1] + 1)
    keys = [name for name in ("task", "model", "trial", "replicate") if name in rows.columns]
    codes = _codes(rows[keys])
    order = np.lexsort((np.arange(len(rows)), budget, codes))
    last = order[np.append(np.diff(codes[order]) != 0, True)]
    if of == "best":
        complete = np.full(len(rows), True)
        if "status" in rows.columns:
            label = f"{source}: column {format_value(columns['status'])}"
            complete = validate_status(rows["status"], label) == "complete"
        score = np.full(len(rows), np.nan)
        score[complete] = numbers("score", rows["score"][complete])
        loss = pd.Series(LOSS_SIGNS[direction] * np.where(np.isfinite(score), score, np.nan))
        best = loss.groupby(codes).min().to_numpy()[codes[last]] * LOSS_SIGNS[direction]
        rows = rows.astype({"score": object})
        rows.loc[last, "score"] = best
    ends = budget[last]
    last = np.sort(last)
    if len(last) == len(rows):
        return rows, []
    name = format_value(columns["budget"])
    other = "" if of == "best" else "; of='best' takes the best score instead"
    taken = "best score" if of == "best" else "last row"
    notes = [f"{len(rows)} rows, of which the {taken} of each trial by {name} counts{other}"]
    if early := int(np.count_nonzero(ends < ends.max())):
        notes.append(
            f"{pluralize(early, 'trial')} of {len(last)} ended before {name} {ends.max():g}: if "
            "others would have improved as they did, their scores do not compare"
        )
    return rows.iloc[last], notes


def group_rows(
    rows: pd.DataFrame, columns: Columns, frame: pd.DataFrame, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with trial and replicate, which equal hyperparameters determine, and notes.

    `frame` is the table with all its columns. Rows that have a trial are left alone.
    """
    params = [name for name in rows.columns if name.startswith(PARAM_PREFIX)]
    if "trial" in rows.columns:
        return rows, []
    if not params:
        _ask_for_trials(columns, frame, source)
        return rows, []
    rows = rows.reset_index(drop=True)
    trial: pd.Series = pd.Series(np.arange(1, len(rows) + 1), dtype=object)
    replicate: pd.Series = pd.Series(1, index=rows.index, dtype=object)
    notes: dict[str, None] = {}
    of_search = [name for name in ("task", "model") if name in rows.columns]
    for own in pd.Series(_codes(rows[of_search])).groupby(_codes(rows[of_search])).groups.values():
        part = rows.loc[own]
        cells = [validate_param(part[name]).tolist() for name in params]
        seeds = list(map(str, part["replicate"].tolist())) if "replicate" in part else None
        names = [int(row) + 1 for row in own]
        found = find_replicates(names, cells, part["score"].tolist(), seeds, source)
        trial.loc[own], replicate.loc[own] = found[0], list(found[1])
        notes |= dict.fromkeys(found[2])
    return rows.assign(trial=trial, replicate=rows.get("replicate", replicate)), list(notes)


def _ask_for_trials(columns: Columns, frame: pd.DataFrame, source: str) -> None:
    """Raise if rows may repeat a configuration, and nothing says which."""
    if "replicate" in columns:
        if _codes(frame[[columns["replicate"]]]).any():
            raise LeadlineError(
                f"{source}: column {format_value(columns['replicate'])} distinguishes replicates, "
                "but nothing shows which rows repeat one configuration; name the hyperparameters, "
                "as in params=['lr'], or the column of the configuration, as in trial='config'"
            )
        return
    taken = set(columns.values())
    for name in frame.columns:
        if name in taken or name.casefold() not in SEED_WORDS:
            continue
        if 0 < _codes(frame[[name]]).max() < len(frame) - 1:
            raise LeadlineError(
                f"{source}: column {format_value(name)} seems to tell repeated evaluations of a "
                f"configuration apart; write replicate={format_value(name)} and name the "
                "hyperparameters with params, or the column of the configuration with trial; if "
                f"each row is another configuration, write params=[{format_value(name)}]"
            )


def _free_numbers(
    frame: pd.DataFrame, columns: Columns
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield the columns of numbers that nothing names, and that no seed is called."""
    taken = set(columns.values())
    for name in frame.columns:
        if name in taken or name.casefold() in SEED_WORDS:
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
    own = _codes(names.to_frame())
    both = np.unique(np.column_stack([own, codes]), axis=0)
    return bool(len(both) == own.max() + 1 == codes.max() + 1)


def _codes(cells: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the number of the distinct row of cells for each row."""
    codes = np.zeros(len(cells), np.int64)
    for name in cells.columns:
        own = pd.factorize(cells[name].map(repr))[0]
        codes = np.unique(np.column_stack([codes, own]), axis=0, return_inverse=True)[1].ravel()
    return codes


def _is_of_configuration(name: str) -> bool:
    return name.startswith(PARAM_PREFIX) or name in ("task", "model", "replicate")
