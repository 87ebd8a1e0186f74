"""Numbers as the report shows them; script.js does the same, and a test holds them together."""

from collections.abc import Mapping
from typing import Any

MISSING = "–"


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
    """Return a probability in per cent; draws cannot tell nearly certain from certain.

    Examples
    --------
    >>> percent(0.999), percent(0.423)
    ('> 99 %', '42 %')
    """
    if probability is None:
        return MISSING
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def estimate(figure: Mapping[str, Any]) -> str:
    """Return a posterior mean and its interval."""
    mean, lower, upper = (
        number(figure[name], figure["decimals"]) for name in ("mean", "lower", "upper")
    )
    return f"{mean} ({lower} to {upper})"


def figure(value: float | None) -> str:
    """Return a number of which only the size matters, to three digits."""
    return MISSING if value is None else f"{value:.3g}"
