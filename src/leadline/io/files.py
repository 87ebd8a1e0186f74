"""Files and data frames of any library as pandas frames of raw cells; errors name the line."""

import bz2
import gzip
import importlib
import io
import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError, format_value
from leadline.io.json_tables import read_json_table
from leadline.io.separated import read_names, read_separated

_Parser = Callable[[bytes, str], pd.DataFrame]
_SEPARATED = ("", ".csv", ".txt", ".tsv", ".tab")
_HEADER_LENGTH = 200_000
_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
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

    Separated values (`.csv`, `.tsv`, `.tab`, `.txt` or no suffix), JSON (`.json`, `.jsonl`,
    `.ndjson`) and Parquet (`.parquet`, `.pq`); text formats may be compressed (`.gz`, `.bz2`,
    `.xz`). Separated cells stay text, because their meaning depends on the column. Content in
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


def read_columns(path: Path) -> list[str]:
    """Return the names of the columns in a file, an empty list if there are none to read."""
    try:
        if path.suffix.lower() in _SEPARATED:
            with path.open("rb") as file:
                header = file.read(_HEADER_LENGTH)
                return read_names(header.decode(_encoding(header), errors="replace"))
        return [str(name) for name in read_file(path).columns]
    except (OSError, ValueError, ImportError):
        return []


def table_name(path: Path) -> str:
    """Return the name of a file without the suffixes of `read_file`, "task" if nothing is left."""
    stem = Path(path.stem).stem if path.suffix.lower() in _DECOMPRESS else path.stem
    # Bytes of the name that are not UTF-8 become question marks.
    return stem.encode(errors="replace").decode().strip(" .") or "task"


def _encoding(content: bytes) -> str:
    """Return the encoding of a text: UTF-16 if it starts with its mark, else UTF-8."""
    return "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _decode(content: bytes, name: str) -> str:
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise LeadlineError(
                f"{name}: damaged UTF-16 text (byte {error.start}); save it as UTF-8"
            ) from None
        line = content.count(b"\n", 0, error.start) + 1
        # Which of the 8-bit encodings it is cannot be seen, and a wrong one would change names.
        raise LeadlineError(
            f"{name}: not UTF-8 text (byte 0x{content[error.start]:02x} in line {line}); save it "
            "as UTF-8, in Excel as 'CSV UTF-8', or convert it: iconv -f latin1 -t utf-8"
        ) from None
    if "\0" in text:
        raise LeadlineError(f"{name}: not a text file, it has NUL bytes; give a text file")
    if not text.strip():
        raise LeadlineError(f"{name}: the file is empty; give one with a header and trials")
    return text


def import_pyarrow(module: str, source: str) -> Any:
    """Return pyarrow or one of its modules, else raise ImportError; `source` is to be read."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(
            f"{source}: reading Parquet needs pyarrow; install it with "
            'pip install "leadline[parquet]"'
        ) from None


def _read_parquet(content: bytes, name: str) -> pd.DataFrame:
    pyarrow, parquet = (import_pyarrow(own, name) for own in ("pyarrow", "pyarrow.parquet"))
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


def _text_parser(parse: Callable[..., pd.DataFrame], **options: str) -> _Parser:
    return lambda content, name: parse(_decode(content, name), name, **options)


_PARSERS: Mapping[str, _Parser] = (
    dict.fromkeys(("", ".csv", ".txt"), _text_parser(read_separated))
    | dict.fromkeys((".tsv", ".tab"), _text_parser(read_separated, separator="\t"))
    | dict.fromkeys((".json", ".jsonl", ".ndjson"), _text_parser(read_json_table))
    | dict.fromkeys((".parquet", ".pq"), _read_parquet)
)
