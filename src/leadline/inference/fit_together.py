"""Searches fitted together given the fits of each alone; those not covered are fitted again."""

import dataclasses
from collections.abc import Callable, Iterable, MutableSequence

import numpy as np
import xarray as xr

from leadline.data.tails import join_tails
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.two_stages import (
    Groups,
    draws_of,
    pool_draws,
    pooled_groups,
    population_of,
)
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS, mixture_ess

# Draws per chain of a first run, whose means and sds are needed, and draws to adapt.
_QUICK_DRAWS, _QUICK_TUNE = 250, 500

# Effective draws that a search should have after the short run, which measures overlaps roughly.
_ENOUGH = 1.5 * MIN_ESS

# Fits searches, by number, again with the populations and the thresholds of `population_of`.
Refit = Callable[[list[int], list[xr.Dataset]], Iterable[tuple[int, Groups, xr.Dataset]]]


def fit_together(
    alone: MutableSequence[Groups],
    tails: list[xr.Dataset],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
    refit: Refit,
) -> Groups:
    """Return the groups of the tree of searches fitted together, from those of each alone.

    `alone` has the groups of each search, and may read them from files; `tails` has its tail at
    one of its thresholds. `sampler` holds the kind of the joint model. A search with too few draws
    that the joint posterior can use, as a short run finds, is fitted again by `refit`, given the
    population that was found for it: its groups and its tail are replaced.
    """
    (quick_seed,) = seed.spawn(1)
    draws, tables = [], []
    for own, tail in zip(alone, tails, strict=True):
        draws.append(draws_of(own, tail, sampler.kind))
        tables.append(own["candidates"].drop_dims("sample"))
    sampler.progress.start("sampling together")
    quick = dataclasses.replace(sampler, sampler=_quick(sampler.sampler))
    pooled = pool_draws(draws, join_tails(tails), quick, quick_seed)
    poor = [
        search
        for search, (table, overlap) in enumerate(zip(tables, pooled.overlap, strict=True))
        if _is_poor(table, draws[search].sizes["draw"], float(overlap))
    ]
    if poor:
        found = [population_of(pooled.posterior, search, draws[search]) for search in poor]
        for search, own, tail in refit(poor, found):
            alone[search], tails[search] = own, tail
            draws[search] = draws_of(alone[search], tail, sampler.kind)
        sampler.progress.start("sampling together")
    pooled = pool_draws(draws, join_tails(tails), sampler, seed)
    return pooled_groups(alone, join_tails(tails), pooled)


def _quick(sampler: Sampler) -> Sampler:
    """Return the settings of a run that finds populations; it is not repeated if it diverges."""
    return dataclasses.replace(
        sampler,
        draws=min(_QUICK_DRAWS, sampler.draws),
        tune=min(_QUICK_TUNE, sampler.tune),
        options={"target_accept": sampler.target_accept, **sampler.options},
    )


def _is_poor(table: xr.Dataset, draws: int, overlap: float) -> bool:
    """Return whether the joint posterior can use too few of the draws of a search."""
    max_rhat = table["max_rhat"].where(table["weight"] > 0.0).max()
    ess = min(mixture_ess(table, name, draws).item() for name in ("min_ess_bulk", "min_ess_tail"))
    return float(max_rhat) > MAX_RHAT or overlap * ess < _ENOUGH
