"""Numbers with as many digits as are known."""

import numpy as np
import pytest

from leadline.stats.rounding import rounded


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (0.256693, 0.007184, "0.2567"),
        (1234.5678, 12.0, "1235"),
        (0.5, 0.0, "0.5"),
        (-3.14159, 0.1, "-3.14"),
        (3.2e-12, 1e-13, "3.2e-12"),
        (np.inf, 1.0, "inf"),
    ],
)
def test_rounded_shows_two_digits_of_the_sd(value, sd, text):
    assert rounded(value, sd) == text
