"""Numbers as text, with the digits that their uncertainty justifies."""

import math


def decimals_shown(sd: float) -> int | None:
    """Return the number of decimals that show two digits of an sd; None where none are needed."""
    if not sd > 0 or not math.isfinite(sd) or sd >= 1e6:
        return None
    decimals = max(1 - math.floor(math.log10(sd)), 0)
    return None if decimals > 8 else decimals


def rounded(value: float, sd: float) -> str:
    """Return a number with the decimals that show two digits of its sd."""
    if not sd > 0 or not math.isfinite(value):
        return f"{value:.4g}"
    decimals = decimals_shown(sd)
    return f"{value:.6g}" if decimals is None else f"{value:.{decimals}f}"


def with_interval(mean: float, low: float, high: float, sd: float) -> str:
    """Return a mean and its interval with the decimals that show two digits of its sd."""
    return f"{rounded(mean, sd)} [{rounded(low, sd)}, {rounded(high, sd)}]"


def percent(probability: float) -> str:
    """Return a probability in per cent, at most "> 99 %": draws do not resolve more."""
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"
