"""Searches that end in a plateau among those of a fit, and notes on them."""

from collections.abc import Sequence

import xarray as xr

from leadline.data.trials import Trials, search_labels
from leadline.errors import LeadlineError, format_value, join_values, pluralize

Pair = tuple[str, str]


def plateaus_among(trials: Trials, candidates: Sequence[Sequence[xr.Dataset]]) -> list[Pair]:
    """Return the searches with trials that have no candidate thresholds.

    Raises `LeadlineError` if there are reported bests on the task of one: they have no law to
    follow, and no threshold to borrow.
    """
    plateaus = [pair for pair, own in zip(trials.with_trials, candidates, strict=True) if not own]
    tasks = {task for task, _ in plateaus}
    reported = [task for task in trials.reports["task"] if task in tasks]
    if reported:
        raise LeadlineError(
            f"{trials.source}: so many trials share the best score on task "
            f"{format_value(reported[0])} that no law describes reported bests there; leave out "
            "the rows that are reported"
        )
    return plateaus


def notes_on_plateaus(trials: Trials, plateaus: Sequence[Pair]) -> list[str]:
    """Return one line on the searches that end in a plateau, and one on each without variation."""
    if not plateaus:
        return []
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    names = join_values((labels[pair] for pair in plateaus), limit=6)
    others = len(trials.searches) - len(plateaus)
    apart = ", and are answered by themselves" if others else ""
    if len(plateaus) == 1:
        apart = ", and is answered by itself" if others else ""
    verb = "ends" if len(plateaus) == 1 else "end"
    notes = [
        f"{names} {verb} in a plateau: too many trials share the best score for a law of better "
        f"ones{apart}"
    ]
    for pair in plateaus:
        score = trials.search(*pair).per_trial()["score"].dropna()
        if score.nunique() == 1:
            notes.append(
                f"{labels[pair]}: all {pluralize(len(score), 'score')} are equal "
                f"({score.iloc[0]:g}): is this the right score column?"
            )
    return notes
