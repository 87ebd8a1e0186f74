"""The examples in the docstrings of all public names run and print what they show."""

import doctest
import functools
import pathlib

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import xarray as xr
from helpers_scaling import make_scaling_tree
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.write_netcdf import file_of_tree

TESTS = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with `surface.nc`, the tree of a surface, and `scaling.nc`, of a law."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "surface.nc").write_bytes(file_of_tree(make_surface_tree()))
    (folder / "scaling.nc").write_bytes(file_of_tree(make_scaling_tree(draws=20)))
    return folder


read = functools.cache(read_netcdf)


@pytest.fixture
def example_folder(made, tmp_path, monkeypatch):
    """Return a working directory with trees, among them `fit.nc`, two models on two tasks."""
    (tmp_path / "fit.nc").symlink_to(TESTS / "data" / "crossed.nc")
    for name in ("surface.nc", "scaling.nc"):
        (tmp_path / name).symlink_to(made / name)
    (tmp_path / "tests").symlink_to(TESTS)
    monkeypatch.chdir(tmp_path)
    # The code of the documents runs with xarray's own, which takes half a second for each.
    own = xr.open_datatree
    names = ("fit.nc", "surface.nc", "scaling.nc")
    monkeypatch.setattr(
        xr,
        "open_datatree",
        lambda name: read(pathlib.Path(name).resolve()).copy() if name in names else own(name),
    )
    return tmp_path


@pytest.fixture(scope="module")
def fit():
    """Return a stored fit of two models on one task, each by itself."""
    return xr.open_datatree(TESTS / "data" / "single.nc").load()


# These examples compile a model.
SLOW = {"fit", "pool"}
NAMES = [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in ll.__all__]


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name, example_folder, fit):
    mpl.use("Agg")
    public = getattr(ll, name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    reports = []
    for test in doctest.DocTestFinder().find(public, name, globs={"ll": ll, "fit": fit}):
        runner.run(test, out=reports.append)
    plt.close("all")
    assert runner.tries > runner.skips, f"the docstring of ll.{name} has no example that runs"
    assert not runner.failures, "".join(reports)
