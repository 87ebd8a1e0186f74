"""Tables in JSON: one object per line, an array of objects, or an object of columns."""

import json
from typing import Any

import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError, format_value


def read_json_table(text: str, name: str) -> pd.DataFrame:
    """Return the table in a JSON text; a key that a record lacks is a missing cell."""
    read = _read_array if text.lstrip().startswith("[") else _read_lines
    records = read(text, name)
    keys = dict.fromkeys(key for record in records for key in record)
    columns = validate_column_names(keys, source=name)
    rows = [[record.get(column) for column in columns] for record in records]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _read_array(text: str, name: str) -> list[dict[str, object]]:
    try:
        found = _decode(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise LeadlineError(
            f"{name}: line {line} is not valid JSON ({_reason(error)}); the file must be one array "
            "of objects, the trials"
        ) from None
    for number, record in enumerate(found, start=1):
        if not isinstance(record, dict):
            raise LeadlineError(
                f"{name}: item {number} of the array must be an object, a trial, got a "
                f"{type(record).__name__}; write one object per trial"
            )
    if not found:
        raise LeadlineError(f"{name}: an empty array; at least one trial is needed")
    return found


def _read_lines(text: str, name: str) -> list[dict[str, object]]:
    columns = _read_columns(text)
    if columns is not None:
        return columns
    records: list[dict[str, object]] = []
    # str.splitlines would also split at Unicode line separators inside JSON strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _decode(line)
        except (ValueError, RecursionError) as error:
            raise LeadlineError(
                f"{name}: line {number} is not valid JSON ({_reason(error)}); each line must be "
                "one object, a trial"
            ) from None
        if not isinstance(record, dict):
            raise LeadlineError(
                f"{name}: line {number} must be one JSON object, a trial, got a "
                f"{type(record).__name__}; write one object per line"
            )
        records.append(record)
    return records


def _read_columns(text: str) -> list[dict[str, object]] | None:
    """Return the records of one object of columns, as pandas writes it, else None.

    A column is an object, with the rows by name, or a list of two or more cells.
    """
    try:
        found = _decode(text)
    except (ValueError, RecursionError):
        return None
    columns = list(found.items()) if isinstance(found, dict) else []
    if columns and all(isinstance(column, dict) and column for _, column in columns):
        rows = dict.fromkeys(row for _, column in columns for row in column)
        return [{name: column.get(row) for name, column in columns} for row in rows]
    lists = columns and all(isinstance(column, list) and column[1:] for _, column in columns)
    if lists and len({len(column) for _, column in columns}) == 1:
        count = len(columns[0][1])
        return [{name: column[row] for name, column in columns} for row in range(count)]
    return None


def _decode(text: str) -> Any:
    return json.JSONDecoder(object_pairs_hook=_unique_keys).decode(text)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key appears twice")
    return record


def _reason(error: Exception) -> str:
    return format_value(str(getattr(error, "msg", None) or error))
