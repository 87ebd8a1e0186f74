"""Searches fitted together given the fits of each alone, and again given the others."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, MutableSequence

import numpy as np
import xarray as xr

from leadline.data.tails import join_tails
from leadline.inference.bridged_draws import bridge_draws, given_population
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.search_draws import draws_of
from leadline.inference.two_stages import (
    Groups,
    Shared,
    pool_draws,
    pooled_groups,
    population_of,
)
from leadline.models.priors import Priors
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS, mixture_ess

# Draws per chain of a first run, whose means and sds are needed, and draws to adapt.
_QUICK_DRAWS, _QUICK_TUNE = 250, 500

# Fits searches, by number, again with the populations and the thresholds of `population_of`.
Refit = Callable[[Mapping[int, xr.Dataset]], Iterable[tuple[int, Groups, xr.Dataset]]]


def fit_together(
    alone: MutableSequence[Groups],
    tails: list[xr.Dataset],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
    refit: Refit,
    priors: Priors,
) -> Groups:
    """Return the groups of the tree of searches fitted together, from those of each alone.

    `alone` has the groups of each search, and may read them from files; `tails` has its tail at
    one of its thresholds. `sampler` holds the kind of the joint model, and `priors` are those of
    the searches alone. `refit` fits each search again, given the population that a short run finds
    for it: its groups and its tail are replaced. Second fits have draws where the first had few,
    and shared parameters may have another mode there; a search of which the joint posterior can
    still use too few draws is therefore fitted once more. Shared parameters rest on the draws of
    both fits.
    """
    first, first_tables = [], []
    for own, tail in zip(alone, tails, strict=True):
        first.append(draws_of(own, tail, sampler.kind, priors))
        first_tables.append(own["candidates"].drop_dims("sample"))
    tables = list(first_tables)
    # The draws from which a search is picked, and those on which shared parameters rest.
    draws, evidence = list(first), list(first)

    def run(sampler: PosteriorSampler, seed: np.random.SeedSequence) -> Shared:
        sampler.progress.start("sampling together")
        return pool_draws(evidence, draws, join_tails(tails), sampler, seed)

    def refit_poor(pooled: Shared, enough: float) -> bool:
        effective = [
            _effective_draws(table, own.sizes["draw"], float(overlap))
            for table, own, overlap in zip(tables, draws, pooled.overlap, strict=True)
        ]
        poor = [search for search, own in enumerate(effective) if own < enough]
        found = {own: population_of(pooled.posterior, own, draws[own]) for own in poor}
        for search, groups, tail in refit(found) if found else ():
            alone[search], tails[search] = groups, tail
            # Perhaps read from a file.
            own = alone[search]
            again = draws_of(own, tail, sampler.kind, priors)
            tables[search] = own["candidates"].drop_dims("sample")
            draws[search] = evidence[search] = given_population(again, found[search])
            if _converged(first_tables[search]):
                numbered = _numbered_as(first_tables[search], tables[search], again)
                evidence[search] = bridge_draws(first[search], numbered, found[search])
        return bool(found)

    quick = dataclasses.replace(sampler, sampler=_quick(sampler.sampler))
    refit_poor(run(quick, *seed.spawn(1)), np.inf)
    pooled = run(sampler, seed)
    if refit_poor(pooled, MIN_ESS):
        pooled = run(sampler, seed)
    return pooled_groups(alone, join_tails(tails), pooled)


def _numbered_as(first: xr.Dataset, table: xr.Dataset, draws: xr.Dataset) -> xr.Dataset:
    """Return draws with the numbers that their candidates have in the table of a first fit."""
    keys, asked = (
        list(zip(own["scale"].to_numpy()[0], own["n_tail"].to_numpy()[0], strict=True))
        for own in (first, table)
    )
    numbers = np.array([keys.index(key) for key in asked])
    return draws.assign(candidate=("draw", numbers[draws["candidate"].to_numpy()]))


def _quick(sampler: Sampler) -> Sampler:
    """Return the settings of a run that finds populations; it is not repeated if it diverges."""
    return dataclasses.replace(
        sampler,
        draws=min(_QUICK_DRAWS, sampler.draws),
        tune=min(_QUICK_TUNE, sampler.tune),
        options={"target_accept": sampler.target_accept, **sampler.options},
    )


def _converged(table: xr.Dataset) -> bool:
    return float(table["max_rhat"].where(table["weight"] > 0.0).max()) <= MAX_RHAT


def _effective_draws(table: xr.Dataset, draws: int, overlap: float) -> float:
    """Return the number of effective draws of a search that the joint posterior uses."""
    if not _converged(table):
        return 0.0
    ess = min(mixture_ess(table, name, draws).item() for name in ("min_ess_bulk", "min_ess_tail"))
    return overlap * float(ess)
