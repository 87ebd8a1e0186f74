"""Aggregation of replicates: one row per trial."""

import numpy as np
import numpy.typing as npt
import pandas as pd


def one_row_per_trial(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial of a validated `Trials` table, in order of appearance.

    Running evaluations are left out, and so are trials that have no others. A trial is complete
    when all its evaluations are. One failed replicate makes the trial failed, since its expected
    score is not finite and the mean of the other seeds would flatter it. Without a failed
    replicate, one pruned replicate makes it pruned.

    Columns are `task, model, trial`; `score`, the mean over replicates; `replicates`, their number;
    `sum_of_squares`, of the scores' deviations from their mean; `status`. Score and sum of squares
    are NaN unless the trial is complete. Then, where the table has them, `cost` (the sum over
    replicates, NaN when one is unknown) and the first replicate's `order`, `budget`, `drawn`,
    `space` and `param:*`.
    """
    done = table[table["status"] != "running"].reset_index(drop=True)
    trial_of_row = number_trials(done)
    first = np.unique(trial_of_row, return_index=True)[1]

    def total(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.bincount(trial_of_row, weights=values, minlength=len(first))

    replicates = np.bincount(trial_of_row, minlength=len(first))
    score = done["score"].to_numpy()
    # Deviations from the first replicate, so that equal scores have exactly their own mean.
    start = score[first]
    mean = start + total(score - start[trial_of_row]) / replicates
    failed, pruned = (
        total((done["status"] == status).to_numpy()) > 0 for status in ("failed", "pruned")
    )
    columns: dict[str, object] = {
        **{name: done[name].array[first] for name in ("task", "model", "trial")},
        "score": mean,
        "replicates": replicates,
        "sum_of_squares": total((score - mean[trial_of_row]) ** 2),
        "status": np.select([failed, pruned], ["failed", "pruned"], default="complete"),
    }
    for name in table.columns:
        if name == "cost":
            columns[name] = total(done[name].to_numpy())
        elif name not in (*columns, "replicate"):
            columns[name] = done[name].array[first]
    return pd.DataFrame(columns)


def number_trials(table: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the number of the trial of each row, from 0 in order of appearance."""
    # Most tables have few rows, for which `groupby` takes several times as long.
    numbers = np.zeros(len(table), dtype=np.intp)
    for name in ("task", "model", "trial"):
        codes, labels = pd.factorize(table[name])
        # Numbered again, so that products of the numbers of labels stay small.
        numbers = pd.factorize(numbers * len(labels) + codes)[0]
    return numbers
