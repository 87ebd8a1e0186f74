"""The posterior of several searches that share parameters, averaged over their thresholds.

Thresholds belong to searches, and there are too many combinations to fit them all. Each search is
first fitted alone over its candidates (`leadline.inference.thresholds`), which gives the weight of
each. Then `THRESHOLD_SETS` sets of thresholds are drawn, one candidate per search by its weight,
stratified so that the weights of every search are kept as nearly as so few sets can. The joint
model is fitted to each set, and the posterior is the equal mixture. A search too small to be fitted
alone takes the weights of the others, by tail fraction. A search known from reported bests alone
has a threshold in each set too (`leadline.inference.reported_searches`).
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.tails import MIN_TAIL_TRIALS, join_tails
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.thresholds import fit_candidates

THRESHOLD_SETS = 4

# Weights of thresholds need no quantiles.
_WEIGHT_DRAWS, _WEIGHT_CHAINS = 400, 2

# With many searches, one usually lies near its boundary; a lower value makes most fits rerun.
_TARGET_ACCEPT = 0.98

# The pooled noise moves all depths at once, along a direction that lengthens with the number of
# searches, and trajectories turn before its end. Doubling them from 16 searches on: with 30
# searches three times the effective sample size in twice the time, with 100 searches a fifth more
# in half as much again (`benchmarks/scaling.py`).
_MANY_SEARCHES, _LONGER = 16, {"extra_doublings": 1}


def fit_jointly(
    candidates: Sequence[Sequence[xr.Dataset]],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
    complete: Callable[[xr.Dataset], xr.Dataset] = lambda tails: tails,
) -> tuple[list[xr.DataTree], list[float]]:
    """Return the fits of the sets of thresholds, and the share of each in the mixture.

    Parameters
    ----------
    candidates : sequence of sequences of Dataset
        For each search with trials, `leadline.inference.candidates.candidates_of`.
    sampler : PosteriorSampler
        Samples all searches at one threshold each.
    seed : SeedSequence
        Same seed, same numbers.
    complete : callable
        Takes the tails of a set, returns them with reported bests and the searches known from
        these alone.
    """
    weight_seed, set_seed, fit_seed = seed.spawn(3)
    weights = weigh_alone(candidates, sampler, weight_seed)
    sets = _draw_sets(weights, np.random.default_rng(set_seed))
    shares = [count / sets.total() for count in sets.values()]
    fits = []
    for chosen, share, child_seed in zip(sets, shares, fit_seed.spawn(len(sets)), strict=True):
        own = [search[index] for search, index in zip(candidates, chosen, strict=True)]
        tails = complete(join_tails(own))
        settings = joint_sampler(sampler.sampler, tails.sizes["search"])
        # Four times the draws that the mixture takes, so that the diagnostics are reliable.
        draws = min(settings.draws, int(np.ceil(4 * share * settings.draws)))
        joint = dataclasses.replace(sampler, sampler=dataclasses.replace(settings, draws=draws))
        fits.append(joint.sample(tails, child_seed))
    return fits, shares


def joint_sampler(sampler: Sampler, searches: int) -> Sampler:
    """Return the settings with which so many searches are sampled together."""
    longer = sampler.nuts_sampler == "nutpie" and searches >= _MANY_SEARCHES
    options = {**(_LONGER if longer else {}), **sampler.options}
    return dataclasses.replace(sampler, target_accept=_TARGET_ACCEPT, options=options)


def weigh_alone(
    candidates: Sequence[Sequence[xr.Dataset]],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> list[npt.NDArray[np.float64]]:
    """Return the weight of each candidate of each search, from a fit of the search alone.

    A search that is too small for one gets the mean weights of the others at the same tail
    fraction.
    """
    settings = sampler.sampler
    quick = dataclasses.replace(
        settings,
        draws=min(settings.draws, _WEIGHT_DRAWS),
        tune=min(settings.tune, _WEIGHT_DRAWS),
        chains=min(settings.chains, _WEIGHT_CHAINS),
        progressbar=False,
    )
    alone = PosteriorSampler("single", sampler.priors, "continuous", quick)
    result: list[npt.NDArray[np.float64] | None] = []
    by_fraction: dict[float, float] = defaultdict(float)
    for own, child_seed in zip(candidates, seed.spawn(len(candidates)), strict=True):
        if len(own) == 1:
            result.append(np.ones(1))
        elif own[0].sizes["tail_trial"] < MIN_TAIL_TRIALS:
            result.append(None)
        else:
            _, evidence = fit_candidates(own, alone, child_seed)
            weight = np.zeros(len(own))
            weight[evidence["candidate"]] = evidence["weight"]
            result.append(weight)
            for tail, share in zip(own, weight, strict=True):
                by_fraction[float(tail["tail_fraction"][0])] += share
    return [
        _borrowed_weights(own, by_fraction) if weight is None else weight
        for own, weight in zip(candidates, result, strict=True)
    ]


def _borrowed_weights(
    candidates: Sequence[xr.Dataset], by_fraction: Mapping[float, float]
) -> npt.NDArray[np.float64]:
    """Return weights from those of other searches at the nearest tail fractions."""
    fractions = np.array([float(tail["tail_fraction"][0]) for tail in candidates])
    weight = np.zeros(len(candidates))
    for fraction, share in by_fraction.items():
        weight[np.argmin(np.abs(fractions - fraction))] += share
    if not weight.any():
        log_prior = np.array([float(tail["log_prior_weight"][0]) for tail in candidates])
        weight = np.exp(log_prior - log_prior.max())
    return weight / weight.sum()


def _draw_sets(
    weights: Sequence[npt.NDArray[np.float64]], rng: np.random.Generator
) -> Counter[tuple[int, ...]]:
    """Return sets of one candidate per search, and how often each was drawn."""
    chosen = []
    for weight in weights:
        ends = np.cumsum(weight)
        points = (rng.permutation(THRESHOLD_SETS) + rng.random()) / THRESHOLD_SETS
        chosen.append(np.searchsorted(ends / ends[-1], points).tolist())
    return Counter(zip(*chosen, strict=True))
