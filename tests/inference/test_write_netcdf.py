"""Files of trees hold what xarray writes."""

import io

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials

from leadline.inference.write_netcdf import file_of_tree

KINDS = xr.Dataset(
    {
        "flags": ("draw", np.array([True, False])),
        "missing": ("draw", [np.nan, 1.0]),
        "single": ("draw", np.array([np.inf, 1.0], dtype=np.float32)),
        "text": ("draw", ["a", "ü"]),
        "objects": ("draw", np.array(["a", "longer"], dtype=object)),
        "word": "one",
        "scalar": 3,
        "empty": ("none", np.zeros(0)),
        "no_text": ("none", np.zeros(0, dtype=str)),
        "square": (("draw", "unlabelled", "draw_2"), np.zeros((2, 3, 2), dtype=np.int8)),
    },
    coords={"draw": [0, 1], "label": ("draw", ["p", "q"]), "draw_2": ["x", "y"]},
    attrs={"words": "ü", "number": 1.5, "whole": 2, "numbers": [1, 2], "none": [], "texts": ["a"]},
)
INHERITED = {
    "/": KINDS,
    "own": xr.Dataset({"values": (("draw", "unlabelled"), np.ones((2, 3)))}),
    "a/b": xr.Dataset({"values": ("unlabelled", np.ones(3))}, {"unlabelled": [1, 2, 3]}),
}


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_tree(make_trials(n=20, searches=(("t1", "x"), ("t2", "y"))), integer=True),
        lambda: xr.DataTree.from_dict({"/": xr.Dataset(attrs={"a": "b"}), "x/y": KINDS}),
        lambda: xr.DataTree.from_dict(INHERITED),
    ],
)
def test_a_file_holds_what_xarray_writes(make):
    tree = make()
    trees = []
    for content in (file_of_tree(tree), bytes(tree.to_netcdf(engine="h5netcdf"))):
        with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            trees.append(opened.load())
    found, expected = trees
    xr.testing.assert_identical(found, expected)
    for node in expected.subtree:
        own = found[node.path]
        assert list(own.data_vars) == list(node.data_vars)
        for name, variable in node.variables.items():
            assert own.variables[name].dtype == variable.dtype, name
