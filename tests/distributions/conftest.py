"""Many small graphs: compile them lightly."""

import numpy as np
import pytensor
import pytest


@pytest.fixture(autouse=True)
def light_compilation():
    """Leave out the optimisations that cost seconds a graph; and draw the same test points."""
    np.random.seed(1)  # noqa: NPY002 (what pymc.testing draws its test points from)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield
