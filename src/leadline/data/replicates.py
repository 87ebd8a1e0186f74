"""What holds within a search, and what its evaluations amount to: one row per trial."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.errors import LeadlineError, format_value

PARAM_PREFIX = "param:"


def one_row_per_trial(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial of a `Trials` table, in order of appearance.

    Evaluations that are still running are left out, and so is a trial that has no others.
    A trial is complete when all its evaluations are. With any failed replicate it is failed,
    since its expected score is not finite and the mean of the seeds that survived would
    flatter it; else with any pruned replicate it is pruned.

    Parameters
    ----------
    table : pandas.DataFrame
        A validated table, one row per evaluation.

    Returns
    -------
    pandas.DataFrame
        Columns `task, model, trial`; `score`, the mean over replicates; `replicates`, their
        number; `sum_of_squares`, of the scores' deviations from their mean; `status`. Score and
        sum of squares are NaN unless the trial is complete. Then, where the table has them,
        `cost` (the sum over replicates, NaN when one is unknown) and the first replicate's
        `order`, `budget`, `space` and `param:*`.
    """
    done = table[table["status"] != "running"].reset_index(drop=True)
    trial_of_row = done.groupby(["task", "model", "trial"], sort=False).ngroup().to_numpy()
    first = np.flatnonzero(~done.duplicated(["task", "model", "trial"]).to_numpy())
    n = len(first)

    def total(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.bincount(trial_of_row, weights=values, minlength=n)

    replicates = np.bincount(trial_of_row, minlength=n)
    score = done["score"].to_numpy()
    # Deviations from the first replicate, so that equal scores have exactly their own mean.
    start = score[first]
    mean = start + total(score - start[trial_of_row]) / replicates
    sum_of_squares = total((score - mean[trial_of_row]) ** 2)
    failed = total((done["status"] == "failed").to_numpy()) > 0
    pruned = total((done["status"] == "pruned").to_numpy()) > 0
    status = np.select([failed, pruned], ["failed", "pruned"], default="complete")

    columns: dict[str, object] = {
        **{name: done[name].array[first] for name in ("task", "model", "trial")},
        "score": mean,
        "replicates": replicates,
        "sum_of_squares": sum_of_squares,
        "status": status,
    }
    for name in table.columns:
        if name == "cost":
            columns[name] = total(done[name].to_numpy())
        elif name not in (*columns, "replicate"):
            columns[name] = done[name].array[first]
    return pd.DataFrame(columns)


def validate_searches(
    table: pd.DataFrame, source: str, numbers: npt.NDArray[np.intp] | None = None
) -> None:
    """Raise `LeadlineError` unless the rows of each search fit together.

    A trial and replicate appear once, a search has one space, and the replicates of a trial
    have the same hyperparameters, where known.

    Parameters
    ----------
    table : DataFrame
        One row per evaluation.
    source : str
        What the messages call it.
    numbers : ndarray of int, shape (row,), optional
        Which rows of the source they are, from 0, where there were others.
    """
    if numbers is None:
        numbers = np.arange(len(table))
    search = ["task", "model"]
    twice = table.duplicated([*search, "trial", "replicate"]).to_numpy()
    if twice.any():
        row = int(twice.argmax())
        trial, replicate = _cell(table, "trial", row), _cell(table, "replicate", row)
        raise LeadlineError(
            f"{source}: trial {trial}, replicate {replicate} of {_search_of(table, row)} appears "
            f"twice, again in row {numbers[row] + 1}; name the column that tells repeated "
            "evaluations apart, as in replicate='seed', or those that tell searches apart, task "
            "and model"
        )
    if "space" in table.columns:
        spaces = table[[*search, "space"]].drop_duplicates()
        mixed = spaces[spaces.duplicated(search)]
        if len(mixed):
            row = int(mixed.index[0])
            raise LeadlineError(
                f"{source}: {_search_of(table, row)} has a second space "
                f"{_cell(table, 'space', row)} in row {numbers[row] + 1}; a search has one space, "
                "so give its parts different models"
            )
    again = table.duplicated([*search, "trial"]).to_numpy()
    if again.any():
        _validate_replicate_params(table, source, numbers)


def _validate_replicate_params(
    table: pd.DataFrame, source: str, numbers: npt.NDArray[np.intp]
) -> None:
    """Raise unless the replicates of each trial are of one configuration."""
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
                f"{source}: column {format_value(name)}, row {numbers[row] + 1}: trial "
                f"{_cell(table, 'trial', row)} of {_search_of(table, row)} has replicates with "
                "different values; replicates repeat one configuration, so name another trial "
                "column, or leave a seed out of the hyperparameters"
            )


def _search_of(table: pd.DataFrame, row: int) -> str:
    return f"task {_cell(table, 'task', row)}, model {_cell(table, 'model', row)}"


def _cell(table: pd.DataFrame, column: str, row: int) -> str:
    # Through a list, which has Python's integers rather than numpy's.
    return format_value(table[column].iloc[[row]].tolist()[0])
