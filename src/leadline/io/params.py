"""Hyperparameters as tracked by other tools: their values as table cells, their distributions."""

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import to_number
from leadline.data.trials import PARAM_PREFIX, Trials

Distribution = tuple[object, ...]
Space = Mapping[str, Distribution | None]
"""The distribution of each hyperparameter, as in `Trials.distributions`; None if unknown."""

_NONE = "(None)"
"""The choice None as text, because an empty cell means that a parameter is inactive."""
_LONGEST_TEXT = 500


def flatten_params(params: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Return nested parameters by their path, such as "optimizer/lr", with plain values."""
    found: dict[str, object] = {}
    for key, value in params.items():
        name = f"{prefix}{plain_text(key)}"
        if isinstance(value, Mapping) and value:
            found.update(flatten_params(value, f"{name}/"))
        else:
            found[name] = plain_value(value)
    return found


def param_name(path: str) -> str:
    """Return a parameter's name in the table; a DataTree allows no slash in names."""
    return path.replace("/", ".")


def plain_value(value: object) -> object:
    """Return a parameter's value as a number, a truth value or a text."""
    if value is None or (isinstance(value, str) and value == "None"):
        return _NONE
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral) and abs(int(value)) < 2**63:
        return int(value)
    if (number := to_float(value)) is not None:
        return number
    if isinstance(value, list | tuple | dict):
        try:
            return plain_text(json.dumps(value, default=_name_object))
        except (ValueError, TypeError, RecursionError):
            return plain_text(repr(value))
    return plain_text(value if isinstance(value, str) else _name_object(value))


def plain_text(value: object) -> str:
    """Return a value as text of limited length that is printable and UTF-8."""
    text = str(value).encode(errors="replace").decode()[:_LONGEST_TEXT]
    return "".join(char if char.isprintable() else " " for char in text)


def to_float(value: object) -> float | None:
    """Return a real number as a float, None for everything else."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def parse_number(cell: object) -> float | None:
    """Return a cell as a float, NaN if it is missing, None if it is no number."""
    try:
        return to_number(cell)
    except (TypeError, ValueError):
        return None


def is_missing(cell: Any) -> bool:
    """Return whether a cell is None, NaN, NA or NaT; a list of them is a value."""
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def is_finite(value: object) -> bool:
    """Return whether a value is a number that can be a score."""
    return isinstance(value, int | float) and abs(value) < 1e150


def _name_object(value: Any) -> str:
    # The repr of a function or an object holds its address, which differs between equal ones.
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else repr(value)


def numeric_distribution(
    low: object, high: object, *, step: object = None, integer: bool = False, log: bool = False
) -> Distribution | None:
    """Return a range in the form of `Trials.distributions`, None if it has no finite ends."""
    start, end, width = to_float(low), to_float(high), to_float(step)
    if start is None or end is None or not math.isfinite(end - start):
        return None
    name = ("log-" if log else "") + ("integer" if integer else "uniform")
    if width is None or log or not width > 0 or not math.isfinite((end - start) / width):
        return (name, low, high)
    # Optuna and Keras Tuner end a range at its last whole step.
    steps = math.floor((end - start) / width + 1e-8)
    return (name, low, low + step * steps, step)  # type: ignore[operator]


def matching_distributions(
    recorded: Space | None, trials: Trials
) -> Mapping[str, Distribution] | None:
    """Return the distributions that can have produced all values of their parameter.

    The others, such as a range that was changed during the search, are no evidence.
    """
    found = {}
    for path, distribution in (recorded or {}).items():
        column = f"{PARAM_PREFIX}{param_name(path)}"
        if distribution is not None and column in trials.params:
            matched = _match(distribution, trials.table[column].dropna())
            if matched is not None:
                found[param_name(path)] = matched
    return found or None


def _match(distribution: Distribution, values: pd.Series) -> Distribution | None:
    kind, *arguments = distribution
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if kind == "categorical":
        choices = [plain_value(choice) for choice in arguments]
        choices = [_normalise_choice(choice) for choice in choices] if numeric else choices
        seen = {repr(_normalise_choice(value)) for value in values.tolist()}
        known = {repr(_normalise_choice(choice)) for choice in choices}
        return (kind, *choices) if len(choices) > 1 and seen <= known else None
    if not numeric:
        return None
    low, high = float(arguments[0]), float(arguments[1])  # type: ignore[arg-type]
    slack = 1e-9 * max(abs(low), abs(high))
    inside = (values >= low - slack) & (values <= high + slack)
    valid = low < high and (low > 0 or "log" not in str(kind))
    return distribution if valid and inside.all() else None


def _normalise_choice(value: object) -> object:
    """Return a choice as a float if it reads as one, so that "1" equals 1.0."""
    if isinstance(value, bool):
        return value
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return value
