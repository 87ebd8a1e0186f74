"""Candidate thresholds, among which the data decide where the tail of a search starts."""

import functools
from collections.abc import Callable, Mapping, Sequence
from numbers import Real

import numpy as np
import xarray as xr

from leadline.data.bounds import NO_BOUNDS, Bounds
from leadline.data.plateau import has_plateau
from leadline.data.scale import Scale, scales_to_fit
from leadline.data.tails import (
    MIN_TAIL_TRIALS,
    TiedScoresError,
    cut_tail,
    describe_search,
    scores_of,
    trial_losses,
    with_guided,
)
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value
from leadline.models.priors import Priors

TAIL_FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.7)
"""The default candidates; no known random search follows the law in more than 0.7 of its trials."""

DEFAULT_MAX_DIM = 10.0
"""Upper bound of the effective dimension when the hyperparameters are unknown."""

_SMALLEST_MAX_DIM = 2.0

# All candidates are scored on the trials of the deepest one, which should not be few: this many, or
# the best fifth of a small search.
_DEEPEST_TRIALS, _DEEPEST_SHARE = 20, 0.2

# A grid of scores finer than this share of the tail scale changes no answer: noise that small has a
# prior probability of 4e-4. Probabilities of bins cost three times as much as densities.
_FINE_GRID = 1e-3


