"""What every reader refuses in the same words, and the direction, which is never guessed."""

from collections.abc import Iterable

from leadline.data.trials import validate_direction
from leadline.errors import LeadlineError, NotRecordedError, closest, format_value, join_values


def refuse_learned(
    source: str,
    evidence: str,
    *,
    drawn_first: int | None,
    random_start: int | None,
    assume_random: bool,
) -> None:
    """Raise `LeadlineError` for a search that learned, unless the user knows about it.

    Parameters
    ----------
    source, evidence : str
        What was read, and what shows that the sampler learned.
    drawn_first : int, optional
        How many trials came before; None when that is not recorded.
    random_start : int, optional
        How many of them the user asks for.
    assume_random : bool
        Whether the user asks for all.
    """
    if random_start is not None:
        if drawn_first is not None and isinstance(random_start, int) and random_start > drawn_first:
            raise LeadlineError(
                f"{source}: only the first {drawn_first} trials were drawn at random, got "
                f"random_start={format_value(random_start)}: {evidence}"
            )
        return
    if assume_random:
        return
    offer = ""
    if drawn_first is None:
        offer = "; random_start=N reads its first N trials, if those were drawn at random"
    elif drawn_first > 0:
        first = "first trial was" if drawn_first == 1 else f"first {drawn_first} trials were"
        offer = f"; its {first} drawn at random, and random_start={drawn_first} reads no others"
    raise LeadlineError(
        f"{source}: {evidence}, but the law is of trials drawn independently{offer}; "
        "assume_random=True reads them all"
    )


def agreed_direction(recorded: str | None, given: str | None, source: str) -> str:
    """Return the direction, recorded or given; an error when there is none, or they differ."""
    if given is not None:
        given = validate_direction(given)
    if recorded not in ("minimize", "maximize"):
        recorded = None
    if recorded is None and given is None:
        raise NotRecordedError(
            f"{source}: the direction is not recorded there, and never guessed; say "
            "direction='minimize' (a loss, an error) or 'maximize' (an accuracy)",
            "direction",
        )
    if recorded is not None and given not in (None, recorded):
        raise LeadlineError(
            f"{source}: direction={given!r}, but {recorded!r} is recorded; leave it out"
        )
    return str(recorded or given)


def chosen_score(
    wanted: str | None, names: Iterable[str], source: str, recorded: str | None = None
) -> str:
    """Return the metric that is the score: named, recorded, or the only one."""
    known = list(names)
    if wanted is not None and wanted not in known:
        raise LeadlineError(
            f"{source}: no metric {format_value(wanted)} for score; there are {join_values(known) or 'none'}."
            f"{closest(wanted, known)}"
        )
    if wanted is None and recorded is None and len(known) != 1:
        raise NotRecordedError(
            f"{source}: which metric is the score is not recorded there; name it with score: "
            f"{join_values(known) or 'none was reported'}",
            "score",
        )
    return wanted or recorded or known[0]
