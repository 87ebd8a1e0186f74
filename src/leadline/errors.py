"""The error for bad input, and the functions that format its message."""

import difflib
from collections.abc import Iterable


class LeadlineError(ValueError):
    """Input that leadline cannot use, with a message of one line that includes the fix.

    A subclass of `ValueError`, so that callers need not import it. The command line catches it to
    distinguish mistakes in the data from defects of the package.

    Parameters
    ----------
    message : str
        What was wrong, what is allowed and what to do. Line breaks become spaces.

    Examples
    --------
    >>> try:
    ...     ll.from_scores([0.3, 0.2], direction="smaller")
    ... except ll.LeadlineError as error:
    ...     print(str(error)[:44])
    direction must be 'minimize' (a loss, an err
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class NotRecordedError(LeadlineError):
    """The source does not record properties of the trials, which the arguments `options` give.

    `names` are those that the first of them may have, if they are known.
    """

    def __init__(self, message: str, *options: str, names: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.options, self.names = options, tuple(names)


class SeveralError(LeadlineError):
    """The source holds several of what the argument `option` names; `names` are those."""

    def __init__(self, message: str, option: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.option, self.names = option, tuple(names)


def format_value(value: object, width: int = 60) -> str:
    """Return `value` as it would be typed, on one line and cut to about `width` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def join_values(values: Iterable[object], limit: int = 20) -> str:
    """Return the first `limit` values, separated by commas, and the number of omitted ones."""
    every = list(values)
    text = ", ".join(format_value(value) for value in every[:limit])
    return text if len(every) <= limit else f"{text} and {len(every) - limit} more"


def there_are(names: Iterable[object]) -> str:
    """Return "there are 'x', 'y'", "there is only 'x'" or "there are none"."""
    known = list(names)
    only = "there is only " if len(known) == 1 else "there are "
    return only + (join_values(known) or "none")


def closest(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" when some of `names` resemble or hold `name`, else ""."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    folded = name.casefold()
    matches = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
    if matches:
        # Much worse matches than the best are not what was meant.
        ratio = {own: difflib.SequenceMatcher(None, own, folded).ratio() for own in matches}
        matches = [own for own in matches if ratio[own] > ratio[matches[0]] - 0.1]
    # A metric such as f1 has two letters.
    if not matches and len(folded) > 1:
        parts = [own for own in by_folded if folded in own or (len(own) > 2 and own in folded)]
        matches = parts[:3]
    found = " or ".join(format_value(by_folded[match]) for match in matches)
    return f" Did you mean {found}?" if found else ""


def pluralize(count: int, noun: str) -> str:
    """Return "1 trial" or "3 trials"."""
    return f"{count} {noun}{'s' * (count != 1)}"
