"""Outcome of one check of one search."""

from dataclasses import dataclass

NO_TRIALS = (
    "The search has reported bests and no trials: the quadratic law is assumed, not checked."
)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one check of one search.

    Attributes
    ----------
    figure : float
        Number that the check computes; nan when the check could not be made.
    limit : float
        Number that `figure` is compared with.
    passed : bool or None
        None when the check could not be made.
    advice : str
        Empty when the check passed; what to do when it failed; why it could not be made.
    about : str
        Name of the hyperparameter concerned, for a check of several; otherwise empty.
    bound : {"at least", "at most", ""}
        Side of the limit on which the check passes; empty when the check could not be made.
    """

    figure: float
    limit: float
    passed: bool | None
    advice: str = ""
    about: str = ""
    bound: str = ""


def at_least(figure: float, limit: float, advice: str, about: str = "") -> Outcome:
    """Return the outcome of a check that passes when the figure is `limit` or more."""
    passed = bool(figure >= limit)
    return Outcome(float(figure), float(limit), passed, "" if passed else advice, about, "at least")


def at_most(figure: float, limit: float, advice: str) -> Outcome:
    """Return the outcome of a check that passes when the figure is `limit` or less."""
    passed = bool(figure <= limit)
    return Outcome(float(figure), float(limit), passed, "" if passed else advice, "", "at most")


def not_made(limit: float, reason: str) -> Outcome:
    """Return the outcome of a check that could not be made."""
    return Outcome(float("nan"), float(limit), None, reason)
