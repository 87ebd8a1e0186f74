"""The posterior of several searches that share parameters, averaged over their thresholds.

Thresholds belong to searches, and there are too many combinations to fit them all. Each search is
first fitted alone over its candidates (`leadline.inference.averaging`), which gives the weight of
each. Then `THRESHOLD_SETS` sets of thresholds are drawn, one candidate for each search by its
weight, stratified so that every search's weights are kept as nearly as so few sets can; the joint
model is fitted to each set, and the posterior is the equal mixture. A search that is too small
to be fitted alone takes the thresholds, as tail fractions, that the others weigh up. One that is
known from reported bests alone has a threshold in each set too (`reported_searches`).
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.regime import MIN_TAIL_TRIALS
from leadline.inference.averaging import AveragedSearch, FittedCandidate, fit_search
from leadline.inference.candidates import Candidate
from leadline.inference.joint_fitter import JointFitter, OneSet
from leadline.inference.reported_searches import ReportedSearch
from leadline.inference.tail_fit import FittedTail, TailFitter
from leadline.stats.diagnostics import Diagnostics

THRESHOLD_SETS = 4

# Weights of thresholds need no quantiles.
_WALK_DRAWS, _WALK_CHAINS = 400, 2


@dataclasses.dataclass(frozen=True)
class JointFit:
    """The posterior of several searches.

    Attributes
    ----------
    searches : list of AveragedSearch
        Their parts of it; draws in the same place belong together.
    pooled : Dataset, dims (chain, draw, ...)
        The parameters that they share.
    """

    searches: list[AveragedSearch]
    pooled: xr.Dataset


def fit_jointly(
    candidates: Sequence[Sequence[Sequence[Candidate]]],
    joint: JointFitter,
    fitter: TailFitter,
    seed: np.random.SeedSequence,
    reported: Sequence[ReportedSearch] = (),
) -> JointFit:
    """Return the posterior of several searches, those without trials last.

    Parameters
    ----------
    candidates : sequence of sequences of sequences of Candidate
        For each search with trials, for each scale, from the deepest to the widest.
    joint : JointFitter
        Fits all searches at one threshold each.
    fitter : TailFitter
        Fits a search alone.
    seed : SeedSequence
        Same seed, same numbers.
    reported : sequence of ReportedSearch
        Those without trials.
    """
    walk_seed, set_seed, fit_seed, mix_seed = seed.spawn(4)
    flat = [[one for of_scale in search for one in of_scale] for search in candidates]
    weights = weigh_alone(candidates, fitter, walk_seed)
    sets = _draw_sets(weights, np.random.default_rng(set_seed))
    shares = [count / sets.total() for count in sets.values()]
    chosen = [[search[place] for search, place in zip(flat, one, strict=True)] for one in sets]
    chosen = [[*of_set, *(one.borrow(of_set) for one in reported)] for of_set in chosen]
    fits = [
        joint.fit(of_set, share, own_seed)
        for of_set, share, own_seed in zip(chosen, shares, fit_seed.spawn(len(sets)), strict=True)
    ]
    draws = joint.sampler.draws
    return _mixture(chosen, shares, fits, draws, np.random.default_rng(mix_seed))


def weigh_alone(
    candidates: Sequence[Sequence[Sequence[Candidate]]],
    fitter: TailFitter,
    seed: np.random.SeedSequence,
) -> list[npt.NDArray[np.float64]]:
    """Return the weight of each candidate of each search, all scales in a row.

    From a fit of the search alone; a search that is too small for one gets the mean of the
    others' weights at the same tail fraction.
    """
    sampler = fitter.sampler
    quick = dataclasses.replace(
        sampler,
        draws=min(sampler.draws, _WALK_DRAWS),
        tune=min(sampler.tune, _WALK_DRAWS),
        chains=min(sampler.chains, _WALK_CHAINS),
        progressbar=False,
    )
    alone = TailFitter(fitter.priors, "continuous", quick)
    result: list[npt.NDArray[np.float64] | None] = []
    at_fraction: dict[float, float] = defaultdict(float)
    for of_search, own_seed in zip(candidates, seed.spawn(len(candidates)), strict=True):
        flat = [one for of_scale in of_search for one in of_scale]
        if len(flat) == 1:
            result.append(np.ones(1))
        elif flat[0].search.regime.n_tail < MIN_TAIL_TRIALS:
            result.append(None)
        else:
            fitted = fit_search(of_search, alone, own_seed).candidates
            weight = {_key(one.candidate): one.weight for one in fitted}
            result.append(np.array([weight.get(_key(one), 0.0) for one in flat]))
            for one in fitted:
                at_fraction[one.candidate.tail_fraction] += one.weight
    return [
        _borrowed([one for of_scale in of_search for one in of_scale], at_fraction)
        if weight is None
        else weight
        for of_search, weight in zip(candidates, result, strict=True)
    ]


def _borrowed(
    flat: Sequence[Candidate], at_fraction: Mapping[float, float]
) -> npt.NDArray[np.float64]:
    """Return weights from those of other searches at the nearest tail fractions."""
    own = np.array([one.tail_fraction for one in flat])
    weight = np.zeros(len(flat))
    for fraction, share in at_fraction.items():
        weight[np.argmin(np.abs(own - fraction))] += share
    if not weight.any():
        log_prior = np.array([one.log_prior for one in flat])
        weight = np.exp(log_prior - log_prior.max())
    return weight / weight.sum()


def _key(candidate: Candidate) -> tuple[str, int, float]:
    regime = candidate.search.regime
    # Without trials, the threshold alone tells candidates apart.
    return regime.scale.name, regime.n_tail, regime.threshold


def _draw_sets(
    weights: Sequence[npt.NDArray[np.float64]], rng: np.random.Generator
) -> Counter[tuple[int, ...]]:
    """Return sets of a candidate for each search, and how often each was drawn."""
    chosen = []
    for weight in weights:
        ends = np.cumsum(weight)
        place = (rng.permutation(THRESHOLD_SETS) + rng.random()) / THRESHOLD_SETS
        chosen.append(np.searchsorted(ends / ends[-1], place).tolist())
    return Counter(zip(*chosen, strict=True))


def _mixture(
    chosen: Sequence[Sequence[Candidate]],
    shares: Sequence[float],
    fits: Sequence[OneSet],
    draws: int,
    rng: np.random.Generator,
) -> JointFit:
    """Return the mixture of the fits of all sets, each of which chose a candidate for each search.

    Within a chain the draws of a set are evenly spaced ones of that chain, and sets alternate in
    random order.
    """
    chains = fits[0].pooled.sizes["chain"]
    ends = np.cumsum(shares)
    label = np.searchsorted(ends, (np.arange(draws) + 0.5) / draws)
    of_fit = np.stack([rng.permutation(label) for _ in range(chains)])
    place = np.empty_like(of_fit)
    for chain in range(chains):
        for number in range(len(fits)):
            mine = of_fit[chain] == number
            last = fits[number].pooled.sizes["draw"] - 1
            place[chain, mine] = np.linspace(0, last, int(mine.sum())).round()
    searches = [
        _of_one_search([of_set[number] for of_set in chosen], number, shares, fits, of_fit, place)
        for number in range(len(chosen[0]))
    ]
    everything = AveragedSearch([], of_fit, place)
    return JointFit(searches, everything.pick_dataset([fit.pooled for fit in fits]))


def _of_one_search(
    chosen: Sequence[Candidate],
    number: int,
    shares: Sequence[float],
    fits: Sequence[OneSet],
    of_fit: npt.NDArray[np.intp],
    place: npt.NDArray[np.intp],
) -> AveragedSearch:
    """Return a search's part of the mixture; fits with the same threshold are one candidate."""
    order = sorted({_key(one): one for one in chosen})
    groups = [[place for place, one in enumerate(chosen) if _key(one) == key] for key in order]
    fitted = []
    component, own_place = np.empty_like(of_fit), place.copy()
    for group_number, group in enumerate(groups):
        tails = [fits[member].tails[number] for member in group]
        weight = sum(shares[member] for member in group)
        fitted.append(
            FittedCandidate(
                candidate=chosen[group[0]],
                tail=_one_after_the_other(tails),
                p_value=float(np.mean([fits[member].p_values[number] for member in group])),
                diagnostics=_worst([fits[member].diagnostics for member in group]),
                kept=True,
                weight=weight,
            )
        )
        offset = 0
        for member in group:
            mine = of_fit == member
            component[mine] = group_number
            own_place[mine] += offset
            offset += fits[member].pooled.sizes["draw"]
    return AveragedSearch(fitted, component, own_place)


def _one_after_the_other(tails: Sequence[FittedTail]) -> FittedTail:
    """Return the draws of all, chain by chain."""
    first = tails[0]
    if len(tails) == 1:
        return first

    def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
        result = xr.concat(parts, dim="draw")
        return result.assign_coords(draw=np.arange(result.sizes["draw"]))

    def joined_arrays(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}

    return dataclasses.replace(
        first,
        posterior=joined([tail.posterior for tail in tails]),
        statistics=joined([tail.statistics for tail in tails]),
        log_likelihood=joined_arrays([tail.log_likelihood for tail in tails]),
        log_prior=joined_arrays([tail.log_prior for tail in tails]),
    )


def _worst(diagnostics: Sequence[Diagnostics]) -> Diagnostics:
    """Return the worst of each."""
    return Diagnostics(
        divergences=sum(one.divergences for one in diagnostics),
        max_rhat=max(one.max_rhat for one in diagnostics),
        min_ess_bulk=min(one.min_ess_bulk for one in diagnostics),
        min_ess_tail=min(one.min_ess_tail for one in diagnostics),
        draws=diagnostics[0].draws,
        min_bfmi=min(one.min_bfmi for one in diagnostics),
    )
