"""`from_scores`: one search from an array of scores."""

from collections.abc import Iterable, Mapping, Set

import numpy as np
import pandas as pd

from leadline.data.columns import not_a_number, to_number
from leadline.data.trials import Trials, validate_any_complete, validate_direction
from leadline.errors import LeadlineError, format_value


def from_scores(scores: object, *, direction: str) -> Trials:
    """Return one search from its scores alone.

    Parameters
    ----------
    scores : array-like, shape (trial,) or (trial, replicate), or a sequence of sequences
        In the user's units. NaN, None and inf are failed evaluations, and fail their trial. Give
        different numbers of replicates as a list of lists, since NaN does not mean that a
        replicate is absent: leaving out a seed that diverged would flatter its trial.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.

    Returns
    -------
    Trials
        One search without hyperparameters; trials and replicates are numbered from 1.

    Raises
    ------
    LeadlineError, TypeError
        If there is no score, a value is no number, or the shape or type is none of the above.

    Examples
    --------
    >>> import leadline as ll
    >>> print(ll.from_scores([0.31, 0.27, float("nan")], direction="minimize"))
    3 trials: 2 complete, 1 failed
    """
    direction = validate_direction(direction)
    rows: list[tuple[int, int, float]] = []
    for trial, entry in enumerate(_entries(scores), start=1):
        values = _entries(entry) if _is_nested(entry) else [entry]
        if not values:
            raise LeadlineError(
                f"scores: trial {trial} has no replicates; write a failed trial as [nan]"
            )
        for replicate, value in enumerate(values, start=1):
            if _is_nested(value):
                raise LeadlineError(
                    "scores must have shape (trial,) or (trial, replicate), got more than two "
                    f"levels in trial {trial}; make one search at a time"
                )
            try:
                rows.append((trial, replicate, to_number(value)))
            except (TypeError, ValueError):
                place = f"scores, trial {trial}" + f", replicate {replicate}" * _is_nested(entry)
                raise LeadlineError(
                    not_a_number(place, value, "give an array of numbers")
                ) from None
    if not rows:
        raise LeadlineError("scores is empty; at least one trial is needed")
    table = pd.DataFrame(rows, columns=["trial", "replicate", "score"])
    return validate_any_complete(Trials(table, direction, source="scores"))


def _is_nested(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _entries(scores: object) -> list[object]:
    """Return the entries of a sequence or along the first axis of an array."""
    if isinstance(scores, np.ma.MaskedArray):
        raise TypeError(
            "scores must not be a masked array; use .filled(np.nan) if masked means failed"
        )
    if isinstance(scores, list | tuple):
        return list(scores)
    if isinstance(scores, str | bytes | bytearray | Mapping | Set) or not isinstance(
        scores, Iterable
    ):
        raise TypeError(
            f"scores must be an array or a list of numbers, got {format_value(scores)}; for files "
            "and frames use read_table"
        )
    if hasattr(scores, "columns"):
        raise TypeError(
            f"scores must be one array, got a {type(scores).__name__}; use read_table, or one "
            "column of it"
        )
    if hasattr(scores, "__array__"):
        scores = np.asarray(scores)
        if scores.ndim == 0:
            raise TypeError(f"scores must be an array of numbers, got one, {format_value(scores)}")
    return list(scores)
