"""Searches fitted together given the fits of each alone; those not covered are fitted again."""

from collections.abc import Callable, Iterable, MutableSequence

import numpy as np
import xarray as xr

from leadline.data.tails import join_tails
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.two_stages import (
    Groups,
    draws_of,
    pool_draws,
    pooled_groups,
    population_of,
)
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS

# Fits searches, by number, again with the populations of `population_of`.
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
    that the joint posterior can use is fitted again by `refit`, given the population that was
    found for it, and all are pooled again: its groups and its tail are replaced.
    """
    draws, tables = [], []
    for own, tail in zip(alone, tails, strict=True):
        draws.append(draws_of(own, tail, sampler.kind))
        tables.append(own["candidates"].drop_dims("sample"))
    sampler.progress.start("sampling together")
    pooled = pool_draws(draws, join_tails(tails), sampler, seed)
    poor = [
        search
        for search, (table, overlap) in enumerate(zip(tables, pooled.overlap, strict=True))
        if _is_poor(table, float(overlap))
    ]
    if poor:
        found = [population_of(pooled.posterior, search) for search in poor]
        for search, own, tail in refit(poor, found):
            alone[search], tails[search] = own, tail
            draws[search] = draws_of(alone[search], tail, sampler.kind)
        sampler.progress.start("sampling together")
        pooled = pool_draws(draws, join_tails(tails), sampler, seed)
    return pooled_groups(alone, join_tails(tails), pooled)


def _is_poor(table: xr.Dataset, overlap: float) -> bool:
    """Return whether the joint posterior can use too few draws of a search with this table."""
    used = table.where(table["weight"] > 0.0)
    ess = min(float(used[name].min()) for name in ("min_ess_bulk", "min_ess_tail"))
    return float(used["max_rhat"].max()) > MAX_RHAT or overlap * ess < MIN_ESS
