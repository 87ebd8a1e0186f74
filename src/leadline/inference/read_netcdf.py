"""Read the netCDF file of a DataTree with h5py, several times faster than xarray does.

The file of a fit has more than a hundred small variables, and h5netcdf takes milliseconds for each.
"""

import io
import os
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import xarray as xr

# Attributes by which netCDF describes dimensions.
_OF_NETCDF = {
    *("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS"),
    *("_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties"),
}
_WITHOUT_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"


def read_netcdf(file: str | os.PathLike[str] | bytes) -> xr.DataTree:
    """Return the DataTree in a file, or in the content of one, that xarray and h5netcdf wrote."""
    with h5py.File(io.BytesIO(file) if isinstance(file, bytes) else file) as opened:
        groups = {"/": _dataset(opened)}

        def add(name: str, node: Any) -> None:
            if isinstance(node, h5py.Group):
                groups[name] = _dataset(node)

        opened.visititems(add)
    return xr.DataTree.from_dict(groups)


def _dataset(group: h5py.Group) -> xr.Dataset:
    nodes = {name: node for name, node in group.items() if isinstance(node, h5py.Dataset)}
    # HDF5 takes a millisecond to find the name of a scale.
    scales = {node.id: name for name, node in nodes.items() if node.is_scale}
    variables = {}
    for name, node in nodes.items():
        if node.attrs.get("NAME", b"").startswith(_WITHOUT_VARIABLE):
            continue
        dims = [name] if node.is_scale else [_name_of(own[0], scales) for own in node.dims]
        is_text = h5py.check_string_dtype(node.dtype) is not None
        values = np.asarray(node.asstr()[()], dtype=str) if is_text else node[()]
        variables[name] = xr.Variable(dims, values, _attributes(node))
    decoded = xr.decode_cf(xr.Dataset(variables, attrs=_attributes(group)))
    # With its encoding, text that is joined with longer text would be cut when it is written.
    return decoded.drop_encoding()


def _name_of(scale: h5py.Dataset, known: Mapping[Any, str]) -> str:
    """Return the name of a dimension, whose scale may be that of a parent group."""
    found = known.get(scale.id)
    return str(scale.name.rpartition("/")[2]) if found is None else found


def _attributes(node: Any) -> dict[str, Any]:
    found = {name: node.attrs[name] for name in node.attrs if name not in _OF_NETCDF}
    return {
        name: value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        for name, value in found.items()
    }
