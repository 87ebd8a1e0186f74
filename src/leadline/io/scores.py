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
        In the user's units. NaN, None and inf are failed evaluations, and a trial with a failed
        replicate is failed. Where trials have different numbers of replicates, give a list of
        lists; NaN does not mean that a replicate is absent, since leaving out a seed that
        diverged would flatter its trial.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.

    Raises
    ------
    LeadlineError
        If there is no score, a value is no number, or the shape is not one of the above.
    TypeError
        If `scores` is no array or sequence.
    """
    direction = validate_direction(direction)
    trial: list[int] = []
    replicate: list[int] = []
    score: list[float] = []
    for number, entry in enumerate(_entries(scores), start=1):
        of_trial = _entries(entry) if _is_nested(entry) else [entry]
        if not of_trial:
            raise LeadlineError(
                f"scores: trial {number} has no replicates; write a failed trial as [nan]"
            )
        for place, value in enumerate(of_trial, start=1):
            if _is_nested(value):
                raise LeadlineError(
                    "scores must have shape (trial,) or (trial, replicate), got more than two "
                    f"levels in trial {number}; make one search at a time"
                )
            trial.append(number)
            replicate.append(place)
            try:
                score.append(to_number(value))
            except (TypeError, ValueError):
                at = f"scores, trial {number}" + f", replicate {place}" * (value is not entry)
                raise LeadlineError(not_a_number(at, value, "give an array of numbers")) from None
    if not trial:
        raise LeadlineError("scores is empty; at least one trial is needed")
    table = pd.DataFrame({"trial": trial, "replicate": replicate, "score": score})
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
            f"scores must be an array or a list of numbers, got {format_value(scores)}; for files and "
            "frames use read_table"
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
