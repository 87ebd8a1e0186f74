"""Tables of separated values: the separator and the decimal mark are found in the text."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError, format_value

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_ROWS, _SAMPLE_LENGTH = 20, 200_000
_COMMA = re.compile(r"[+-]?\d*,(\d+)(e[+-]?\d+)?", re.IGNORECASE)
_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)


def read_separated(text: str, name: str, separator: str = ",") -> pd.DataFrame:
    """Return the table with cells of text; `separator` is the usual one of such files."""
    separator = find_separator(text, separator)
    # The csv module, because pandas pads short lines without a warning.
    file = io.StringIO(text, newline="")
    lines = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    header: list[str] = []
    try:
        while not header:
            header = _validate_header(next(lines), name)
        rows = list(_rows_like(header, lines, name, separator))
    except csv.Error as error:
        raise LeadlineError(
            f"{name}: line {lines.line_num} is not valid CSV ({error}); fix its quotes"
        ) from None
    if not rows:
        raise LeadlineError(f"{name}: a header and no rows; at least one trial is needed")
    return pd.DataFrame(_with_points(rows), columns=header, dtype=object)


def read_names(text: str) -> list[str]:
    """Return the names in the first line of a text, which may be cut off after many rows."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=find_separator(text, ","))
    try:
        return [name.strip() for name in next(filter(None, lines), [])]
    except csv.Error:
        return []


def find_separator(text: str, usual: str) -> str:
    """Return the first separator that splits header and rows alike; `usual` is tried first."""
    sample = text[:_SAMPLE_LENGTH]
    candidates = dict.fromkeys([usual, *_SEPARATORS])
    for separator in candidates:
        lines = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        try:
            widths = [len(row) for row in islice(lines, _SAMPLE_ROWS) if row]
        except csv.Error:
            continue
        if len(sample) < len(text):
            widths = widths[:-1]  # perhaps cut off
        if len(set(widths)) == 1 and widths[0] > 1:
            return separator
    # No separator fits all rows: an error will name the row.
    header = next(iter(text.lstrip().splitlines()), "")
    return next((separator for separator in candidates if separator in header), usual)


def _rows_like(header: list[str], lines: Any, name: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows, each with as many fields as the header."""
    blank = 0
    for row in lines:
        if not row:
            blank += 1
            continue
        if len(header) == 1:
            # In a file of one column, a blank line between rows is a missing score.
            yield from [[""]] * blank
        blank = 0
        line = f"{name}: line {lines.line_num}"
        if len(row) != len(header):
            raise LeadlineError(
                f"{line} has {len(row)} fields, the header has {len(header)}; fix the line, "
                f"quote fields that hold a {format_value(separator)}"
            )
        if len(header) > 1 and not any(row):
            raise LeadlineError(
                f"{line} has only empty fields; delete the line, or give a failed trial the "
                "status 'failed'"
            )
        yield row


def _validate_header(fields: list[str], name: str) -> list[str]:
    header = [field.strip() for field in fields]
    # pandas writes the index without a name and reads it back as "Unnamed: 0".
    header = [field or f"Unnamed: {index}" for index, field in enumerate(header)]
    return validate_column_names(header, source=name)


def _with_points(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows with points for decimal commas, if the file has decimal commas.

    It has if no number has a decimal point. Three digits behind every comma may be thousands.
    """
    commas = [match for row in rows for cell in row if "," in cell if (match := _match(cell))]
    if all(len(match[1]) == 3 for match in commas):
        return rows
    if any(_POINT.fullmatch(cell.strip()) for row in rows for cell in row if "." in cell):
        return rows
    return [[cell.replace(",", ".") if _match(cell) else cell for cell in row] for row in rows]


def _match(cell: str) -> re.Match[str] | None:
    return _COMMA.fullmatch(cell.strip())
