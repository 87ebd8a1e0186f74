"""Columns of dicts, such as Hyperopt's `params`, to one column per hyperparameter."""

from collections.abc import Mapping, Sequence

import pandas as pd

from leadline.data.columns import is_blank
from leadline.data.trials import PARAM_PREFIX
from leadline.errors import LeadlineError, format_value
from leadline.io.literals import parse_literal
from leadline.io.params import flatten_params, param_name

_NAMES = frozenset(
    {"params", "parameters", "hyperparameters", "hyperparams", "hparams", "config", "configuration"}
)
"""Columns that are opened without being named."""


def open_dicts(
    frame: pd.DataFrame, params: Sequence[str] | None, source: str
) -> tuple[pd.DataFrame, Sequence[str] | None]:
    """Return the table with a column `param:<name>` per entry of its dicts, and the other params.

    Columns of dicts, also written as text in Python or in JSON, are opened if `params` names
    them; without `params`, if they have a usual name.
    """
    wanted = params
    if params is None:
        known = any(str(name).startswith(PARAM_PREFIX) for name in frame.columns)
        wanted = [] if known else [own for own in frame.columns if str(own).casefold() in _NAMES]
    opened = {name: found for name in wanted or () if (found := _read_dicts(frame, name))}
    if not opened:
        return frame, params
    for name, dicts in opened.items():
        frame = frame.drop(columns=name)
        rows = [flatten_params(own) for own in dicts]
        for path in dict.fromkeys(path for row in rows for path in row):
            column = f"{PARAM_PREFIX}{param_name(path)}"
            if column in frame.columns:
                raise LeadlineError(
                    f"{source}: column {format_value(name)} holds {format_value(path)}, but there "
                    f"is a column {format_value(column)} too; leave one out"
                )
            frame[column] = pd.Series(
                [row.get(path) for row in rows], index=frame.index, dtype=object
            )
    rest = [name for name in params or () if name not in opened]
    return frame, rest or None


def _read_dicts(frame: pd.DataFrame, name: str) -> list[Mapping[str, object]] | None:
    """Return the dicts in a column, empty where a cell is, None unless all others are dicts."""
    if name not in frame.columns:
        return None
    found: list[Mapping[str, object]] = []
    for cell in frame[name].tolist():
        value = parse_literal(cell) if isinstance(cell, str) and "{" in cell else cell
        if isinstance(value, Mapping):
            found.append(value)
        elif value is pd.NA or is_blank(value):
            found.append({})
        else:
            return None
    return found if any(found) else None
