"""From the candidate tails of all searches to the groups of the tree: alone, or together.

Searches that are fitted together are sampled in two stages (`leadline.inference.two_stages`).
Integer effective dimensions that searches share, and reported bests, cannot be had from fits of
each search alone. They are sampled at once, at sets of thresholds
(`leadline.inference.joint_fit`).
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.tails import search_name
from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.inference.fit_together import fit_together
from leadline.inference.joint_fit import fit_jointly
from leadline.inference.mixture import choose_draws
from leadline.inference.plateau import plateau_groups
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.reported_searches import with_reports
from leadline.inference.thresholds import fit_candidates, p_value_of
from leadline.inference.tree import join_groups, mixture_tree, tree_of, with_plateaus
from leadline.inference.two_stages import with_population, without_population

Groups = dict[str, xr.Dataset]
Pair = tuple[str, str]

# Thresholds with less weight are not fitted again.
_LEAST_WEIGHT = 0.01


def fit_searches(
    trials: Trials,
    candidates: Sequence[Sequence[xr.Dataset]],
    posterior: PosteriorSampler,
    seed: np.random.SeedSequence,
    attributes: Mapping[str, Any],
) -> Groups:
    """Return the groups of the tree; `candidates` are those of each search with trials.

    A search without candidates ends in a plateau, and is answered by itself. `attributes` are those
    of the tree, also of that of a first search that is shown early.
    """
    settings, draw_seed = posterior.sampler, np.random.SeedSequence(seed.entropy, spawn_key=(1,))
    flat = [pair for pair, own in zip(trials.with_trials, candidates, strict=True) if not own]
    plateaus = [
        plateau_groups(trials, pair, (settings.chains, settings.draws), child_seed)
        for pair, child_seed in zip(flat, draw_seed.spawn(len(flat)), strict=True)
    ]
    if len(flat) == len(trials.searches):
        return join_groups(plateaus)
    candidates = [own for own in candidates if own]
    pairs = [pair for pair in trials.searches if pair not in flat]
    searches = _Searches(trials, pairs, candidates, posterior, attributes)
    return with_plateaus(_fit_laws(searches, seed), plateaus, trials.searches)


@dataclasses.dataclass(frozen=True)
class _Searches:
    """Searches with a law: `pairs`, of which those with `candidates`, their tails, are the first.

    `posterior` samples them, and `attributes` are those of the tree.
    """

    trials: Trials
    pairs: Sequence[Pair]
    candidates: Sequence[Sequence[xr.Dataset]]
    posterior: PosteriorSampler
    attributes: Mapping[str, Any]


def _fit_laws(searches: _Searches, seed: np.random.SeedSequence) -> Groups:
    """Return the groups of the searches."""
    posterior, one = searches.posterior, len(searches.candidates) == 1
    at_once = one or posterior.effective_dim == "integer" or len(searches.trials.reports) > 0
    if posterior.kind == "single":
        return join_groups(_fit_alone(searches, seed)[0])
    return _fit_threshold_sets(searches, seed) if at_once else _fit_in_two_stages(searches, seed)


def _fit_in_two_stages(searches: _Searches, seed: np.random.SeedSequence) -> Groups:
    """Return the groups of the tree, all searches fitted alone and then together.

    Each search is fitted again, given the population that was found for it, and all are pooled
    again.
    """
    alone_seed, pool_seed, again_seed = seed.spawn(3)
    alone, tails = _fit_alone(searches, alone_seed)
    posterior, candidates = searches.posterior, searches.candidates
    single = dataclasses.replace(posterior, kind="single")

    def refit(
        populations: Mapping[int, xr.Dataset],
    ) -> Iterator[tuple[int, Groups, xr.Dataset]]:
        posterior.progress.start("fitting again, given the others", len(populations), "searches")
        seeds = again_seed.spawn(len(populations))
        for (search, population), own_seed in zip(populations.items(), seeds, strict=True):
            posterior.progress.step(search_name(candidates[search][0]))
            own = candidates_in(alone[search]["candidates"], candidates[search])
            informed = [with_population(tail, population, posterior.kind) for tail in own]
            table, weight = alone[search]["candidates"], population["weight"].to_numpy()
            pair = searches.pairs[search]
            groups, tail = fit_again(
                searches.trials, pair, informed, table, weight, single, own_seed
            )
            yield search, groups, without_population(tail)

    return fit_together(alone, tails, posterior, pool_seed, refit, posterior.priors)


def candidates_in(table: xr.Dataset, candidates: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the candidate tails of one search in the order of `candidates` of its fit."""
    keys = [(str(tail["scale"][0].item()), int(tail["n_tail"][0])) for tail in candidates]
    own = table.isel(search=0)
    asked = zip(own["scale"].to_numpy().tolist(), own["n_tail"].to_numpy().tolist(), strict=True)
    try:
        return [candidates[keys.index((str(scale), int(n_tail)))] for scale, n_tail in asked]
    except ValueError:
        raise LeadlineError(
            "the stored trials of a fit do not give its thresholds; fit the searches again"
        ) from None


