"""Options that exclude reported bests, and notes on the reported bests of a fit."""

from leadline.data.trials import Trials, reports_line, search_labels
from leadline.errors import LeadlineError, format_value, join_values


def validate_with_reports(trials: Trials, kind: str, effective_dim: str) -> None:
    """Raise `LeadlineError` when reported bests and an option exclude each other.

    `kind` is the model: "single", "hierarchical" or "crossed"; `effective_dim` as in `fit`.
    """
    if not len(trials.reports):
        return
    verb = "is" if len(trials.reports) == 1 else "are"
    found = f"{trials.source}: there {verb} {reports_line(trials.reports)}"
    if kind == "single":
        raise LeadlineError(
            f"{found}, and model='single' fits every search by itself, which takes trials; use "
            "model='auto', or leave out the rows that are reported"
        )
    if effective_dim == "integer":
        raise LeadlineError(
            f"{found}, which effective_dim='integer' excludes; use effective_dim='continuous', or "
            "leave out the rows that are reported"
        )


def notes_on_reports(trials: Trials) -> list[str]:
    """Return the assumptions about reported bests and likely mistakes in them, one line each."""
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    notes = []
    if trials.only_reported:
        names = join_values((labels[pair] for pair in trials.only_reported), limit=6)
        notes.append(
            f"known from reported bests alone: {names}. That their best scores follow the law, "
            "from a threshold of another search of the task on, is assumed and cannot be checked"
        )
    for pair in trials.with_trials:
        search = trials.search(*pair)
        scores = set(search.table["score"].dropna())
        notes += [
            f"the reported best {score:g} of {format_value(labels[pair])} equals the score of one "
            "of its trials: if it is the best of these trials, leave it out, or they count twice"
            for score in search.reports["score"]
            if score in scores
        ]
    return notes
