"""Files and data frames of any library as pandas frames of raw cells; errors name the line."""

import bz2
import csv
import gzip
import importlib
import io
import json
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError, format_value

_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
_OTHER_SEPARATORS = {
    ";": "read it with pandas.read_csv(path, sep=';', decimal=',') and pass the frame",
    "\t": "rename it to .tsv",
    ",": "rename it to .csv",
}


def load_frame(path_or_frame: str | os.PathLike[str] | object) -> tuple[pd.DataFrame, str, str]:
    """Return the cells as pandas, the name of the source for messages, and a name for the task."""
    if isinstance(path_or_frame, str | os.PathLike):
        # os.path.expanduser, because Path.expanduser raises for an unknown user.
        path = Path(os.path.expanduser(path_or_frame))
        return read_file(path), path.name, table_name(path)
    frame, library = _convert_to_pandas(path_or_frame)
    return frame, f"{library} frame", "task"


def _convert_to_pandas(frame: object) -> tuple[pd.DataFrame, str]:
    """Return a frame as pandas, and its library; polars frames are copied without pyarrow."""
    if isinstance(frame, pd.DataFrame):
        validate_column_names(frame.columns, source="pandas frame")
        return frame, "pandas"
    try:
        known = nw.from_native(cast(Any, frame))
    except TypeError:
        raise TypeError(
            "path_or_frame must be a path, a pandas or a polars frame, got "
            f"{type(frame).__name__}; for an array of scores use from_scores"
        ) from None
    eager = known.collect() if isinstance(known, nw.LazyFrame) else known
    library = str(eager.implementation)
    columns = {name: _convert_column(eager[name]) for name in eager.columns}
    if not columns:
        raise LeadlineError(f"{library} frame: no columns; at least the score is needed")
    return pd.DataFrame(columns), library


def _convert_column(series: nw.Series) -> pd.Series:
    if series.dtype.is_numeric() and not series.dtype.is_decimal() and not series.is_null().any():
        return pd.Series(series.to_numpy())
    return pd.Series(series.to_list(), dtype=object)


def read_file(path: Path) -> pd.DataFrame:
    """Return the table in a file; the suffix names the format.

    CSV (`.csv`, `.txt` or no suffix), TSV (`.tsv`, `.tab`), JSON lines (`.jsonl`, `.ndjson`,
    `.json`) and Parquet (`.parquet`, `.pq`); text formats may be compressed (`.gz`, `.bz2`,
    `.xz`). Cells of CSV and TSV stay text, because their meaning depends on the column. Content in
    another format raises `LeadlineError` that names the line.
    """
    shown = format_value(str(path), 200)
    if path.is_dir():
        raise IsADirectoryError(f"{shown} is a directory; give the file of trials")
    if not path.exists():
        raise FileNotFoundError(f"no file {shown}; check its name and folder")
    suffixes = ["", *map(str.lower, path.suffixes)]
    decompress = _DECOMPRESS.get(suffixes[-1])
    suffix = suffixes[-2] if decompress else suffixes[-1]
    if suffix not in _PARSERS:
        allowed = ", ".join(sorted(filter(None, _PARSERS)))
        raise LeadlineError(
            f"{path.name}: unknown suffix {format_value(suffix)}; allowed are {allowed}, the text "
            "formats also with .gz, .bz2, .xz"
        )
    content = path.read_bytes()
    if decompress is not None:
        try:
            content = decompress(content)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
            raise LeadlineError(
                f"{path.name}: not a complete {suffixes[-1]} file; compress it again, or "
                "remove the suffix if it is not compressed"
            ) from None
    return _PARSERS[suffix](content, path.name)


def table_name(path: Path) -> str:
    """Return the name of a file without the suffixes of `read_file`, "task" if nothing is left."""
    stem = Path(path.stem).stem if path.suffix.lower() in _DECOMPRESS else path.stem
    # Bytes of the name that are not UTF-8 become question marks.
    return stem.encode(errors="replace").decode().strip(" .") or "task"


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LeadlineError(f"{name}: the text is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LeadlineError(
            f"{name}: not UTF-8 text (byte 0x{content[error.start]:02x} in line {line}); "
            "save it as UTF-8"
        ) from None
    if "\0" in text:
        raise LeadlineError(f"{name}: not a text file, it has NUL bytes; give a text file")
    if not text.strip():
        raise LeadlineError(f"{name}: the file is empty; give one with a header and trials")
    return text


def _read_separated(content: bytes, name: str, separator: str = ",") -> pd.DataFrame:
    # The csv module, because pandas pads short lines without a warning.
    text = io.StringIO(_decode(content, name), newline="")
    lines = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    header: list[str] = []
    try:
        while not header:
            header = _validate_header(next(lines), name, separator)
        rows = list(_rows_like(header, lines, name, separator))
    except csv.Error as error:
        raise LeadlineError(
            f"{name}: line {lines.line_num} is not valid CSV ({error}); fix its quotes"
        ) from None
    if not rows:
        raise LeadlineError(f"{name}: a header and no rows; at least one trial is needed")
    return pd.DataFrame(rows, columns=header, dtype=object)


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


def _validate_header(fields: list[str], name: str, separator: str) -> list[str]:
    header = [field.strip() for field in fields]
    for other, fix in _OTHER_SEPARATORS.items():
        if len(header) == 1 and other != separator and other in header[0]:
            raise LeadlineError(
                f"{name}: the fields seem to be separated by {format_value(other)}, not by "
                f"{format_value(separator)}; {fix}"
            )
    # pandas writes the index without a name and reads it back as "Unnamed: 0".
    header = [field or f"Unnamed: {index}" for index, field in enumerate(header)]
    return validate_column_names(header, source=name)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key appears twice")
    return record


def _read_json_lines(content: bytes, name: str) -> pd.DataFrame:
    records: list[dict[str, object]] = []
    decode = json.JSONDecoder(object_pairs_hook=_unique_keys).decode
    # str.splitlines would also split at Unicode line separators inside JSON strings.
    for number, line in enumerate(_decode(content, name).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = decode(line)
        except (ValueError, RecursionError) as error:
            reason = format_value(str(getattr(error, "msg", None) or error))
            raise LeadlineError(
                f"{name}: line {number} is not valid JSON ({reason}); each line must be one "
                "object, a trial"
            ) from None
        if not isinstance(record, dict):
            raise LeadlineError(
                f"{name}: line {number} must be one JSON object, a trial, got a "
                f"{type(record).__name__}; write one object per line"
            )
        records.append(record)
    keys = dict.fromkeys(key for record in records for key in record)
    columns = validate_column_names(keys, source=name)
    rows = [[record.get(column) for column in columns] for record in records]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _read_parquet(content: bytes, name: str) -> pd.DataFrame:
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ImportError(
            f"{name}: reading Parquet needs pyarrow; install it with "
            'pip install "leadline[parquet]"'
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(content))
        table.validate(full=True)  # damaged text would surface later, from inside pandas
        frame = table.to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise LeadlineError(
            f"{name}: not a Parquet file that pyarrow can read ({format_value(str(error))}); "
            "write it again"
        ) from None
    validate_column_names(frame.columns, source=name)
    return frame


_PARSERS: Mapping[str, Callable[[bytes, str], pd.DataFrame]] = (
    dict.fromkeys(("", ".csv", ".txt"), _read_separated)
    | dict.fromkeys((".tsv", ".tab"), partial(_read_separated, separator="\t"))
    | dict.fromkeys((".json", ".jsonl", ".ndjson"), _read_json_lines)
    | dict.fromkeys((".parquet", ".pq"), _read_parquet)
)
