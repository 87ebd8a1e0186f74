"""Output as it goes to a file, whatever the terminal that the tests run in."""

import pytest


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    """Leave out the width that the environment gives, as xdist's does."""
    monkeypatch.delenv("COLUMNS", raising=False)
