"""Candidate thresholds, among which the data decide where the tail of a search starts."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import xarray as xr

from leadline.data.scale import Scale, scales_to_fit
from leadline.data.tails import (
    MIN_TAIL_TRIALS,
    cut_tail,
    describe_search,
    scores_of,
    trial_losses,
)
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value
from leadline.models.priors import Priors

TAIL_FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""The grid. No random search is known whose law holds for more than 0.7 of its trials."""

DEFAULT_MAX_DIM = 10.0
"""Upper bound of the effective dimension when the hyperparameters are unknown."""

_SMALLEST_MAX_DIM = 2.0
"""With one hyperparameter it is still open whether it matters in full."""

# All candidates are judged by the deepest one, which should not be tiny: this many trials, or the
# best fifth of a small search.
_DEEPEST_TRIALS, _DEEPEST_SHARE = 20, 0.2

# A grid finer than this share of the tail scale changes no answer: noise that small has a prior
# probability of 4e-4. Probabilities of bins cost three times as much as densities.
_FINE_GRID = 1e-3


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


def space_names(trials: Trials) -> dict[tuple[str, str], str]:
    """Return the name of the search space of each (task, model).

    The space is the column `space`. Without it, searches over the same hyperparameters share one,
    and so do searches whose hyperparameters are unknown.
    """
    names = {}
    for pair in trials.searches:
        search = trials.search(*pair)
        # `Trials` has validated that a search has one.
        spaces = [*search.table.get("space", []), *filter(None, search.reports["space"])]
        names[pair] = str((spaces[0] if spaces else None) or ", ".join(sorted(search.params)))
    return names


def candidates_of(
    trials: Trials,
    pair: tuple[str, str],
    priors: Priors,
    *,
    scale: str = "identity",
    fractions: Mapping[float, float] | None = None,
    threshold: float | None = None,
    resolution: float | None = None,
    min_tail: int = MIN_TAIL_TRIALS,
    space: str = "",
) -> list[xr.Dataset]:
    """Return the candidate tails of one search, per scale from the deepest to the widest.

    Parameters
    ----------
    trials : Trials
        All searches. A search takes the scales that its own scores and all reports on its task
        allow: a search known from reports alone borrows its scale.
    pair : (str, str)
        Task and model of the search.
    priors : Priors
        For the upper bound of the effective dimension.
    scale : str
        Name of a scale, or "auto" for all that take the scores.
    fractions : mapping of float to float, optional
        Tail fractions and their prior weights. Default: `TAIL_FRACTIONS`, as far as there are
        enough trials, each with a weight inverse to its square.
    threshold : float, optional
        A single threshold in score units, in place of the fractions.
    resolution : float, optional
        As in `leadline.data.tails.cut_tail`; when inferred, the same for all candidates.
    min_tail : int
        The smallest number of trials beyond the threshold of a candidate.
    space : str
        Name of the search space.

    Raises
    ------
    LeadlineError
        As `leadline.data.tails.cut_tail`; with the default fractions, when there is no candidate.
    """
    search = trials.search(*pair)
    if not (search.table["status"] == "complete").any():
        raise LeadlineError(
            f"{describe_search(search)}: no trial has a score ({search}); leave this search out"
        )
    if threshold is not None:
        cuts: list[dict[str, float]] = [{"threshold": threshold}]
        weights = [1.0]
    elif fractions is not None:
        cuts = [{"tail_fraction": fraction} for fraction in fractions]
        weights = list(fractions.values())
    else:
        grid = _default_fractions(search, min_tail)
        cuts = [{"tail_fraction": fraction} for fraction in grid]
        # The law is exact in the limit of good scores: of two tails that predict equally well, the
        # deeper one is more likely to follow it.
        weights = [fraction**-2 for fraction in grid]
    scales = _scales_of(search, scale, trials)
    bound = _max_effective_dim(search, priors)
    return [
        tail.assign(log_prior_weight=tail["log_prior_weight"] - np.log(len(scales)))
        for each in scales
        for tail in _cut_all(search, each, cuts, weights, resolution, min_tail, bound, space)
    ]


