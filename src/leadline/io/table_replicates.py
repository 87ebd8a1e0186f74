"""Rows of a table that repeat a configuration are replicates of one trial."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import validate_param
from leadline.data.trials import PARAM_PREFIX
from leadline.errors import LeadlineError, format_value
from leadline.io.replicates import find_replicates

Columns = Mapping[str, str]
"""The column of the input for each column of the table of trials."""

SEED_WORDS = frozenset(
    {"seed", "random_seed", "random_state", "rng", "run_id"}
    | {"repeat", "repetition", "rep", "replicate", "replication"}
)
"""Names of columns that tell the evaluations of one configuration apart."""

FOLD_WORDS = frozenset({"fold", "cv_fold", "split"})
"""Names of columns of folds, which are no replicates: all trials share the effect of a fold."""

_AVERAGE = (
    "folds are no replicates, as all trials share the effect of a fold: give one row per trial, "
    "with the mean over the folds"
)


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
    for own in rows.groupby(row_codes(rows[of_search])).groups.values():
        part = rows.loc[own]
        cells = [validate_param(part[name]).tolist() for name in params]
        seeds = list(map(str, part["replicate"].tolist())) if "replicate" in part else None
        names = [int(row) + 1 for row in own]
        found = find_replicates(names, cells, part["score"].tolist(), seeds, source)
        trial.loc[own], replicate.loc[own] = found[0], list(found[1])
        notes |= dict.fromkeys(found[2])
    if notes and any(str(name).casefold() in FOLD_WORDS for name in frame.columns):
        notes[_AVERAGE] = None
    return rows.assign(trial=trial, replicate=rows.get("replicate", replicate)), list(notes)


def _ask_for_trials(columns: Columns, frame: pd.DataFrame, source: str) -> None:
    """Raise if rows may repeat a configuration, and nothing says which."""
    if "replicate" in columns:
        if row_codes(frame[[columns["replicate"]]]).any():
            raise LeadlineError(
                f"{source}: column {format_value(columns['replicate'])} distinguishes replicates, "
                "but nothing shows which rows repeat one configuration; name the hyperparameters, "
                "as in params=['lr'], or the column of the configuration, as in trial='config'"
            )
        return
    taken = set(columns.values())
    for name in frame.columns:
        word = name.casefold()
        if name in taken or word not in SEED_WORDS | FOLD_WORDS:
            continue
        if word in FOLD_WORDS and 0 < row_codes(frame[[name]]).max() < len(frame) - 1:
            raise LeadlineError(f"{source}: column {format_value(name)}: {_AVERAGE}")
        if 0 < row_codes(frame[[name]]).max() < len(frame) - 1:
            raise LeadlineError(
                f"{source}: column {format_value(name)} seems to tell repeated evaluations of a "
                f"configuration apart; write replicate={format_value(name)}, and name the "
                "hyperparameters, as in params=['lr'], or the column of the configuration, as in "
                "trial='config'; if each row is another configuration, write "
                f"params=[{format_value(name)}]"
            )


def row_codes(cells: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the number of the distinct row of cells for each row."""
    codes = [pd.factorize(cells[name].map(repr))[0] for name in cells.columns]
    rows = np.stack([np.zeros(len(cells), np.int64), *codes], axis=1)
    return np.unique(rows, axis=0, return_inverse=True)[1].ravel()
