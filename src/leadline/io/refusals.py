"""Refusals that all readers share, and the choice of direction and score, never guessed."""

from collections.abc import Iterable, Sequence

from leadline.data.trials import FEWEST_RANDOM, NEXT_TIME, SURFACE_ADVICE, validate_direction
from leadline.errors import (
    LeadlineError,
    NotRecordedError,
    SeveralError,
    closest,
    format_value,
    join_values,
    there_are,
)

Evidence = tuple[str, int | None]
"""Evidence that a sampler learned, and the number of trials before it did, None if unknown."""

TOO_EARLY = (
    "scores at different budgets do not compare; early_stopped='pruned' counts these as pruned, "
    "worse than the threshold; 'complete' takes their scores, if each stopped by itself"
)
"""Advice on trials that ended before others."""


def refuse_learned(
    source: str, learned: Evidence, random_start: int | None, assume_random: bool
) -> None:
    """Raise `LeadlineError` for a sampler that learned, unless the user accepts it.

    The user accepts the first trials by `random_start`, or all by `assume_random`.
    """
    evidence, drawn_first = learned
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
        offer = "; if its first N trials were drawn at random, random_start=N reads these alone"
    elif drawn_first >= FEWEST_RANDOM:
        offer = f"; or read its random start alone, the first {drawn_first} trials, with "
        offer += f"random_start={drawn_first}"
    raise LeadlineError(
        f"{source}: {evidence}, so that this is no random search. To answer from these trials, "
        f"read them with assume_random=True and {SURFACE_ADVICE}{offer}. {NEXT_TIME}"
    )


def validate_early_stopped(status: str | None) -> None:
    """Raise `LeadlineError` unless trials that ended early can have the status, None for none."""
    if status not in (None, "pruned", "complete"):
        raise LeadlineError(
            f"early_stopped must be 'pruned' or 'complete', got {format_value(status)}"
        )


def choose_direction(recorded: str | None, given: str | None, source: str) -> str:
    """Return the direction, recorded or given; raise if there is none or the two differ."""
    if given is not None:
        given = validate_direction(given)
    if recorded not in ("minimize", "maximize"):
        recorded = None
    if recorded is None and given is None:
        raise NotRecordedError(
            f"{source}: the direction is not recorded there, and never guessed; set "
            "direction='minimize' (a loss, an error) or 'maximize' (an accuracy)",
            "direction",
        )
    if recorded is not None and given not in (None, recorded):
        raise LeadlineError(
            f"{source}: direction={given!r}, but {recorded!r} is recorded; leave it out"
        )
    return str(recorded or given)


def unknown_name(
    source: str, kind: str, wanted: object, known: Iterable[object], purpose: str = ""
) -> LeadlineError:
    """Return the error for a name that is not among the known ones."""
    names = list(known)
    return LeadlineError(
        f"{source}: no {kind} {format_value(wanted)}{purpose}; "
        f"{there_are(map(str, names))}.{closest(str(wanted), map(str, names))}"
    )


def choose_name(
    wanted: str | None, names: Iterable[str], source: str, kind: str, kinds: str, argument: str
) -> str:
    """Return the name asked for, or the only one; `argument` is where the user names it."""
    known = list(names)
    if wanted is not None and wanted not in known:
        raise unknown_name(source, kind, wanted, known)
    if not known:
        raise LeadlineError(f"{source}: there are no {kinds}; check that it is the right source")
    if wanted is None and len(known) > 1:
        raise SeveralError(
            f"{source}: there are {len(known)} {kinds}, {join_values(known)}; name one, as in "
            f"{argument}={known[0]!r}",
            argument,
            known,
        )
    return known[0] if wanted is None else wanted


def choose_group(
    names: Sequence[str], wanted: str | None, kind: str, source: str
) -> tuple[list[int], str]:
    """Return the positions of the runs of the group asked for, or of the only one, and its name.

    `names` has the group of each run, "" outside of any; `kind` is "project" or "sweep". Runs
    outside of any project are no project of their own.
    """
    known = list(dict.fromkeys(filter(None, names)))
    if wanted is not None and wanted not in known:
        raise unknown_name(source, kind, wanted, known)
    if wanted is None and len(set(names)) > 1 and (kind == "sweep" or len(known) > 1):
        outside = f" and runs outside of any {kind}" if "" in names else ""
        raise SeveralError(
            f"{source}: runs of several searches, the {kind}s {join_values(known)}{outside}; "
            f"choose one, as in {kind}={known[0]!r}",
            kind,
            known,
        )
    chosen = [index for index, name in enumerate(names) if wanted in (None, name)]
    return chosen, wanted or (known[0] if known else "")


def choose_score(
    wanted: str | None,
    names: Iterable[str],
    source: str,
    direction: str | None,
    recorded: str | None = None,
) -> str:
    """Return the metric to read: the one asked for, the recorded one, or the only one.

    If it has to be named, the error also asks for a `direction` that is not given.
    """
    known = list(names)
    if wanted is not None and wanted not in known:
        raise unknown_name(source, "metric", wanted, known, " for score")
    if wanted is None and recorded is None and len(known) != 1:
        raise NotRecordedError(
            f"{source}: which metric is the score is not recorded there; "
            + (f"name one of {join_values(known)}" if known else "none was reported"),
            "score",
            *["direction"] * (direction is None),
            names=known,
        )
    return wanted or recorded or known[0]
