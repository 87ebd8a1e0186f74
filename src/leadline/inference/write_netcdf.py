"""Write a DataTree as a netCDF file with h5py, several times faster than xarray does.

The file of a fit has more than a hundred small variables, and h5netcdf takes milliseconds for each.
"""

import io
from collections.abc import Hashable, Mapping
from typing import Any

import h5py
import xarray as xr


def file_of_tree(tree: xr.DataTree) -> bytes:
    """Return a tree as the content of a netCDF file."""
    # In memory first: HDF5 crashes the process when the disk is full.
    content = io.BytesIO()
    with h5py.File(content, "w", track_order=True) as file:
        scales: dict[str, dict[Hashable, Any]] = {"/": {}}
        for node in tree.subtree:
            dataset = node.to_dataset(inherit=False)
            group = file
            if node.parent is not None:
                group = file.create_group(node.path, track_order=True)
            inherited = {} if node.parent is None else scales[node.parent.path]
            scales[node.path] = inherited | _write(group, dataset, inherited)
    return content.getvalue()


def _write(
    group: h5py.Group, dataset: xr.Dataset, inherited: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """Write the variables of a group; return its dimension scales, those it inherits left out."""
    plain, attributes = xr.conventions.encode_dataset_coordinates(dataset)
    variables, attributes = xr.conventions.cf_encoder(plain, attributes)
    group.attrs.update(attributes)
    scales: dict[Hashable, Any] = {}
    for dim, size in dataset.sizes.items():
        if dim in variables:
            scales[dim] = _create(group, dim, variables[dim])
            scales[dim].make_scale(dim)
        elif dim not in inherited:
            scales[dim] = group.create_dataset(dim, (size,), ">f4")
            # The name by which netCDF knows a dimension without a variable.
            title = f"This is a netCDF dimension but not a netCDF variable.{size:10d}"
            scales[dim].make_scale(title)
    for name, variable in variables.items():
        if name not in scales:
            written = _create(group, name, variable)
            for axis, dim in enumerate(variable.dims):
                written.dims[axis].attach_scale(scales.get(dim, inherited.get(dim)))
    return scales


def _create(group: h5py.Group, name: Hashable, variable: xr.Variable) -> h5py.Dataset:
    values, attributes = variable.to_numpy(), dict(variable.attrs)
    dtype = values.dtype
    if dtype.kind in "UO":
        values, dtype = values.astype(object), h5py.string_dtype()
    missing = attributes.get("_FillValue")
    written = group.create_dataset(name, data=values, dtype=dtype, fillvalue=missing)
    if missing is not None:
        attributes["_FillValue"] = values.dtype.type(missing)
    written.attrs.update(attributes)
    return written
