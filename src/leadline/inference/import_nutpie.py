"""Import of nutpie without the plotting libraries that it does not use."""

import importlib
import sys
from types import ModuleType


def import_nutpie() -> ModuleType:
    """Return the package nutpie.

    nutpie imports `arviz`, which loads all of ArviZ and matplotlib, for two functions of
    `arviz_base`. With `arviz_base` in its place the first answer comes a second earlier.
    """
    if "arviz" in sys.modules or "nutpie" in sys.modules:
        return importlib.import_module("nutpie")
    sys.modules["arviz"] = importlib.import_module("arviz_base")
    try:
        return importlib.import_module("nutpie")
    finally:
        # A later import of ArviZ gets all of it.
        del sys.modules["arviz"]
