"""Numbers as text, with the digits that their uncertainty justifies."""

import math
from collections.abc import Iterable, Sequence


def decimals_shown(sd: float) -> int | None:
    """Return the number of decimals that show two digits of an sd; None where none are needed."""
    if not sd > 0 or not math.isfinite(sd) or sd >= 1e6:
        return None
    decimals = max(1 - math.floor(math.log10(sd)), 0)
    return None if decimals > 8 else decimals


def rounded(value: float, sd: float) -> str:
    """Return a number with the decimals that show two digits of its sd."""
    return _rounded(value, sd, decimals_shown(sd))


def _rounded(value: float, sd: float, decimals: int | None) -> str:
    if not sd > 0 or not math.isfinite(value):
        return f"{value:.4g}"
    if decimals is None:
        return f"{value:.6g}"
    return fixed(value, decimals)


def fixed(value: float, decimals: int) -> str:
    """Return a number with fixed decimals, without −0.

    Not by `round`, which takes NumPy's numbers by another rule: 0.24005 would have two texts.
    """
    text = f"{value:.{decimals}f}"
    return text if float(text) else text.removeprefix("-")


def _sided(value: float, sd: float, decimals: int | None) -> str:
    """Return a rounded number with up to two more decimals where it would read as zero.

    The end of an interval then shows on which side of zero it is.
    """
    if decimals is None or not math.isfinite(value):
        return _rounded(value, sd, decimals)
    more = (count for count in range(decimals, decimals + 3) if round(value, count))
    return _rounded(value, sd, next(more, decimals))


def share_decimals(decimals: Iterable[int | None]) -> list[int | None]:
    """Return the decimals of numbers in one list: the fewest, and at most one less than its own.

    Each number then shows one digit of its sd at least.
    """
    own = list(decimals)
    fewest = min((count for count in own if count is not None), default=0)
    return [None if count is None else max(fewest, count - 1) for count in own]


def with_interval(mean: float, low: float, high: float, sd: float) -> str:
    """Return a mean and its interval with the decimals that show two digits of its sd."""
    return with_intervals([(mean, low, high, sd)])[0]


def with_intervals(figures: Sequence[Sequence[float]]) -> list[str]:
    """Return a list of means with intervals, from mean, low, high and sd, with shared decimals."""
    shared = share_decimals(decimals_shown(sd) for *_, sd in figures)
    texts = []
    for (*ends, sd), decimals in zip(figures, shared, strict=True):
        mean, low, high = (_sided(end, sd, decimals) for end in ends)
        texts.append(f"{mean} [{low}, {high}]")
    return texts


def of_best(runs: Sequence[int], trial: str = "") -> str:
    """Return what stands in brackets after best scores: a trial, and the runs they are means of.

    It is empty for scores of one run, and begins with a blank.
    """
    up_to = "up to " * (len(set(runs)) > 1)
    words = [f"trial {trial}"] * bool(trial) + [f"mean of {up_to}{max(runs)} runs"] * (
        max(runs) > 1
    )
    return f" ({', '.join(words)})" if words else ""


def percent(probability: float) -> str:
    """Return a probability in per cent, at most "> 99 %": draws do not resolve more."""
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"