def _cut_all(
    search: Trials,
    scale: Scale,
    cuts: Sequence[dict[str, float]],
    weights: Sequence[float],
    resolution: float | None,
    min_tail: int,
    bound: float,
    space: str,
) -> list[xr.Dataset]:
    """Return the candidates on one scale, from the deepest to the widest."""
    losses = trial_losses(search, scale)

    def cut(how: dict[str, float], spacing: float | None) -> xr.Dataset:
        return cut_tail(
            search,
            **how,
            resolution=spacing,
            scale=scale,
            min_tail=min_tail,
            max_effective_dim=bound,
            space=space,
            losses=losses,
        )

    found: list[tuple[dict[str, float], float, xr.Dataset]] = []
    for how, weight in zip(cuts, weights, strict=True):
        try:
            found.append((how, weight, cut(how, resolution)))
        except LeadlineError:
            # Among several, an unusable one is passed over, such as one with tied scores.
            if how is cuts[-1] and not found:
                raise
    if resolution is None and len(found) > 1:
        spacing = _common_grid([tail for *_, tail in found])
        found = [
            (how, weight, tail if float(tail["resolution"][0]) == spacing else cut(how, spacing))
            for how, weight, tail in found
        ]
    kept: list[xr.Dataset] = []
    for _, weight, tail in found:
        # One that holds the same trials as the one before adds nothing.
        if not kept or tail.sizes["tail_trial"] > kept[-1].sizes["tail_trial"]:
            kept.append(tail.assign(log_prior_weight=("search", [np.log(weight)])))
    return kept


def _scales_of(search: Trials, scale: str, trials: Trials) -> list[Scale]:
    ((task, _),) = search.searches
    score = search.table["score"].to_numpy(dtype=float)
    reports = trials.reports
    reported = reports["score"][reports["task"] == task].to_numpy(dtype=float)
    scores = np.concatenate([score[np.isfinite(score)], reported])
    return scales_to_fit(scale, scores, describe_search(search))


def _max_effective_dim(search: Trials, priors: Priors) -> float:
    if priors.max_effective_dim is not None:
        return priors.max_effective_dim
    known = float(search.n_params)
    return max(known, _SMALLEST_MAX_DIM) if known else DEFAULT_MAX_DIM


def _default_fractions(search: Trials, min_tail: int) -> list[float]:
    """Return the fractions of the grid for which a search has enough trials."""
    status = search.per_trial()["status"]
    n, n_complete = len(status), int((status == "complete").sum())
    # Keep the stand-alone minimum even if pooling would allow fewer trials.
    least: float = max(MIN_TAIL_TRIALS, min(_DEEPEST_TRIALS, _DEEPEST_SHARE * n))
    if n_complete < MIN_TAIL_TRIALS:
        least = min_tail
    fractions = [f for f in TAIL_FRACTIONS if least <= round(f * n) <= n_complete]
    if fractions:
        return fractions
    least = min(MIN_TAIL_TRIALS, max(min_tail, n_complete))
    if n_complete >= least:
        # A small search, or one with many failures: the smallest number of trials allowed.
        return [least / n]
    raise LeadlineError(
        f"{describe_search(search)}: {n_complete} of {n} trials have a score, and at least "
        f"{min_tail} beyond the threshold are needed: run more trials"
    )


def _common_grid(tails: Sequence[xr.Dataset]) -> float:
    """Return the grid of the deepest tail with ties, 0 when it is too fine to matter."""
    spacings = [float(tail["resolution"][0]) for tail in tails]
    spacing = next((spacing for spacing in spacings if spacing > 0), 0.0)
    edge, tail_scale = (tails[0][name].to_numpy() for name in ("threshold", "tail_scale"))
    in_scores = abs(scores_of(tails[0], edge)[0] - scores_of(tails[0], edge - tail_scale)[0])
    return spacing if spacing > _FINE_GRID * in_scores else 0.0
