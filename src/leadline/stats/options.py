"""Validation of the numbers that the answers take as options."""

from collections.abc import Callable
from numbers import Real

import numpy as np
import numpy.typing as npt

from leadline.errors import LeadlineError, format_value


def validate_number(
    value: object, option: str, allowed: str, inside: Callable[[float], bool]
) -> float:
    """Return a number, or raise `LeadlineError` unless it is one and `inside` its range.

    Parameters
    ----------
    value : object
        What the user gave.
    option : str
        Name of the option.
    allowed : str
        The range in words, for the message.
    inside : callable
        Takes the number; True within the range.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not inside(float(value)):
        raise LeadlineError(f"{option} must be {allowed}; got {format_value(value)}")
    return float(value)


def validate_probability(value: object, option: str = "probability") -> float:
    """Return a number in (0, 1), or raise `LeadlineError`."""
    return validate_number(value, option, "between 0 and 1, as in 0.9", lambda x: 0 < x < 1)


def validate_amount(value: object, option: str) -> float:
    """Return a finite number of 0 or more in score units, or raise `LeadlineError`."""
    return validate_number(value, option, "0 or more, in score units", lambda x: 0 <= x < np.inf)


def validate_budgets(budgets: object, option: str = "budgets") -> npt.NDArray[np.float64]:
    """Return numbers of trials, shape (budget,), or raise `LeadlineError`."""
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
