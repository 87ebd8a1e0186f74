"""The thresholds that are tried when the data are to say where the regime starts."""

import dataclasses
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pandas as pd

from leadline.data.prepare import PreparedSearch, prepare
from leadline.data.regime import MIN_TAIL_TRIALS, describe_search
from leadline.data.scale import Scale, scales_to_fit
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value
from leadline.models.priors import Priors

TAIL_FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""The grid. No random search is known whose law holds for more than 0.7 of its trials."""

# The deepest candidate is what all are judged by, so that it should not be tiny: this many
# trials, or in a small search the best fifth.
_DEEPEST_TRIALS, _DEEPEST_SHARE = 20, 0.2

# A grid finer than this share of the tail scale changes no answer: noise that small has a prior
# probability of 4e-4. Probabilities of cells cost three times as much as densities.
_FINE_GRID = 1e-3


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One place where the regime may start.

    Attributes
    ----------
    search : PreparedSearch
        The search from there.
    tail_fraction : float
        The share of trials that was asked for, nan when it was a threshold.
    log_prior : float
        Log of its prior weight, up to a constant.
    """

    search: PreparedSearch
    tail_fraction: float
    log_prior: float


def validate_tail_fractions(tail_fraction: object) -> dict[float, float] | None:
    """Return the candidates with their prior weights, or None when none were named.

    Parameters
    ----------
    tail_fraction : None, number, sequence of numbers, or mapping of number to weight
        As given to `leadline.fit`.

    Raises
    ------
    LeadlineError
        If a fraction is not in (0, 1], or a weight is not positive.
    """
    if tail_fraction is None:
        return None
    if isinstance(tail_fraction, Mapping):
        weights = dict(tail_fraction)
    elif isinstance(tail_fraction, Sequence | np.ndarray) and not isinstance(tail_fraction, str):
        weights = dict.fromkeys(list(tail_fraction), 1.0)
    else:
        weights = {tail_fraction: 1.0}
    if not weights:
        raise LeadlineError("tail_fraction is empty; give a number in (0, 1], or several")
    for fraction, weight in weights.items():
        if not _is_number(fraction):
            raise LeadlineError(f"tail_fraction must be a number, got {format_value(fraction)}")
        if not 0 < fraction <= 1:
            raise LeadlineError(f"tail_fraction must be in (0, 1], got {format_value(fraction)}")
        if not _is_number(weight) or not 0 < weight < np.inf:
            raise LeadlineError(
                f"the prior weight of tail_fraction {fraction:g} must be a positive number, "
                f"got {format_value(weight)}"
            )
    return {float(fraction): float(weight) for fraction, weight in sorted(weights.items())}


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def scales_of(trials: Trials, scale: str, reports: pd.DataFrame | None = None) -> list[Scale]:
    """Return the scales on which one search is fitted; see `leadline.data.scale.scales_to_fit`.

    They take the scores of its trials, and of those of all `reports` that are of its task: what is
    known from reports alone borrows its scale.
    """
    ((task, _),) = trials.searches
    reports = trials.reports if reports is None else reports
    score = trials.table["score"].to_numpy(dtype=float)
    beside = reports["score"][reports["task"] == task].to_numpy(dtype=float)
    scores = np.concatenate([score[np.isfinite(score)], beside])
    return scales_to_fit(scale, scores, describe_search(trials))


