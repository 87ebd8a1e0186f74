"""Validation of the numbers that the answers take as options, before anything heavy is imported."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import TYPE_CHECKING

from leadline.errors import LeadlineError, format_value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def validate_number(
    value: object, option: str, allowed: str, inside: Callable[[float], bool]
) -> float:
    """Return a number, or raise `LeadlineError` unless it is one and `inside` its range.

    `allowed` is the range in words, for the message.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not inside(float(value)):
        # The command line reads every number as a float.
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            value = int(value)
        raise LeadlineError(f"{option} must be {allowed}; got {format_value(value)}")
    return float(value)


def validate_probability(value: object, option: str = "probability") -> float:
    """Return a number in (0, 1), or raise `LeadlineError`."""
    return validate_number(value, option, "between 0 and 1, as in 0.9", lambda x: 0 < x < 1)


def validate_amount(value: object, option: str) -> float:
    """Return a finite number of 0 or more in score units, or raise `LeadlineError`."""
    allowed = "a number of 0 or more, in score units"
    return validate_number(value, option, allowed, lambda x: 0 <= x < math.inf)


def validate_shares(values: Sequence[object], option: str) -> None:
    """Raise `LeadlineError` unless all values are numbers in (0, 1]."""
    for value in values:
        validate_number(value, option, "in (0, 1]", lambda x: 0 < x <= 1)


def validate_budget(value: object, option: str = "budget") -> float:
    """Return a whole number of trials of 1 or more, or raise `LeadlineError`."""
    allowed = "a whole number of trials, at least 1"
    return validate_number(value, option, allowed, lambda x: 1 <= x < math.inf and x == round(x))


def validate_within(within: object, option: str = "within") -> tuple[float, bool]:
    """Return the distance and True if it is relative to the optimum, or raise `LeadlineError`."""
    text = str(within).strip()
    relative = text.endswith("%")
    try:
        amount = float(text.removesuffix("%"))
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise LeadlineError(
            f"{option} must be above 0, a number in score units or a share of the optimum as in "
            f"'1%'; got {format_value(within)}"
        )
    return (amount / 100.0 if relative else amount), relative


def validate_budgets(budgets: object, option: str = "budgets") -> "npt.NDArray[np.float64]":
    """Return numbers of trials, shape (budget,), or raise `LeadlineError`."""
    import numpy as np

    try:
        sizes = np.asarray(budgets, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        sizes = np.array([])
    if not sizes.size or not (np.isfinite(sizes) & (sizes >= 1)).all():
        raise LeadlineError(
            f"{option} must be numbers of trials, at least 1, as in [1, 10, 100]; "
            f"got {format_value(budgets)}"
        )
    return sizes
