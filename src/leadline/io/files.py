"""Text and Parquet files to pandas frames, cell for cell, with errors that name the line."""

import bz2
import csv
import gzip
import importlib
import io
import json
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError, format_value

_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


def read_file(path: Path) -> pd.DataFrame:
    """Return the table in a file, its format told by the suffix.

    CSV (`.csv`, `.txt` or no suffix), TSV (`.tsv`, `.tab`), JSON lines (`.jsonl`, `.ndjson`,
    `.json`) and Parquet (`.parquet`, `.pq`); the text formats may be compressed (`.gz`, `.bz2`,
    `.xz`). Cells of CSV and TSV stay text: what a text means depends on its column.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    LeadlineError
        If the file is not what its suffix says, with the line where there is one.
    ImportError
        If Parquet is asked for and pyarrow is not installed.
    """
    if path.is_dir():
        raise IsADirectoryError(
            f"{format_value(str(path))} is a directory; give the file of trials"
        )
    if not path.exists():
        raise FileNotFoundError(
            f"no file {format_value(str(path), 200)}; check its name and folder"
        )
    suffixes = [suffix.lower() for suffix in path.suffixes]
    decompress = _DECOMPRESS.get(suffixes[-1]) if suffixes else None
    suffix = "".join(suffixes[-2:-1] if decompress else suffixes[-1:])
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
    """Return the file's name without the suffixes that `read_file` reads, "task" if none is left.

    Bytes of the name that are not UTF-8 become question marks.
    """
    stem = Path(path.stem).stem if path.suffix.lower() in _DECOMPRESS else path.stem
    return stem.encode(errors="replace").decode().strip(" .") or "task"


def _decoded(content: bytes, name: str) -> str:
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


def _read_separated(content: bytes, name: str, separator: str) -> pd.DataFrame:
    # The csv module rather than pandas, which pads short lines in silence.
    lines = csv.reader(
        io.StringIO(_decoded(content, name), newline=""),
        delimiter=separator,
        skipinitialspace=True,
        strict=True,
    )
    header: list[str] = []
    rows: list[list[str]] = []
    blank = 0
    try:
        while not header:
            header = _validate_header(next(lines), name, separator)
        for row in lines:
            if not row:
                blank += 1
                continue
            if blank and len(header) == 1:
                rows.extend([[""]] * blank)  # the only way one column can spell a missing score
            blank = 0
            if len(row) != len(header):
                raise LeadlineError(
                    f"{name}: line {lines.line_num} has {len(row)} fields, the header has "
                    f"{len(header)}; mend the line, quote fields that hold a {format_value(separator)}"
                )
            if len(header) > 1 and not any(row):
                raise LeadlineError(
                    f"{name}: line {lines.line_num} has only empty fields; delete the line, or "
                    "give a failed trial the status 'failed'"
                )
            rows.append(row)
    except csv.Error as error:
        raise LeadlineError(
            f"{name}: line {lines.line_num} is not valid CSV ({error}); mend its quotes"
        ) from None
    if not rows:
        raise LeadlineError(f"{name}: a header and no rows; at least one trial is needed")
    columns = zip(*rows, strict=True)
    return pd.DataFrame(
        dict(zip(header, (pd.Series(column, dtype=object) for column in columns), strict=True))
    )


def _validate_header(fields: list[str], name: str, separator: str) -> list[str]:
    header = [field.strip() for field in fields]
    if len(header) == 1:
        for other, fix in (
            (";", "read it with pandas.read_csv(path, sep=';', decimal=',') and pass the frame"),
            ("\t", "rename it to .tsv"),
            (",", "rename it to .csv"),
        ):
            if other != separator and other in header[0]:
                raise LeadlineError(
                    f"{name}: the fields seem to be separated by {format_value(other)}, not by "
                    f"{format_value(separator)}; {fix}"
                )
    # What pandas calls the column of a saved index, which has no name.
    header = [field or f"Unnamed: {place}" for place, field in enumerate(header)]
    return validate_column_names(header, source=name)


def _read_csv(content: bytes, name: str) -> pd.DataFrame:
    return _read_separated(content, name, ",")


def _read_tsv(content: bytes, name: str) -> pd.DataFrame:
    return _read_separated(content, name, "\t")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key appears twice")
    return record


def _read_json_lines(content: bytes, name: str) -> pd.DataFrame:
    records: list[dict[str, object]] = []
    decode = json.JSONDecoder(object_pairs_hook=_unique_keys).decode
    # Not str.splitlines: JSON strings may hold the other line separators of Unicode.
    for number, line in enumerate(_decoded(content, name).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = decode(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or error
            raise LeadlineError(
                f"{name}: line {number} is not valid JSON ({format_value(str(reason))}); each line must "
                "be one object, a trial"
            ) from None
        if not isinstance(record, dict):
            raise LeadlineError(
                f"{name}: line {number} must be one JSON object, a trial, got a "
                f"{type(record).__name__}; write one object a line"
            )
        records.append(record)
    keys = dict.fromkeys(key for record in records for key in record)
    columns = validate_column_names(keys, source=name)
    return pd.DataFrame(
        {
            column: pd.Series([record.get(column) for record in records], dtype=object)
            for column in columns
        }
    )


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


_PARSERS: Mapping[str, Callable[[bytes, str], pd.DataFrame]] = {
    "": _read_csv,
    ".csv": _read_csv,
    ".txt": _read_csv,
    ".tsv": _read_tsv,
    ".tab": _read_tsv,
    ".json": _read_json_lines,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
