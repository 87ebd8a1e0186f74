"""Files of trees are read with h5py as xarray reads them."""

import io

import numpy as np
import xarray as xr
from helpers import make_tree, make_trials

from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.write_netcdf import file_of_tree


def assert_read_as_by_xarray(tree):
    content = file_of_tree(tree)
    found = read_netcdf(content)
    with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
        xr.testing.assert_identical(found, opened.load())


def test_a_fit_is_read_as_by_xarray():
    pairs = (("t1", "x"), ("t2", "y"))
    assert_read_as_by_xarray(make_tree(make_trials(n=20, n_failed=1, searches=pairs)))


def test_text_that_grows_is_written_whole():
    def tree(text):
        return xr.DataTree.from_dict({"x": xr.Dataset({"name": ("draw", [text])})})

    short, long = (read_netcdf(file_of_tree(tree(text)))["x"] for text in ("a", "abc"))
    joined = xr.concat([short.to_dataset(), long.to_dataset()], "draw")
    again = read_netcdf(file_of_tree(xr.DataTree.from_dict({"x": joined})))
    assert again["x"]["name"].to_numpy().tolist() == ["a", "abc"]


def test_all_kinds_of_variables_are_read_as_by_xarray():
    values = xr.Dataset(
        {
            "flags": ("draw", np.array([True, False])),
            "missing": ("draw", [np.nan, 1.0]),
            "text": ("draw", ["a", "ü"]),
            "scalar": 3,
            "empty": ("none", np.zeros(0)),
            "bare": (("draw", "unlabelled"), np.zeros((2, 3), dtype=np.int8)),
        },
        coords={"draw": [0, 1], "label": ("draw", ["p", "q"])},
        attrs={"words": "one", "number": 1.5, "numbers": [1, 2]},
    )
    assert_read_as_by_xarray(
        xr.DataTree.from_dict({"/": xr.Dataset(attrs={"a": "b"}), "x/y": values})
    )
