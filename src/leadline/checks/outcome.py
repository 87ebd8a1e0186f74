"""Outcome of one check of one search."""

from dataclasses import dataclass

NO_TRIALS = (
    "The search has reported bests and no trials: the quadratic law is assumed, not checked."
)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one check of one search; its fields are columns of `leadline.check`.

    A check that could not be made has `passed` None, `figure` nan and an empty `bound`.
    """

    passed: bool | None
    figure: float
    bound: str
    limit: float
    about: str
    advice: str


def at_least(figure: float, limit: float, advice: str, about: str = "") -> Outcome:
    """Return the outcome of a check that passes when the figure is `limit` or more."""
    passed = bool(figure >= limit)
    return Outcome(passed, float(figure), "at least", float(limit), about, "" if passed else advice)


def at_most(figure: float, limit: float, advice: str, about: str = "") -> Outcome:
    """Return the outcome of a check that passes when the figure is `limit` or less."""
    passed = bool(figure <= limit)
    return Outcome(passed, float(figure), "at most", float(limit), about, "" if passed else advice)


def not_made(limit: float, reason: str) -> Outcome:
    """Return the outcome of a check that could not be made."""
    return Outcome(None, float("nan"), "", float(limit), "", reason)


def too_few_trials(limit: float, trials: int, needed: int) -> Outcome:
    """Return the outcome of a check that needs more trials than the search has."""
    return not_made(
        limit, f"The search has {trials} trials, and this check needs {needed}: run more trials."
    )
