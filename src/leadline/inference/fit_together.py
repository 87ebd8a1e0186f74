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
    Shared,
    draws_of,
    pool_draws,
    pooled_groups,
    population_of,
)
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS, mixture_ess

# Draws per chain of a first run, whose means and sds are needed, and draws to adapt.
_QUICK_DRAWS, _QUICK_TUNE = 250, 500

# Second fits have draws where the first had none: shared parameters may have another mode there.
_QUICK_RUNS = 2

# Effective draws that a search should have after the short run, which measures overlaps roughly.
_ENOUGH = 1.5 * MIN_ESS

# With fewer, the first draws of a search say too little of what searches share, and those of its
# second fit stand for them. Else they stay: proposals that follow the population make a narrow one
# seem likelier, a little with each search, and a hundred searches end without any scatter.
_TOO_FEW = 0.25 * MIN_ESS

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
    that the joint posterior can use is fitted again by `refit`, given the population that was found
    for it: its groups and its tail are replaced. Short runs find nearly all of them, and the first
    full run the others. Shared parameters rest on the first draws of a search, unless these are
    too few (`_TOO_FEW`).
    """
    # The draws from which a search is picked, and those on which shared parameters rest.
    draws, tables = [], []
    for own, tail in zip(alone, tails, strict=True):
        draws.append(draws_of(own, tail, sampler.kind))
        tables.append(own["candidates"].drop_dims("sample"))
    evidence = list(draws)

    def run(sampler: PosteriorSampler, seed: np.random.SeedSequence) -> Shared:
        sampler.progress.start("sampling together")
        return pool_draws(evidence, draws, join_tails(tails), sampler, seed)

    def refit_poor(pooled: Shared, enough: float) -> bool:
        effective = [
            _effective_draws(table, own.sizes["draw"], float(overlap))
            for table, own, overlap in zip(tables, draws, pooled.overlap, strict=True)
        ]
        poor = [search for search, own in enumerate(effective) if own < enough]
        found = [population_of(pooled.posterior, search, draws[search]) for search in poor]
        for search, own, tail in refit(poor, found) if poor else ():
            alone[search], tails[search] = own, tail
            draws[search] = draws_of(alone[search], tail, sampler.kind)
            tables[search] = alone[search]["candidates"].drop_dims("sample")
            if effective[search] < _TOO_FEW:
                evidence[search] = draws[search]
        return bool(poor)

    quick = dataclasses.replace(sampler, sampler=_quick(sampler.sampler))
    # Each run takes other seeds of the same sequence.
    (quick_seed,) = seed.spawn(1)
    for _ in range(_QUICK_RUNS):
        if not refit_poor(run(quick, quick_seed), _ENOUGH):
            break
    pooled = run(sampler, seed)
    if refit_poor(pooled, MIN_ESS):
        pooled = run(sampler, seed)
    return pooled_groups(alone, join_tails(tails), pooled)


def _quick(sampler: Sampler) -> Sampler:
    """Return the settings of a run that finds populations; it is not repeated if it diverges."""
    return dataclasses.replace(
        sampler,
        draws=min(_QUICK_DRAWS, sampler.draws),
        tune=min(_QUICK_TUNE, sampler.tune),
        options={"target_accept": sampler.target_accept, **sampler.options},
    )


def _effective_draws(table: xr.Dataset, draws: int, overlap: float) -> float:
    """Return the number of effective draws of a search that the joint posterior uses."""
    if float(table["max_rhat"].where(table["weight"] > 0.0).max()) > MAX_RHAT:
        return 0.0
    ess = min(mixture_ess(table, name, draws).item() for name in ("min_ess_bulk", "min_ess_tail"))
    return overlap * float(ess)
