"""The posterior of several searches that share parameters, averaged over their thresholds.

Thresholds belong to searches, and there are too many combinations to fit them all. Each search is
first fitted alone over its candidates (`leadline.averaging`), which gives the weight of
each. Then `THRESHOLD_SETS` sets of thresholds are drawn, one candidate for each search by its
weight, stratified so that every search's weights are kept as nearly as so few sets can; the joint
model is fitted to each set, and the posterior is the equal mixture. A search that is too small
to be fitted alone takes the thresholds, as tail fractions, that the others weigh up.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.averaging import AveragedSearch, FittedCandidate, fit_search
from leadline.candidates import Candidate
from leadline.densities import Densities
from leadline.diagnostics import Diagnostics, diagnose
from leadline.drawn_dims import one_dim_a_space
from leadline.goodness_of_fit import tail_p_value
from leadline.models import crossed, hierarchical, several, shared_dim
from leadline.priors import Priors
from leadline.regime import MIN_TAIL_TRIALS
from leadline.sampling import CompiledModel, Sampler
from leadline.scale import Scale
from leadline.tail_fit import FittedTail, TailFitter, in_score_units

THRESHOLD_SETS = 4

MODELS: Mapping[str, ModuleType] = {"hierarchical": hierarchical, "crossed": crossed}

# Weights of thresholds need no quantiles.
_WALK_DRAWS, _WALK_CHAINS = 400, 2

# Of many searches one or the other is near its wall: less would mean a second run for most sets.
_TARGET_ACCEPT = 0.98

# Standardised or latent: what users and the priors speak of is made from them.
_LATENT = "_departure"


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


@dataclasses.dataclass(frozen=True)
class _OneSet:
    """The joint posterior at one set of thresholds."""

    tails: list[FittedTail]
    pooled: xr.Dataset
    diagnostics: Diagnostics
    p_values: list[float]


class JointFitter:
    """Fits a joint model to sets of thresholds; sets of the same structure share a compiled one.

    Parameters
    ----------
    kind : {"hierarchical", "crossed"}
        Which model.
    labels : sequence of (space, task, model)
        Of each search, by name.
    priors : Priors
        The priors.
    sampler : Sampler
        Settings of the sampler.
    effective_dim : {"continuous", "integer"}
        As in `leadline.fit`.
    """

    def __init__(
        self,
        kind: str,
        labels: Sequence[tuple[str, str, str]],
        priors: Priors,
        sampler: Sampler,
        effective_dim: str = "continuous",
    ) -> None:
        self.model = MODELS[kind]
        self.priors = priors
        self.effective_dim = effective_dim
        self.sampler = dataclasses.replace(sampler, target_accept=_TARGET_ACCEPT)
        spaces, tasks, models = zip(*labels, strict=True)
        self.coords = {
            name: list(dict.fromkeys(values))
            for name, values in (("space", spaces), ("task", tasks), ("model", models))
        }
        self.numbers = [
            {
                name: self.coords[name].index(value)
                for name, value in zip(self.coords, one, strict=True)
            }
            for one in labels
        ]
        self._compiled: dict[tuple[Any, ...], tuple[CompiledModel, Densities]] = {}

    def fit(
        self, candidates: Sequence[Candidate], share: float, seed: np.random.SeedSequence
    ) -> _OneSet:
        """Return the posterior with one candidate for each search.

        Four times as many draws as its share of the mixture takes, so that its diagnostics can be
        relied on, and no more than were asked for.
        """
        prepared = [candidate.search for candidate in candidates]
        searches = [
            several.Search(search.regime, search.max_effective_dim, **numbers)
            for search, numbers in zip(prepared, self.numbers, strict=True)
        ]
        if self.effective_dim == "integer":
            bounds = shared_dim.bounds(searches)
            prepared = [
                dataclasses.replace(one, max_effective_dim=bounds[search.space])
                for one, search in zip(prepared, searches, strict=True)
            ]
        sign = prepared[0].sign
        structure = several.structure(searches)
        if structure not in self._compiled:
            model = self.model.build(searches, sign, self.priors, self.effective_dim)
            # With the effective dimension of a draw, also where the model sums over it.
            plain = model
            if self.effective_dim == "integer":
                plain = self.model.build(searches, sign, self.priors, "shared")
            self._compiled[structure] = self.sampler.compile(model), Densities(plain)
        compiled, densities = self._compiled[structure]
        data = self.model.data_of(searches, sign)
        seeds = [int(word) for word in seed.generate_state(4)]
        draws = min(self.sampler.draws, int(np.ceil(4 * share * self.sampler.draws)))
        sampler = dataclasses.replace(self.sampler, draws=draws)
        ready = dataclasses.replace(compiled, sampler=sampler).with_data(data)
        drawn = ready.sample_carefully(*seeds[:2])
        posterior, statistics = (
            drawn[group].to_dataset() for group in ("posterior", "sample_stats")
        )
        posterior = one_dim_a_space(posterior, data["search_space"], seeds[3])
        log_likelihood, log_prior = densities(posterior, data)
        shared = [name for name in posterior.data_vars if "search" not in posterior[name].dims]
        tails = []
        for number, search in enumerate(prepared):
            own = posterior.isel(search=number, drop=True).drop_vars(shared)
            if "dimension" in own.dims:
                own = own.sel(dimension=slice(None, search.max_effective_dim))
            tails.append(
                FittedTail(
                    search=search,
                    posterior=in_score_units(own, search),
                    statistics=statistics,
                    log_likelihood=_of_search(log_likelihood, data, number),
                    log_prior=_top_level(log_prior, number, self.numbers[number]["space"]),
                )
            )
        pooled = posterior[[name for name in shared if not str(name).endswith(_LATENT)]]
        if "task_scale" in pooled:
            pooled = _tasks_in_score_units(pooled, prepared[0].regime.scale)
        return _OneSet(
            tails,
            pooled.assign_coords({k: v for k, v in self.coords.items() if k in pooled.dims}),
            diagnose(posterior, statistics),
            [_p_value(tail, seeds[2]) for tail in tails],
        )


def _tasks_in_score_units(pooled: xr.Dataset, scale: Scale) -> xr.Dataset:
    """Return the location of each task as a score, and its scale in score units there."""
    location = pooled["task_location"]
    score = scale.inverse(location.to_numpy())
    slope = np.exp(-scale.log_slope(score))
    return pooled.assign(
        task_location=location.copy(data=score), task_scale=pooled["task_scale"] * slope
    )


def _of_search(
    log_likelihood: Mapping[str, np.ndarray], data: Mapping[str, Any], number: int
) -> dict[str, np.ndarray]:
    """Return the log-likelihoods of the observations of one search."""
    owners = {"loss": "tail_search", "in_regime": "group_search", "seed_variance": "seed_search"}
    result = {
        name: values[..., data[owners[name]] == number] for name, values in log_likelihood.items()
    }
    return {name: values for name, values in result.items() if values.shape[-1]}


def _top_level(
    log_prior: Mapping[str, np.ndarray], number: int, space: int
) -> dict[str, np.ndarray]:
    """Return the log-priors of the shared parameters, and of the reach of one search.

    What is scaled when the sensitivity to the prior is looked at: given the shared parameters, the
    distribution of the searches' own is part of the model (Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5).
    """
    result = {name: values for name, values in log_prior.items() if values.ndim == 2}
    shared = log_prior.get("pooled_effective_dim")
    if shared is not None and shared.ndim == 3:
        # One a space where it is an integer; a parameter of its own, not one that scatters.
        result["pooled_effective_dim"] = shared[..., space]
    return result | {"reach": log_prior["reach"][..., number]}


def _p_value(tail: FittedTail, seed: int) -> float:
    regime = tail.search.regime
    edge = np.full_like(tail.law[0], regime.threshold)
    return tail_p_value(regime.loss, regime.cell, regime.replicates, edge, tail.law, seed)


def fit_jointly(
    candidates: Sequence[Sequence[Sequence[Candidate]]],
    joint: JointFitter,
    fitter: TailFitter,
    seed: np.random.SeedSequence,
) -> JointFit:
    """Return the posterior of several searches.

    Parameters
    ----------
    candidates : sequence of sequences of sequences of Candidate
        For each search, for each scale, from the deepest to the widest.
    joint : JointFitter
        Fits all searches at one threshold each.
    fitter : TailFitter
        Fits a search alone.
    seed : SeedSequence
        Same seed, same numbers.
    """
    walk_seed, set_seed, fit_seed, mix_seed = seed.spawn(4)
    flat = [[one for of_scale in search for one in of_scale] for search in candidates]
    weights = weigh_alone(candidates, fitter, walk_seed)
    sets = _draw_sets(weights, np.random.default_rng(set_seed))
    shares = [count / sets.total() for count in sets.values()]
    fits = [
        joint.fit(
            [search[place] for search, place in zip(flat, chosen, strict=True)], share, own_seed
        )
        for chosen, share, own_seed in zip(sets, shares, fit_seed.spawn(len(sets)), strict=True)
    ]
    draws = joint.sampler.draws
    return _mixture(flat, list(sets), shares, fits, draws, np.random.default_rng(mix_seed))


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


def _key(candidate: Candidate) -> tuple[str, int]:
    regime = candidate.search.regime
    return regime.scale.name, regime.n_tail


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
    flat: Sequence[Sequence[Candidate]],
    sets: Sequence[tuple[int, ...]],
    shares: Sequence[float],
    fits: Sequence[_OneSet],
    draws: int,
    rng: np.random.Generator,
) -> JointFit:
    """Return the mixture of the fits of all sets.

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
        _of_one_search(
            [flat[number][chosen[number]] for chosen in sets], number, shares, fits, of_fit, place
        )
        for number in range(len(flat))
    ]
    everything = AveragedSearch([], of_fit, place)
    return JointFit(searches, everything.pick_dataset([fit.pooled for fit in fits]))


def _of_one_search(
    chosen: Sequence[Candidate],
    number: int,
    shares: Sequence[float],
    fits: Sequence[_OneSet],
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