def candidates_of(
    trials: Trials,
    priors: Priors,
    scales: Sequence[Scale],
    fractions: Mapping[float, float] | None,
    *,
    threshold: float | None,
    resolution: float | None,
    min_tail: int = MIN_TAIL_TRIALS,
) -> list[list[Candidate]]:
    """Return the candidates of one search: for each scale, from the deepest to the widest.

    Parameters
    ----------
    trials : Trials
        One search.
    priors : Priors
        Its priors.
    scales : sequence of Scale
        The scales to try, each of which takes all scores.
    fractions : mapping of float to float, optional
        Tail fractions and their prior weights. Default: `TAIL_FRACTIONS`, as far as there are
        enough trials, each with a weight inverse to its square.
    threshold : float, optional
        A single threshold in score units, in place of the fractions.
    resolution : float, optional
        As in `leadline.data.regime.cut`; when inferred, the same for all candidates.
    min_tail : int
        How many trials a candidate must have past its threshold.

    Raises
    ------
    LeadlineError
        As `leadline.data.regime.cut`; with the default fractions, when there is no candidate.
    """
    if threshold is not None:
        cuts: list[dict[str, float]] = [{"threshold": threshold}]
        weights = [1.0]
    elif fractions is not None:
        cuts = [{"tail_fraction": fraction} for fraction in fractions]
        weights = list(fractions.values())
    else:
        grid = _default_fractions(trials, min_tail)
        cuts = [{"tail_fraction": fraction} for fraction in grid]
        # The law is exact in the limit of good scores: of two tails that predict equally well,
        # the deeper is the more likely to follow it.
        weights = [fraction**-2 for fraction in grid]

    result = []
    for scale in scales:
        found: list[Candidate] = []
        for cut, weight in zip(cuts, weights, strict=True):
            try:
                search = prepare(
                    trials,
                    priors,
                    **cut,
                    resolution=resolution,
                    scale=scale,
                    min_tail=min_tail,
                )
            except LeadlineError:
                # Among several, one that cannot be used (its scores are tied, say) is passed over.
                if cut is cuts[-1] and not found:
                    raise
                continue
            fraction = cut.get("tail_fraction", np.nan)
            found.append(Candidate(search, fraction, float(np.log(weight / len(scales)))))
        if resolution is None and len(found) > 1:
            spacing = _common_grid([candidate.search for candidate in found])
            found = [
                dataclasses.replace(
                    candidate,
                    search=prepare(
                        trials,
                        priors,
                        tail_fraction=candidate.tail_fraction,
                        resolution=spacing,
                        scale=scale,
                        min_tail=min_tail,
                    ),
                )
                if candidate.search.regime.resolution != spacing
                else candidate
                for candidate in found
            ]
        result.append(_without_repeats(found))
    return result


def _default_fractions(trials: Trials, min_tail: int) -> list[float]:
    """Return those of the grid that a search has enough trials for."""
    status = trials.per_trial()["status"]
    n, n_complete = len(status), int((status == "complete").sum())
    # What can be fitted alone is not cut smaller because it need not be.
    least: float = max(MIN_TAIL_TRIALS, min(_DEEPEST_TRIALS, _DEEPEST_SHARE * n))
    if n_complete < MIN_TAIL_TRIALS:
        least = min_tail
    fractions = [f for f in TAIL_FRACTIONS if least <= round(f * n) <= n_complete]
    if fractions:
        return fractions
    least = min(MIN_TAIL_TRIALS, max(min_tail, n_complete))
    if n_complete >= least:
        # A small search, or one of which most failed: as many of its trials as there must be.
        return [least / n]
    raise LeadlineError(
        f"{describe_search(trials)}: {n_complete} of {n} trials have a score, and at least "
        f"{min_tail} past the threshold are needed: run more trials"
    )


def _common_grid(searches: Sequence[PreparedSearch]) -> float:
    """Return the grid that ties show in the deepest tail that has some, 0 when it is too fine."""
    grids = [search.regime.resolution for search in searches]
    grid = next((grid for grid in grids if grid > 0), 0.0)
    deepest = searches[0]
    edge, scale = deepest.regime.threshold, deepest.regime.tail_scale
    in_scores = abs(float(deepest.score(edge) - deepest.score(edge - scale)))
    return grid if grid > _FINE_GRID * in_scores else 0.0


def _without_repeats(found: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates without those that hold the same trials as the one before."""
    kept: list[Candidate] = []
    for candidate in found:
        if not kept or candidate.search.regime.n_tail > kept[-1].search.regime.n_tail:
            kept.append(candidate)
    return kept
