"""Validation of single columns of a table of trials: numbers, names, statuses.

Each function reads a whole column, whatever tool wrote it, and returns it normalised. An error
names the column, the row (from 1, without a header) and the value.
"""

import contextlib
import datetime
import numbers
from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.errors import LeadlineError, format_value, join_values

PARAM_PREFIX = "param:"
"""Start of the names of columns that hold hyperparameters."""

REPORTED = "reported"
"""Status of a row that is a reported best instead of a trial."""

# Names of the statuses in other tools, in lower case.
STATUS_WORDS: Mapping[str, tuple[str, ...]] = {
    "complete": (
        *("complete", "completed", "done", "finished", "success", "succeeded", "ok"),
        "terminated",
    ),
    "failed": ("failed", "fail", "failure", "error", "crashed", "diverged"),
    "pruned": ("pruned", "stopped"),
    "running": ("running", "waiting", "queued"),
    REPORTED: (REPORTED,),
}
STATUS_OF = {word: status for status, words in STATUS_WORDS.items() for word in words}
"""The status that each word means."""

DRAWN = ("random", "guided")
"""How a trial was drawn: at random from the space, or by a sampler that learns."""

_BLANK_WORDS = frozenset({"", "nan", "<na>"})
_MISSING_WORDS = _BLANK_WORDS | {"na", "n/a", "null", "none"}


def validate_column_names(columns: Iterable[object], *, source: str) -> list[str]:
    """Return the column names when all are strings and none appears twice."""
    names: dict[str, None] = {}
    for name in columns:
        if not isinstance(name, str):
            raise LeadlineError(
                f"{source}: column names must be strings, got {format_value(name)}; convert them, "
                "as in frame.columns = frame.columns.astype(str)"
            )
        if name in names:
            raise LeadlineError(
                f"{source}: two columns are named {format_value(name)}; rename or delete one"
            )
        if not _label(name) and name:
            raise LeadlineError(
                f"{source}: column name {format_value(name)} is not text; rename it"
            )
        names[name] = None
    return list(names)


def validate_numbers(values: pd.Series, label: str) -> npt.NDArray[np.float64]:
    """Return the values as floats, NaN where missing, else raise `LeadlineError`.

    Values are numbers, or text that reads as numbers; None, NA, "" and "nan" are missing. The
    index numbers the rows, from 0; `label` is the name of the column in messages.
    """
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
        with np.errstate(over="ignore"):
            return values.to_numpy().astype(np.float64)
    cells = values.tolist()
    kinds = set(map(type, cells))
    # Several times faster for floats alone, and for text that `float` reads as `to_number` does.
    if kinds <= {float} or (kinds <= {str} and "_" not in "".join(cells)):
        with contextlib.suppress(ValueError):
            return np.array([float(cell) if cell != "" else np.nan for cell in cells])
    found = np.empty(len(cells))
    for index, cell in enumerate(cells):
        try:
            found[index] = to_number(cell)
        except (TypeError, ValueError):
            location = f"{label}, row {values.index[index] + 1}"
            hint = "correct it, or name another column"
            raise LeadlineError(not_a_number(location, cell, hint)) from None
    return found


def validate_positive(values: pd.Series, label: str) -> npt.NDArray[np.float64]:
    """Return the values as positive, finite floats; missing values are errors."""
    found = validate_numbers(values, label)
    wrong = ~((found > 0) & (found < np.inf))
    if wrong.any():
        row = int(wrong.argmax())
        raise LeadlineError(
            f"{label}, row {values.index[row] + 1}: must be a positive number, got "
            f"{format_value(values.tolist()[row])}; correct it, or leave the column out"
        )
    return found


def to_number(value: object) -> float:
    """Return a cell as a float, NaN when missing, else raise `TypeError` or `ValueError`."""
    if isinstance(value, str):
        text = value.strip().lower()
        if "_" in text:  # float("1_0") is 10
            raise ValueError
        return np.nan if text in _MISSING_WORDS else float(text)
    if value is None or value is pd.NA or value is pd.NaT:
        return np.nan
    # numpy counts a timedelta as an integer, Python a bool.
    if isinstance(value, bool | np.bool_ | np.timedelta64):
        raise TypeError
    if isinstance(value, float | numbers.Real | Decimal):  # float first: the quickest test
        try:
            return float(value)
        except OverflowError:
            return np.inf
        except ValueError:  # a signalling NaN
            return np.nan
    raise TypeError


