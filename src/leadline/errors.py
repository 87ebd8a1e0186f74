"""The error that bad input raises, and the words its message is made of."""

import difflib
from collections.abc import Iterable


class LeadlineError(ValueError):
    """Input that leadline cannot use, told in one line that says how to mend it.

    A subclass of `ValueError`, so that callers need not know it; the command line catches
    it to tell a mistake in the data from a mistake in the package.

    Parameters
    ----------
    message : str
        What was wrong, what is allowed and what to do. Line breaks become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class NotRecordedError(LeadlineError):
    """What the source of the trials does not say, so that the caller must.

    Parameters
    ----------
    message : str
        As of `LeadlineError`.
    option : str
        The argument that says it.
    """

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


def format_value(value: object, width: int = 60) -> str:
    """Return `value` as it would be typed, on one line and cut to about `width` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def join_values(values: Iterable[object], limit: int = 20) -> str:
    """Return the values separated by commas, and how many were left out past `limit`."""
    every = list(values)
    text = ", ".join(format_value(value) for value in every[:limit])
    return text if len(every) <= limit else f"{text} and {len(every) - limit} more"


def closest(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" when some of `names` resemble `name`, else ""."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)
    if not found:
        return ""
    return f" Did you mean {' or '.join(format_value(by_folded[match]) for match in found)}?"


def pluralize(count: int, noun: str) -> str:
    """Return "1 trial" or "3 trials"."""
    return f"{count} {noun}{'s' * (count != 1)}"