def validate_tail_fractions(tail_fraction: object) -> dict[float, float] | None:
    """Return the `tail_fraction` of `leadline.fit` as weights by fraction, in order, or None."""
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

    The name is in the column `space`. Without it, searches over the same hyperparameters share a
    space. Where these are unknown, the searches of one model do: other models mostly have other
    hyperparameters.
    """
    names = {}
    for pair in trials.searches:
        search = trials.search(*pair)
        # `Trials` has validated that a search has a single space.
        spaces = [*search.table.get("space", []), *filter(None, search.reports["space"])]
        named = spaces[0] if spaces else ", ".join(sorted(search.params))
        names[pair] = str(named or pair[1])
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
    bounds: Bounds = NO_BOUNDS,
    min_tail: int = MIN_TAIL_TRIALS,
    space: str = "",
    guided: Trials | None = None,
    guided_evidence: bool = True,
) -> list[xr.Dataset]:
    """Return the candidate tails of one search, per scale from the deepest to the widest.

    `pair` is the (task, model) of the search, and `space` the name of its search space. `scale` is
    the name of one, or "auto" for all that its own scores and all reports on its task allow: a
    search known from reports alone borrows its scale. `fractions` are tail fractions with prior
    weights; by default, those of `TAIL_FRACTIONS` for which there are enough trials, with equal
    weights. A `threshold` in score units replaces them. `resolution` is as in
    `leadline.data.tails.cut_tail`; if inferred, it is the same for all candidates. `bounds` are
    those of the score. Each has `min_tail` trials or more beyond its threshold; `LeadlineError` is
    raised if there is none. The result is empty if the best scores are a plateau
    (`leadline.data.plateau`). `guided` are the guided trials of all searches;
    without `guided_evidence`, the scale takes their scores, and that is all.
    """
    search = trials.search(*pair)
    name = describe_search(search)
    if not (search.table["status"] == "complete").any():
        raise LeadlineError(f"{name}: no trial has a score ({search}); leave this search out")
    if threshold is not None:
        cuts: list[tuple[dict[str, float], float]] = [({"threshold": threshold}, 1.0)]
    else:
        if fractions is None:
            status = search.per_trial()["status"]
            n_complete = int((status == "complete").sum())
            # Equal weights: a deeper tail is more likely to follow the law, and a wider one tells
            # more. Weights for deeper ones gave longer intervals that covered less.
            grid = _default_fractions(len(status), n_complete, min_tail, name)
            fractions = dict.fromkeys(grid, 1.0)
        cuts = [({"tail_fraction": fraction}, weight) for fraction, weight in fractions.items()]
    reported = trials.reports["score"][trials.reports["task"] == pair[0]]
    others = _of_search(guided, pair)
    known_scores = [search.table["score"], reported, *(own.table["score"] for own in others)]
    scores = np.concatenate(known_scores).astype(float)
    scales = scales_to_fit(scale, scores[np.isfinite(scores)], name)
    # With one hyperparameter it is still open whether it matters in full.
    known = max(float(search.n_params), _SMALLEST_MAX_DIM) if search.n_params else DEFAULT_MAX_DIM
    bound = priors.max_effective_dim or known
    cut = functools.partial(
        cut_tail, search, bounds=bounds, min_tail=min_tail, max_effective_dim=bound, space=space
    )
    losses = [trial_losses(search, each) for each in scales]
    loss = losses[0]["loss"].to_numpy()
    sign = losses[0].attrs["loss_sign"]
    deepest, widest = (_size_asked_for(cuts[end][0], loss, sign, scales[0]) for end in (0, -1))
    try:
        tails = [
            tail.assign(log_prior_weight=("search", [np.log(weight) - np.log(len(scales))]))
            for each, own in zip(scales, losses, strict=True)
            for tail, weight in _cut_all(
                functools.partial(cut, scale=each, losses=own), cuts, resolution
            )
        ]
    except TiedScoresError:
        if not has_plateau(loss, [widest], deepest, min_trials=2):
            raise
        return []
    for own in others if guided_evidence else ():
        tails = [with_guided(tail, own) for tail in tails]
    sizes = [tail.sizes["tail_trial"] for tail in tails]
    return [] if has_plateau(loss, sizes, deepest, MIN_TAIL_TRIALS // 2) else tails


def _of_search(guided: Trials | None, pair: tuple[str, str]) -> list[Trials]:
    """Return the guided trials of one search in a list, which is empty if there are none."""
    return [guided.search(*pair)] if guided and pair in guided.with_trials else []


def _size_asked_for(how: Mapping[str, float], loss: np.ndarray, sign: float, scale: Scale) -> int:
    """Return the number of trials beyond a threshold or in a tail fraction, before ties."""
    if "tail_fraction" in how:
        return round(how["tail_fraction"] * len(loss))
    return int((loss <= sign * scale.forward(np.float64(how["threshold"]))).sum())


def _cut_all(
    cut: Callable[..., xr.Dataset],
    cuts: Sequence[tuple[dict[str, float], float]],
    resolution: float | None,
) -> list[tuple[xr.Dataset, float]]:
    """Return the candidates on one scale with their weights, from the deepest to the widest."""
    found: list[tuple[xr.Dataset, dict[str, float], float]] = []
    for how, weight in cuts:
        try:
            found.append((cut(**how, resolution=resolution), how, weight))
        except LeadlineError:
            # Among several, an unusable one is passed over, such as one with tied scores.
            if how is cuts[-1][0] and not found:
                raise
    if resolution is None and len(found) > 1:
        spacing = _common_grid([tail for tail, *_ in found])
        for index, (tail, how, weight) in enumerate(found):
            if tail["resolution"].item() != spacing:
                found[index] = cut(**how, resolution=spacing), how, weight
    kept: list[tuple[xr.Dataset, float]] = []
    for tail, _, weight in found:
        # A candidate with the same trials as the one before adds nothing.
        if not kept or tail.sizes["tail_trial"] > kept[-1][0].sizes["tail_trial"]:
            kept.append((tail, weight))
    return kept


def _default_fractions(n: int, n_complete: int, min_tail: int, name: str) -> list[float]:
    """Return the fractions of the grid for which a search of `n` trials has enough of them."""
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
        f"{name}: {n_complete} of {n} trials have a score, and at least {min_tail} beyond the "
        "threshold are needed: run more trials"
    )


def _common_grid(tails: Sequence[xr.Dataset]) -> float:
    """Return the grid of the deepest tail with ties, 0 when it is too fine to matter."""
    spacing = next(filter(None, (float(tail["resolution"][0]) for tail in tails)), 0.0)
    edge, tail_scale = (tails[0][name].to_numpy() for name in ("threshold", "tail_scale"))
    # The tail scale in score units, at the threshold.
    in_scores = abs(scores_of(tails[0], edge)[0] - scores_of(tails[0], edge - tail_scale)[0])
    return spacing if spacing > _FINE_GRID * in_scores else 0.0