def not_a_number(location: str, value: object, hint: str) -> str:
    """Return the message about a cell at `location` that does not read as a number."""
    if isinstance(value, str) and value.count(",") == 1 and "." not in value:
        hint = "write a decimal comma as a point"
    return (
        f"{location}: must be a number, or empty, NaN or inf where there is none, "
        f"got {format_value(value)}; {hint}"
    )


def validate_labels(values: pd.Series, label: str) -> list[str]:
    """Return the values as strings without surrounding blanks, else raise `LeadlineError`.

    The index numbers the rows, from 0. Missing values are errors.
    """
    labels = list(map(_label, values.tolist()))
    if "" in labels:
        row = labels.index("")
        raise LeadlineError(
            f"{label}, row {values.index[row] + 1}: must be a name or a number, got "
            f"{format_value(values.tolist()[row])}; fill it in, or name another column"
        )
    return labels


def _label(value: object) -> str:
    """Return a name as a string, "" when it is missing or not usable as a name."""
    if isinstance(value, str):
        text = value.strip()
        try:
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
            return ""
        return text
    if value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_ | datetime.date):
        return str(value)
    if isinstance(value, numbers.Integral) and not isinstance(value, np.timedelta64):
        integer = int(value)
        return str(integer) if abs(integer) < 10**40 else ""
    if isinstance(value, float | np.floating) and np.isfinite(value):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    return ""


def validate_identifiers(values: pd.Series, label: str) -> npt.NDArray[np.int64] | list[str]:
    """Return the values as integers when all of them are, else as strings."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "i":
        return values.to_numpy().astype(np.int64)
    labels = validate_labels(values, label)
    try:
        integers = list(map(int, labels))
        # "007" and "7" must stay two trials.
        same = list(map(str, integers)) == labels
        return np.array(integers, dtype=np.int64) if same else labels
    except (ValueError, OverflowError):
        return labels


def validate_status(values: pd.Series, label: str) -> npt.NDArray[np.object_]:
    """Return the statuses as keys of `STATUS_WORDS`; case is ignored."""
    cells = values.tolist()
    words = [_label(cell).casefold() for cell in cells]
    unknown = {word: cell for word, cell in zip(words, cells, strict=True) if word not in STATUS_OF}
    if unknown:
        allowed = "; ".join(", ".join(words) for words in STATUS_WORDS.values())
        raise LeadlineError(
            f"{label}: unknown status {join_values(unknown.values(), limit=5)}; allowed are "
            f"{allowed}; replace the others, or name another column"
        )
    return np.array([STATUS_OF[word] for word in words], dtype=object)


def validate_drawn(values: pd.Series, label: str) -> npt.NDArray[np.object_]:
    """Return the words of `DRAWN`, one per row; case is ignored."""
    words = [_label(cell).casefold() for cell in values.tolist()]
    for row, word in enumerate(words):
        if word not in DRAWN:
            raise LeadlineError(
                f"{label}, row {values.index[row] + 1}: must be 'random' (drawn from the space, "
                "whatever earlier trials showed) or 'guided' (chosen by a sampler that learns), "
                f"got {format_value(values.tolist()[row])}; fill it in, or rename the column"
            )
    return np.array(words, dtype=object)


def is_blank(value: object) -> bool:
    """Return whether a cell that might hold a name is empty."""
    return value is None or str(value).strip().lower() in _BLANK_WORDS


def validate_param(values: pd.Series) -> pd.Series:
    """Return the values of a hyperparameter, as numbers when all present ones read as numbers."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind != "O":
        return values
    cells = values.tolist()
    try:
        found = validate_numbers(values, "")
    except LeadlineError:
        found = np.full(len(cells), np.nan)
    if np.isnan(found).all():
        # "none" may be a level, such as of an augmentation.
        return pd.Series([None if is_blank(cell) else cell for cell in cells], dtype=object)
    exact = (np.abs(found) < 2**53) & (found == np.floor(found))
    return pd.Series(found.astype(np.int64) if exact.all() else found)