def fit_again(
    trials: Trials,
    pair: Pair,
    candidates: Sequence[xr.Dataset],
    table: xr.Dataset,
    weight: npt.NDArray[np.float64],
    posterior: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> tuple[Groups, xr.Dataset]:
    """Return the groups of one search fitted again, and its tail at the likeliest threshold.

    `candidates` are those of the group `table` of its first fit, whose tests and scores remain.
    `weight` is theirs now; those with hardly any are left out.
    """
    used = np.flatnonzero(weight >= min(_LEAST_WEIGHT, weight.max())).tolist()
    *seeds, mix_seed = seed.spawn(len(used) + 1)
    fits = [
        posterior.sample(candidates[int(number)], own)
        for number, own in zip(used, seeds, strict=True)
    ]
    names = ("kept", "elpd", "refitted", "p_value")
    evidence = pd.DataFrame({name: table[name].to_numpy()[0, used] for name in names})
    evidence = evidence.assign(weight=weight[used] / weight[used].sum())
    groups = _mixture_alone(trials, pair, fits, evidence, mix_seed)
    return groups, candidates[int(weight.argmax())]


def _fit_alone(
    searches: _Searches, seed: np.random.SeedSequence
) -> tuple[list[Groups], list[xr.Dataset]]:
    """Return the groups of the searches with candidates, each fitted alone, and their tails.

    The tail is that at the likeliest threshold.
    """
    posterior = dataclasses.replace(searches.posterior, kind="single")
    weighed = any(len(own) > 1 for own in searches.candidates)
    stage = "weighing thresholds" if weighed else "sampling"
    posterior.progress.start(stage, len(searches.candidates), "searches")
    found: list[Groups] = []
    tails: list[xr.Dataset] = []
    for number, child_seed in enumerate(seed.spawn(len(searches.candidates))):
        own = searches.candidates[number]
        posterior.progress.step(search_name(own[0]))
        fit_seed, mix_seed = child_seed.spawn(2)
        fits, evidence = fit_candidates(own, posterior, fit_seed)
        pair = searches.pairs[number]
        found.append(_mixture_alone(searches.trials, pair, fits, evidence, mix_seed))
        tails.append(fits[int(evidence["weight"].argmax())]["tails"].to_dataset())
        if len(searches.candidates) > 1:
            posterior.progress.answer(functools.partial(tree_of, found[-1], searches.attributes))
    return found, tails


def _fit_threshold_sets(searches: _Searches, seed: np.random.SeedSequence) -> Groups:
    """Return the groups of the tree, all searches fitted together to sets of thresholds."""
    trials, pairs, posterior = searches.trials, searches.pairs, searches.posterior
    fit_seed, test_seed, mix_seed = seed.spawn(3)
    complete = functools.partial(with_reports, trials=trials, priors=posterior.priors)

    def report_alone(
        search: int, fits: list[xr.DataTree], evidence: pd.DataFrame, seed: np.random.SeedSequence
    ) -> None:
        def make() -> xr.DataTree:
            pair, mix_seed = pairs[search], seed.spawn(1)[0]
            groups = _mixture_alone(trials, pair, fits, evidence, mix_seed)
            return tree_of(groups, searches.attributes)

        posterior.progress.answer(make)

    fits, shares = fit_jointly(searches.candidates, posterior, fit_seed, complete, report_alone)
    test = int(test_seed.generate_state(1)[0])
    evidence = [
        pd.DataFrame(
            {
                "kept": True,
                "weight": shares,
                "elpd": np.nan,
                "refitted": 0,
                "p_value": [p_value_of(part, test, search) for part in fits],
            }
        )
        for search in range(len(pairs))
    ]
    mixture = choose_draws(
        shares,
        [part["posterior"].sizes["draw"] for part in fits],
        (posterior.sampler.chains, posterior.sampler.draws),
        np.random.default_rng(mix_seed),
    )
    return mixture_tree(trials, pairs, fits, evidence, *mixture)


def _mixture_alone(
    trials: Trials,
    pair: Pair,
    fits: Sequence[xr.DataTree],
    evidence: pd.DataFrame,
    seed: np.random.SeedSequence,
) -> Groups:
    """Return the groups of the tree of one search, with as many draws as each of its fits."""
    sizes = [part["posterior"].sizes["draw"] for part in fits]
    shape = fits[0]["posterior"].sizes["chain"], sizes[0]
    weights = evidence["weight"].tolist()
    mixture = choose_draws(weights, sizes, shape, np.random.default_rng(seed))
    return mixture_tree(trials, [pair], fits, [evidence], *mixture)
