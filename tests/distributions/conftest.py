"""Many small graphs: compile them lightly."""

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode


@pytest.fixture
def mode():
    """Return the mode of functions that are called a few times: rewriting takes most of theirs."""
    return Mode("py", None)


@pytest.fixture(autouse=True)
def light_compilation(mode):
    """Leave out the optimisations that cost seconds a graph; and draw the same test points."""
    np.random.seed(1)  # noqa: NPY002 (what pymc.testing draws its test points from)
    with pytensor.config.change_flags(mode=mode):
        yield
