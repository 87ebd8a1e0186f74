"""Formats of numbers in the report; script.js has the same, and a test compares them."""

import re
from collections.abc import Mapping
from typing import Any

from leadline.stats import rounding

MISSING = "–"
# Spaces except those beside a slash or before a bracket.
_INSIDE = re.compile(r"(?<!/) (?![/([])")


def number(value: float | None, decimals: int | None) -> str:
    """Return a number with fixed decimals, or with six digits where decimals are None."""
    if value is None:
        return MISSING
    return f"{value:.6g}" if decimals is None else rounding.fixed(value, decimals)


def percent(probability: float | None) -> str:
    """Return a probability in per cent, or a dash if it is missing."""
    return MISSING if probability is None else rounding.percent(probability)


def estimate(figure: Mapping[str, Any]) -> str:
    """Return a posterior mean and its interval, the mean alone if nothing is uncertain."""
    if figure["mean"] is None:
        return MISSING
    mean, lower, upper = (
        number(figure[name], figure["decimals"]) for name in ("mean", "lower", "upper")
    )
    if figure["lower"] == figure["upper"]:
        return mean
    return f"{mean} [{lower}, {upper}]"


def gain(value: float | None, decimals: int | None) -> str:
    """Return an improvement with fixed decimals, or "< 0.01" if it would round to 0."""
    text = number(value, decimals)
    if value and decimals is not None and float(text) == 0.0:
        return f"< {10.0**-decimals:.{decimals}f}"
    return text


def amount(value: float | None) -> str:
    """Return a cost with three digits, such as "21.0", from 100 on as a whole number."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def figure(value: float | None) -> str:
    """Return a number with four digits."""
    return MISSING if value is None else f"{value:.4g}"


def unbroken(text: str) -> str:
    """Return numbers with non-breaking spaces, except after a mean or beside a slash."""
    return _INSIDE.sub("\u00a0", text)
