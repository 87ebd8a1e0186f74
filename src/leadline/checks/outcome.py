"""What a check of a fit says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check of one search.

    Attributes
    ----------
    figure : float
        What was looked at; nan when the check could not be made.
    limit : float
        What it is held against.
    passed : bool or None
        None when the check could not be made.
    advice : str
        One sentence on what to do, empty when the check passed; why, when it could not be made.
    about : str
        What it found, where that is one of several, such as the name of a hyperparameter.
    bound : {"at least", "at most", ""}
        How the figure passes its limit; empty when the check could not be made.
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


def at_most(figure: float, limit: float, advice: str, about: str = "") -> Outcome:
    """Return the outcome of a check that passes when the figure is `limit` or less."""
    passed = bool(figure <= limit)
    return Outcome(float(figure), float(limit), passed, "" if passed else advice, about, "at most")


def not_made(limit: float, why: str) -> Outcome:
    """Return the outcome of a check that could not be made."""
    return Outcome(float("nan"), float(limit), None, why)
