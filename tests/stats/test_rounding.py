"""Numbers with as many digits as are known."""

import numpy as np
import pytest

from leadline.html_report.formats import number
from leadline.stats.rounding import decimals_shown, percent, rounded, with_interval, with_intervals


@pytest.mark.parametrize(
    ("value", "sd", "text", "decimals"),
    [
        (0.256693, 0.007184, "0.2567", 4),
        (1234.5678, 12.0, "1235", 0),
        (0.5, 0.0, "0.5", None),
        (-3.14159, 0.1, "-3.14", 2),
        (-1e-9, 0.01, "0.000", 3),
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


def test_a_list_has_the_same_decimals_but_for_other_units():
    near = [(0.0374, 0.0224, 0.0546, 0.0099), (0.067, 0.044, 0.091, 0.0145)]
    assert with_intervals(near) == ["0.037 [0.022, 0.055]", "0.067 [0.044, 0.091]"]
    # One digit of the sd is left at least.
    far = [*near, (210.0, 190.0, 230.0, 12.0)]
    assert with_intervals(far) == ["0.037 [0.022, 0.055]", "0.07 [0.04, 0.09]", "210 [190, 230]"]


def test_the_end_of_an_interval_shows_its_side_of_zero():
    assert with_interval(0.19, 0.0048, 0.37, 0.12) == "0.19 [0.005, 0.37]"
    assert with_interval(0.19, -0.0048, 0.37, 0.12) == "0.19 [-0.005, 0.37]"
    # Not that of any tiny number.
    assert with_interval(0.19, 1e-9, 0.37, 0.12) == "0.19 [0.00, 0.37]"


@pytest.mark.parametrize("value", [0.24005, np.float64(0.24005), -1e-9, np.float64(-1e-9)])
def test_a_number_has_the_same_digits_on_the_screen_and_in_a_report(value):
    # NumPy rounds 0.24005, which is a little more than the half, to the even digit.
    text = "0.2401" if value > 0.0 else "0.0000"
    assert rounded(value, 0.001) == number(value, 4) == text
