"""The examples in the docstrings of the answers run, on a stored fit."""

import doctest
import importlib
import pathlib
import pkgutil

import pytest
import xarray as xr

import leadline as ll
from leadline import stats

DATA = pathlib.Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(stats.__path__)])
def test_examples(name):
    module = importlib.import_module(f"leadline.stats.{name}")
    fit = xr.open_datatree(DATA / "single.nc").load()
    names = {"ll": ll, "fit": fit} | vars(module)
    result = doctest.testmod(module, globs=names, raise_on_error=False)
    assert result.failed == 0
