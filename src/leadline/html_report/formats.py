"""Numbers as the report shows them; script.js does the same, and a test holds them together."""

import re
from collections.abc import Mapping
from typing import Any

from leadline.stats import rounding

MISSING = "–"
# Spaces that are next to no slash and before no bracket.
_INSIDE = re.compile(r"(?<!/) (?![/(])")


def number(value: float | None, decimals: int | None) -> str:
    """Return a number with so many decimals, to six digits where decimals are None.

    Examples
    --------
    >>> number(0.256693, 4), number(None, 4)
    ('0.2567', '–')
    """
    if value is None:
        return MISSING
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.6g}"


def percent(probability: float | None) -> str:
    """Return a probability in per cent, a dash where there is none."""
    return MISSING if probability is None else rounding.percent(probability)


def estimate(figure: Mapping[str, Any]) -> str:
    """Return a posterior mean and its interval."""
    mean, lower, upper = (
        number(figure[name], figure["decimals"]) for name in ("mean", "lower", "upper")
    )
    return f"{mean} ({lower} to {upper})"


def gain(value: float | None, decimals: int | None) -> str:
    """Return an improvement with so many decimals; one that is too small to show is not called 0.

    Examples
    --------
    >>> gain(0.00031, 4), gain(0.00001, 4)
    ('0.0003', '< 0.0001')
    """
    text = number(value, decimals)
    if value and decimals is not None and float(text) == 0.0:
        return f"< {10.0**-decimals:.{decimals}f}"
    return text


def amount(value: float | None) -> str:
    """Return a cost: three digits, or whole numbers where there are more.

    Examples
    --------
    >>> amount(9.82892), amount(21.0), amount(12345.6)
    ('9.83', '21.0', '12,346')
    """
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def figure(value: float | None) -> str:
    """Return a number of which only the size matters, to four digits."""
    return MISSING if value is None else f"{value:.4g}"


def unbroken(text: str) -> str:
    """Return a text of numbers that no line ends in, but after a mean or a slash."""
    return _INSIDE.sub("\u00a0", text)
