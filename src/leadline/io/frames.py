"""A file, or a data frame of any library, as a pandas frame of raw cells."""

import os
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError
from leadline.io.files import read_file, table_name


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
