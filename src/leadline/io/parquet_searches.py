"""`read_searches`: the searches of a Parquet data set, one after the other."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.files import import_pyarrow
from leadline.io.table import read_table


def read_searches(
    path: str | os.PathLike[str],
    *,
    score: str,
    direction: str,
    task: str | None = None,
    model: str | None = None,
    **columns: Any,
) -> Iterator[Trials]:
    """Yield the searches of a Parquet file or a folder of Parquet files, task by task.

    The rows of one task are in memory at a time. A data set that is partitioned by the task
    (``task=3/part.0.parquet``) is read fastest, because other files are passed over.

    Parameters
    ----------
    path : path
        A Parquet file, or a folder of them, possibly partitioned.
    score, direction : str
        As in `leadline.read_table`.
    task, model : str, optional
        Columns, or keys of partitions, with the names of tasks and models. If None, "task" and
        "model" are used where they exist.
    **columns
        Further arguments of `leadline.read_table`.

    Yields
    ------
    Trials
        One search each.

    Raises
    ------
    LeadlineError
        If a column is missing, or no column tells searches apart.
    ImportError
        If pyarrow is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": ["a", "a", "b", "b"], "loss": [0.3, 0.2, 0.5, 0.4]})
    >>> frame.to_parquet("runs.parquet")
    >>> for search in ll.read_searches("runs.parquet", score="loss", direction="minimize"):
    ...     print(search)
    2 trials: 2 complete, 0 failed
    2 trials: 2 complete, 0 failed
    """
    dataset, compute = _open(Path(path))
    names = dataset.schema.names
    known = {
        label: _column(names, given, label, path)
        for label, given in (("task", task), ("model", model))
    }
    keys = {label: name for label, name in known.items() if name is not None}
    if not keys:
        raise LeadlineError(
            f"{path}: no column task or model tells searches apart; name one with task=... or "
            f"model=...; the columns are {join_values(names)}"
        )
    by = keys.get("task") or keys["model"]
    for value in _values(dataset, compute, by):
        field = compute.field(by)
        rows = dataset.to_table(filter=field.is_null() if value is None else field == value)
        frame = rows.to_pandas()
        # The key of a partition is a category of all tasks.
        for name in keys.values():
            frame[name] = frame[name].astype(object)
        trials = read_table(frame, score=score, direction=direction, **keys, **columns)
        object.__setattr__(trials, "source", Path(path).name)
        pairs = trials.searches
        yield from (trials if len(pairs) == 1 else trials.search(*pair) for pair in pairs)


def _open(path: Path) -> tuple[Any, Any]:
    """Return the data set and pyarrow's functions."""
    if not path.exists():
        raise FileNotFoundError(f"no file {format_value(str(path), 200)}; check its name")
    modules = ("pyarrow", "pyarrow.dataset", "pyarrow.compute")
    arrow, datasets, compute = (import_pyarrow(module, path.name) for module in modules)
    try:
        return datasets.dataset(path, format="parquet", partitioning="hive"), compute
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise LeadlineError(
            f"{path}: not a Parquet data set that pyarrow can read ({format_value(str(error))})"
        ) from None


def _column(names: list[str], given: str | None, label: str, path: Any) -> str | None:
    if given is not None and given not in names:
        raise LeadlineError(f"{path}: no column {given!r}; the columns are {join_values(names)}")
    return given if given is not None else label if label in names else None


def _values(dataset: Any, compute: Any, name: str) -> list[Any]:
    """Return the different values of a column, in the order of the data set."""
    found: dict[Any, None] = {}
    for batch in dataset.to_batches(columns=[name]):
        found |= dict.fromkeys(compute.unique(batch.column(0)).to_pylist())
    return list(found)
