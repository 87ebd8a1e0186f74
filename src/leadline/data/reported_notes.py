"""What a fit with reported bests cannot do, and what its readers must know."""

from leadline.data.reported_bests import reports_line
from leadline.data.trials import Trials, search_labels
from leadline.errors import LeadlineError, format_value, join_values


def validate_with_reports(trials: Trials, kind: str, effective_dim: str) -> None:
    """Raise `LeadlineError` when reported bests do not go with an option.

    Parameters
    ----------
    trials : Trials
        What is to be fitted.
    kind : {"single", "hierarchical", "crossed"}
        The model.
    effective_dim : {"continuous", "integer"}
        As in `leadline.fit`.
    """
    if not len(trials.reports):
        return
    there = f"{trials.source}: there are {reports_line(trials.reports)}"
    there = there.replace("are 1 reported", "is 1 reported")
    if kind == "single":
        raise LeadlineError(
            f"{there}, and model='single' fits every search by itself, which takes trials; use "
            "model='auto', or leave out the rows that are reported"
        )
    if effective_dim == "integer":
        raise LeadlineError(
            f"{there}, which effective_dim='integer' does not go with; use "
            "effective_dim='continuous', or leave out the rows that are reported"
        )


def notes_on_reports(trials: Trials) -> list[str]:
    """Return what is assumed of reported bests, and what looks wrong with them, one line each.

    Parameters
    ----------
    trials : Trials
        What is fitted.
    """
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
        own = set(search.table["score"].dropna())
        notes += [
            f"the reported best {score:g} of {format_value(labels[pair])} is the score of one of its "
            "trials too: if it is the best of these trials, leave it out, or they count twice"
            for score in search.reports["score"]
            if score in own
        ]
    return notes
