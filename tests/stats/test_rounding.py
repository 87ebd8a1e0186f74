"""Numbers with as many digits as are known."""

import numpy as np
import pytest

from leadline.stats.rounding import decimals_shown, percent, rounded


@pytest.mark.parametrize(
    ("value", "sd", "text", "decimals"),
    [
        (0.256693, 0.007184, "0.2567", 4),
        (1234.5678, 12.0, "1235", 0),
        (0.5, 0.0, "0.5", None),
        (-3.14159, 0.1, "-3.14", 2),
        (3.2e-12, 1e-13, "3.2e-12", None),
        (np.inf, 1.0, "inf", 1),
    ],
)
def test_rounded_shows_two_digits_of_the_sd(value, sd, text, decimals):
    assert rounded(value, sd) == text
    assert decimals_shown(sd) == decimals


@pytest.mark.parametrize(
    ("probability", "text"), [(0.999, "> 99 %"), (0.001, "< 1 %"), (0.99, "99 %"), (0.423, "42 %")]
)
def test_percent_is_never_certain(probability, text):
    assert percent(probability) == text
