"""Searches that are known from reported bests alone, as the joint models take them.

Such a search has no tail to measure a threshold and a tail scale by, and reports are best scores:
a scale measured from them would drag all optima onto them (DESIGN.md, section 3, trap 1). It
borrows both from a search with trials on the same task, anew for every set of thresholds that is
fitted. Of several searches it takes the one whose threshold is the most lenient there: the law
is said to hold that far out, and the further out, the more of the reports it speaks of. A report
may be poorer than that. Then the threshold is moved out to the first wider tail of that search
that reaches it, up to the widest that is ever tried: whose tail it is depends on the report, what
is measured from it does not. A report that is poorer still is refused: an optimum lies past its
threshold, so that the model would take a model's optimum to be better than all that speaks for it.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.prepare import DEFAULT_MAX_DIM, PreparedSearch
from leadline.data.trials import ONLY_REPORTS, Trials
from leadline.errors import LeadlineError, format_value
from leadline.inference.candidates import TAIL_FRACTIONS, Candidate
from leadline.models.best_of_k import reported_search
from leadline.models.priors import Priors

_OTHER_UNITS = 100.0
"""So many tail scales past the best trial of its task, a report is taken for one in other units,
such as 91.3 for 0.913. The depth of an optimum is 1 to 8 tail scales."""


@dataclasses.dataclass(frozen=True)
class ReportedSearch:
    """A search without trials.

    Attributes
    ----------
    task, model : str
        Whose search it is.
    reports : DataFrame
        Its reports, columns `leadline.data.reported_bests.COLUMNS`.
    max_effective_dim : float
        Upper bound of its effective dimension.
    lenders : tuple of int
        The searches with trials on its task, by their numbers.
    """

    task: str
    model: str
    reports: pd.DataFrame
    max_effective_dim: float
    lenders: tuple[int, ...]

    def borrow(self, chosen: Sequence[Candidate]) -> Candidate:
        """Return the search as its place among the thresholds of a set has it.

        Parameters
        ----------
        chosen : sequence of Candidate
            One for each search with trials.

        Raises
        ------
        LeadlineError
            If its best report is poorer than all tails of the task.
        """
        by_lenience = sorted(
            (chosen[number].search for number in self.lenders),
            key=lambda search: -search.sign * float(search.score(search.regime.threshold)),
        )
        tails = [(one, reaching(one, self.best_loss(one))) for one in by_lenience]
        reached = [(one, tail) for one, tail in tails if tail is not None]
        if not reached:
            raise LeadlineError(_too_poor(self.reports, by_lenience[0]))
        lender, (threshold, tail_scale) = reached[0]
        only = reported_search(threshold, tail_scale, self.max_effective_dim)
        search = PreparedSearch(
            self.task,
            self.model,
            lender.trials.iloc[:0],
            dataclasses.replace(only.regime, scale=lender.regime.scale),
            self.max_effective_dim,
            lender.sign,
            self.reports,
        )
        return Candidate(search, np.nan, 0.0)

    def best_loss(self, lender: PreparedSearch) -> float:
        """Return its best report as a loss on the scale of another search."""
        return float(losses_of(self.reports, lender).min())


def losses_of(reports: pd.DataFrame, search: PreparedSearch) -> npt.NDArray[np.float64]:
    """Return reports as losses on the scale of a search, shape (report,)."""
    return search.sign * search.regime.scale.forward(reports["score"].to_numpy(dtype=float))


def reaching(lender: PreparedSearch, loss: float) -> tuple[float, float] | None:
    """Return the threshold and the tail scale of a search that a report takes over.

    Those of its regime; where `loss` is not past that threshold, of the first wider tail of
    `TAIL_FRACTIONS` whose threshold it is past; None where there is none.

    Parameters
    ----------
    lender : PreparedSearch
        A search with trials.
    loss : float
        The best report, on the scale of the search.
    """
    regime = lender.regime
    if loss < regime.threshold:
        return regime.threshold, regime.tail_scale
    score = lender.trials["score"].to_numpy(dtype=float)
    finite = np.sort(lender.sign * regime.scale.forward(score[np.isfinite(score)]))
    for fraction in TAIL_FRACTIONS:
        count = round(fraction * len(score))
        if regime.n_tail < count < len(finite):
            threshold = 0.5 * float(finite[count - 1] + finite[count])
            scale = threshold - float(np.median(finite[:count]))
            if loss < threshold and scale > 0:
                return threshold, scale
    return None


def _too_poor(reports: pd.DataFrame, lender: PreparedSearch) -> str:
    best = float(lender.score(losses_of(reports, lender).min()))
    return (
        f"the reported best {best:g} is poorer than {TAIL_FRACTIONS[-1]:.0%} of the trials of "
        f"{lender.task} / {lender.model}, and the law says nothing of scores so poor. Is it in the "
        "same units and direction? If so, leave it out: so poor a best tells that a model is "
        "worse, not how good it can get"
    )


def reported_searches(
    trials: Trials,
    spaces: Sequence[str],
    candidates: Sequence[Sequence[Sequence[Candidate]]],
    priors: Priors,
) -> list[ReportedSearch]:
    """Return the searches that are known from reported bests alone.

    Parameters
    ----------
    trials : Trials
        All searches, those without trials last.
    spaces : sequence of str
        The search space of each.
    candidates : sequence of sequences of sequences of Candidate
        For each search with trials, for each scale.
    priors : Priors
        For the bound of the effective dimension. Without one there it is that of the searches of
        the same space, or else unknown.

    Raises
    ------
    LeadlineError
        If there is no search with trials on its task, or a report is out of reach of all.
    """
    first = [of_search[0][0].search for of_search in candidates]
    found = []
    for (task, model), space in zip(trials.searches, spaces, strict=True):
        if (task, model) not in trials.only_reported:
            continue
        lenders = tuple(number for number, one in enumerate(first) if one.task == task)
        reports = trials.search(task, model).reports
        if not lenders:
            raise LeadlineError(
                f"{trials.source}: of task {format_value(task)} there are reported bests only (model "
                f"{format_value(model)}): {ONLY_REPORTS}"
            )
        bounds = [
            one.max_effective_dim for one, own in zip(first, spaces, strict=False) if own == space
        ]
        bound = priors.max_effective_dim or max(bounds, default=DEFAULT_MAX_DIM)
        one = ReportedSearch(task, model, reports, bound, lenders)
        try:
            for number in lenders:
                _validate_units(one, first[number])
            # What reaches from the deepest thresholds does so from all.
            one.borrow([of_search[0][0] for of_search in candidates])
        except LeadlineError as error:
            raise LeadlineError(f"{trials.source}: {task} / {model}: {error}") from None
        found.append(one)
    return found


def _validate_units(reported: ReportedSearch, lender: PreparedSearch) -> None:
    """Raise `LeadlineError` when the best report is too far past the trials to be of them."""
    regime = lender.regime
    loss = reported.best_loss(lender)
    if regime.best - loss > _OTHER_UNITS * regime.tail_scale:
        best = float(lender.score(regime.best))
        raise LeadlineError(
            f"the reported best {float(lender.score(loss)):g} is over {_OTHER_UNITS:g} times as "
            f"far from the best trial of {lender.task} / {lender.model}, {best:g}, as good trials "
            "are from each other; give it in the same units and direction"
        )
