"""Output as it goes to a file, whatever the terminal that the tests run in."""

import functools
from pathlib import Path

import pytest

from leadline.inference.read_netcdf import read_netcdf

read = functools.cache(read_netcdf)


@pytest.fixture(autouse=True)
def read_once(monkeypatch):
    """Read each fit once, which takes longer than what most commands do with it."""
    monkeypatch.setattr(
        "leadline.inference.read_netcdf.read_netcdf",
        lambda path: read(Path(path).read_bytes()).copy(deep=True),
    )


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    """Leave out the width that the environment gives, as xdist's does."""
    monkeypatch.delenv("COLUMNS", raising=False)
