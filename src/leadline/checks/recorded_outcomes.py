"""The group `checks` of a fit: the outcomes of all checks when it was fitted."""

import dataclasses

import numpy as np
import pandas as pd
import xarray as xr

from leadline.checks.outcome import Outcome

GROUP = "checks"

_DIMS = ("search", "check")
_TEXT = ("bound", "about", "advice")
_COLUMNS = tuple(field.name for field in dataclasses.fields(Outcome))


def outcomes_group(table: pd.DataFrame) -> xr.Dataset:
    """Return a result of `leadline.check` as a group of the tree, dims (search, check).

    `passed` is 1 or 0, and nan for a check that could not be made.
    """
    labels = {dim: list(dict.fromkeys(table[dim])) for dim in _DIMS}
    shape = tuple(map(len, labels.values()))
    values = {
        name: table[name].to_numpy(dtype=str)
        if name in _TEXT
        else table[name].to_numpy(dtype=float, na_value=np.nan)
        for name in _COLUMNS
    }
    variables = {name: (_DIMS, column.reshape(shape)) for name, column in values.items()}
    return xr.Dataset(variables, labels)


def recorded_outcomes(tree: xr.DataTree) -> pd.DataFrame:
    """Return the recorded result of `leadline.check`, from the group `checks`."""
    group = tree[GROUP].dataset[list(_COLUMNS)].reset_coords(drop=True)
    table = group.to_dataframe(dim_order=list(_DIMS)).reset_index()
    dtypes = dict.fromkeys((*_DIMS, *_TEXT), "str") | {"passed": "boolean"}
    return table[[*_DIMS, *_COLUMNS]].astype(dtypes)
