"""Data frames of any library that narwhals knows, to pandas."""

from typing import Any, cast

import narwhals as nw
import pandas as pd

from leadline.data.columns import validate_column_names
from leadline.errors import LeadlineError


def as_pandas(frame: object) -> tuple[pd.DataFrame, str]:
    """Return a frame as pandas, cell for cell, and the name of the library that it came from.

    Polars frames are copied without pyarrow.

    Raises
    ------
    TypeError
        If `frame` is no data frame.
    LeadlineError
        If two columns share a name or a name is no string.
    """
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
    columns = {name: _column(eager[name]) for name in eager.columns}
    if not columns:
        raise LeadlineError(f"{library} frame: no columns; at least the score is needed")
    return pd.DataFrame(columns), library


def _column(series: nw.Series) -> pd.Series:
    if series.dtype.is_numeric() and not series.dtype.is_decimal() and not series.is_null().any():
        return pd.Series(series.to_numpy())
    return pd.Series(series.to_list(), dtype=object)
