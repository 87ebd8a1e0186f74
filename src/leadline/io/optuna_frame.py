"""A study from `study.trials_dataframe()`, as a data frame or the file it was written to."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from leadline.data.columns import validate_numbers
from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.literals import parse_literal
from leadline.io.optuna_study import STATES, Study, StudyTrial
from leadline.io.params import is_missing, parse_number

_VALUE = re.compile(r"values?(?:_(.+))?")
_PREFIXES = {"params_": "params", "user_attrs_": "user_attrs", "system_attrs_": "system_attrs"}


def is_trials_frame(columns: Iterable[str]) -> bool:
    """Return whether these are columns of Optuna's `trials_dataframe`, perhaps some cut off."""
    names = set(columns)
    values = any(_VALUE.fullmatch(name) for name in names)
    params = any(name.startswith("params_") for name in names)
    return values and (
        ({"number", "state"} <= names) or (params and bool({"number", "state"} & names))
    )


def study_of_frame(frame: pd.DataFrame, source: str, name: str) -> tuple[Study, list[str]]:
    """Return the study, without directions, which the frame does not record, and notes."""
    columns = {str(column): frame[column].tolist() for column in frame.columns}
    objectives = {column: match[1] for column in columns if (match := _VALUE.fullmatch(column))}
    if not objectives:
        raise LeadlineError(
            f"{source}: no column value or values_…, so this is no trials_dataframe of Optuna; "
            f"there are {join_values(columns)}; other tables are for read_table"
        )
    values = {
        column: validate_numbers(
            pd.Series(_scored(columns, column), dtype=object),
            f"{source}: column {format_value(column)}",
        )
        for column in objectives
    }
    trials = []
    for row in range(len(frame)):
        scores = dict(enumerate(float(own[row]) for own in values.values()))
        trial = StudyTrial(_number(columns, row), _state(columns, row, source), scores)
        for prefix, kind in _PREFIXES.items():
            getattr(trial, kind).update(_own(columns, prefix, row))
        trial.start, trial.complete = (
            _cell(columns, f"datetime_{end}", row) for end in ("start", "complete")
        )
        if trial.seconds is None:
            trial.start, trial.complete = None, None
        trials.append(trial)
    trials.sort(key=lambda trial: trial.number)  # people sort the table by its values
    study = Study(name, ["NOT_SET"] * len(objectives), trials=trials)
    names = list(objectives.values())
    if None not in names and not all(str(own).isdecimal() for own in names):
        study.system_attrs["study:metric_names"] = names
    return study, _notes(columns)


def _notes(columns: dict[str, list[Any]]) -> list[str]:
    notes = []
    if "state" not in columns:
        notes.append("no column 'state': pruned trials, if there are any, count as complete")
    if "number" not in columns:
        notes.append("no column 'number': the order of the trials is that of the rows")
    return notes


def _scored(columns: dict[str, list[Any]], column: str) -> Sequence[Any]:
    """Return the cells of an objective; those of trials without a score may hold anything."""
    states = columns.get("state")
    if states is None:
        return columns[column]
    pairs = zip(columns[column], states, strict=True)
    return [cell if str(state).strip().upper() == "COMPLETE" else None for cell, state in pairs]


def _number(columns: dict[str, list[Any]], row: int) -> int:
    number = parse_number(columns["number"][row]) if "number" in columns else float(row)
    return int(number) if number is not None and abs(number) < 2**53 else row


def _state(columns: dict[str, list[Any]], row: int, source: str) -> str:
    if "state" not in columns:
        return "COMPLETE"
    # A frame may hold members of Optuna's enumeration.
    state = str(getattr(columns["state"][row], "name", columns["state"][row])).strip().upper()
    state = state.rpartition(".")[2]
    if state not in STATES:
        raise LeadlineError(
            f"{source}: column 'state', row {row + 1}: must be {', '.join(STATES)}, got "
            f"{format_value(columns['state'][row])}; correct it"
        )
    return state


def _own(columns: dict[str, list[Any]], prefix: str, row: int) -> dict[str, object]:
    found = {}
    for column in columns:
        if column.startswith(prefix) and (cell := _cell(columns, column, row)) is not None:
            found[column.removeprefix(prefix)] = cell if prefix == "params_" else _typed(cell)
    return found


def _typed(cell: object) -> object:
    """Return an attribute with its type, which a file writes as text."""
    value = parse_literal(cell) if isinstance(cell, str) else cell
    # Numbers of trials become floats in a column with empty cells.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _cell(columns: dict[str, list[Any]], column: str, row: int) -> Any:
    """Return a cell, None if it is missing."""
    cell = columns[column][row] if column in columns else None
    return None if is_missing(cell) or (isinstance(cell, str) and not cell.strip()) else cell
