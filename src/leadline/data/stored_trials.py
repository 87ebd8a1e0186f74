"""Trials as a group of a saved fit, so that a search can be fitted again from its file."""

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.data.trials import Trials

GROUP = "trials"

_ATTRIBUTES = ("direction", "metric", "source", "cost_unit")


def trials_group(trials: Trials) -> xr.Dataset:
    """Return the table of trials, dims (row), with its metadata as attributes.

    Columns of other things than numbers are text in JSON: a hyperparameter may mix numbers, words
    and truth values. Reported bests are left out.
    """
    columns: dict[str, Any] = {}
    for name in trials.table.columns:
        values = trials.table[name]
        if values.dtype.kind in "iuf":
            columns[name] = values.to_numpy()
        else:
            columns[name] = np.array([_to_json(value) for value in values], dtype=str)
    attributes = {name: getattr(trials, name) for name in _ATTRIBUTES}
    attributes |= {"sampler": trials.sampler or "", "notes": json.dumps(list(trials.notes))}
    return xr.Dataset({name: ("row", values) for name, values in columns.items()}, attrs=attributes)


def trials_of_group(group: xr.Dataset) -> Trials:
    """Return the trials that `trials_group` stored."""
    columns = {
        str(name): values.to_numpy()
        if values.dtype.kind in "iuf"
        else pd.Series([json.loads(str(text)) for text in values.to_numpy()], dtype=object)
        for name, values in group.data_vars.items()
    }
    attributes: dict[str, Any] = {name: str(group.attrs[name]) for name in _ATTRIBUTES}
    return Trials(
        pd.DataFrame(columns),
        **attributes,
        sampler=str(group.attrs["sampler"]) or None,
        notes=tuple(json.loads(group.attrs["notes"])),
    )


def _to_json(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "null"
    return json.dumps(value.item() if isinstance(value, np.generic) else value, default=str)
