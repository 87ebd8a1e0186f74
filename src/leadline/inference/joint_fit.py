"""The posterior of several searches that share parameters, averaged over their thresholds.

Thresholds belong to searches, and there are too many combinations to fit them all. Each search is
first fitted alone over its candidates (`leadline.inference.thresholds`), which gives the weight of
each. Then `THRESHOLD_SETS` sets of thresholds are drawn, one candidate per search with probability
equal to its weight. The draws are stratified, so that the frequencies of the candidates of each
search are as near to their weights as so few sets allow. The joint model is fitted to each set, and
the posterior is the equal mixture. A search too small to be fitted alone takes the weights of the
others, by tail fraction. A search known from reported bests alone has a threshold in each set too
(`leadline.inference.reported_searches`).
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.tails import MIN_TAIL_TRIALS, join_tails, search_name
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.thresholds import fit_candidates

THRESHOLD_SETS = 4

ReportAlone = Callable[[int, list[xr.DataTree], pd.DataFrame, np.random.SeedSequence], None]

# Few draws by NUTS: weights of thresholds are means over the posterior, not quantiles.
_WEIGHT_DRAWS, _WEIGHT_CHAINS = 400, 2

# With many searches, one usually lies near its boundary; a lower value makes most fits rerun.
_TARGET_ACCEPT = 0.98

# The pooled noise is correlated with the depths of all searches, along a direction that lengthens
# with their number, and trajectories turn around before its end. Twice as long trajectories from 16
# searches on: 3 times the effective sample size in 2 times the time for 30 searches, 1.2 times in
# 1.5 times for 100 (`benchmarks/scaling.py`).
_MANY_SEARCHES, _LONGER = 16, {"extra_doublings": 1}


def fit_jointly(
    candidates: Sequence[Sequence[xr.Dataset]],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
    complete: Callable[[xr.Dataset], xr.Dataset] = lambda tails: tails,
    report_alone: ReportAlone = lambda *_: None,
) -> tuple[list[xr.DataTree], list[float]]:
    """Return the fits of the sets of thresholds, and the share of each in the mixture.

    `candidates` are those of each search with trials. `complete` takes the tails of a set, and
    returns them with reported bests and with the searches known from these alone. `report_alone`
    takes the fits of each search by itself, as `weigh_alone` hands them on.
    """
    weight_seed, set_seed, fit_seed = seed.spawn(3)
    weights = weigh_alone(candidates, sampler, weight_seed, report_alone)
    sets = _draw_sets(weights, np.random.default_rng(set_seed))
    shares = [count / sets.total() for count in sets.values()]
    fits = []
    sampler.progress.start("sampling together", len(sets), "sets of thresholds")
    for chosen, child_seed in zip(sets, fit_seed.spawn(len(sets)), strict=True):
        sampler.progress.step()
        own = [search[index] for search, index in zip(candidates, chosen, strict=True)]
        tails = complete(join_tails(own))
        settings = joint_sampler(sampler.sampler, tails.sizes["search"])
        # All draws for each set, though the mixture takes fewer: its diagnostics need them.
        fits.append(dataclasses.replace(sampler, sampler=settings).sample(tails, child_seed))
    return fits, shares


def joint_sampler(sampler: Sampler, searches: int) -> Sampler:
    """Return the settings of the sampler for a joint fit of this many searches."""
    longer = sampler.uses_nutpie and searches >= _MANY_SEARCHES
    options = {**(_LONGER if longer else {}), **sampler.options}
    return dataclasses.replace(sampler, target_accept=_TARGET_ACCEPT, options=options)


def weigh_alone(
    candidates: Sequence[Sequence[xr.Dataset]],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
    report_alone: ReportAlone = lambda *_: None,
) -> list[npt.NDArray[np.float64]]:
    """Return the weight of each candidate of each search, from a fit of the search alone.

    A search that is too small for one gets the mean weights of the others, each at the candidate
    with the nearest tail fraction. `report_alone` takes the position of a search that was fitted
    alone, its fits, their evidence, and a seed.
    """
    settings = sampler.sampler
    if not settings.by_importance:
        settings = dataclasses.replace(
            settings,
            draws=min(settings.draws, _WEIGHT_DRAWS),
            tune=min(settings.tune, _WEIGHT_DRAWS),
            chains=min(settings.chains, _WEIGHT_CHAINS),
        )
    alone = PosteriorSampler("single", sampler.priors, "continuous", settings)
    result: list[npt.NDArray[np.float64] | None] = []
    by_fraction: dict[float, float] = defaultdict(float)
    if any(len(own) > 1 for own in candidates):
        sampler.progress.start("weighing thresholds", len(candidates), "searches")
    seeds = seed.spawn(len(candidates))
    for number, (own, child_seed) in enumerate(zip(candidates, seeds, strict=True)):
        sampler.progress.step(search_name(own[0]))
        if len(own) == 1:
            result.append(np.ones(1))
        elif own[0].sizes["tail_trial"] < MIN_TAIL_TRIALS:
            result.append(None)
        else:
            fits, evidence = fit_candidates(own, alone, child_seed)
            report_alone(number, fits, evidence, child_seed)
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
    """Return weights, each the sum of `by_fraction` where this candidate's fraction is nearest.

    Without any, they are the prior weights.
    """
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
    """Return distinct sets of one candidate per search, with the number of times each was drawn."""
    chosen = []
    for weight in weights:
        ends = np.cumsum(weight)
        points = (rng.permutation(THRESHOLD_SETS) + rng.random()) / THRESHOLD_SETS
        chosen.append(np.searchsorted(ends / ends[-1], points).tolist())
    return Counter(zip(*chosen, strict=True))
