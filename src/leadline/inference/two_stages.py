"""Searches fitted together in two stages: each alone, then what they share.

Each search is fitted alone, over its thresholds (`leadline.inference.thresholds`). Given these
draws, the shared parameters are sampled (`leadline.models.population`), and each of their draws
picks one draw of every search. Thresholds are picked with the draws: a threshold whose optimum,
noise and effective dimension are like those of the other searches gains weight.

A pick is only as good as the draws to pick from. `overlap` is the share of the draws of a search
that the joint posterior uses, as an effective number; the effective
sample sizes of the search are multiplied by it (`leadline.stats.diagnostics.convergence`).
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import softmax

from leadline.inference.draw_ratios import log_ratios, of_each_search, ratio_blocks
from leadline.inference.posterior import PosteriorSampler, tasks_as_scores
from leadline.inference.shared_draws import POPULATION, populations, sample_shared
from leadline.inference.tree import join_groups, sampler_statistics
from leadline.models import crossed
from leadline.stats.diagnostics import diagnose

Groups = dict[str, xr.Dataset]

# How much wider the prior of a second fit is than the population: a pick may lie in its tails.
_WIDER = 1.3


@dataclasses.dataclass(frozen=True)
class Shared:
    """Draws of the parameters that searches share, and the draw of each search that each picks.

    `posterior` and `statistics` have dims (chain, draw, ...); `log_prior` the log-densities of
    priors by name, and `pareto_k` says whether their weights can be relied on. `picked` (chain,
    draw, search) and `overlap` (search,) are those of `pick_draws`.
    """

    posterior: xr.Dataset
    statistics: xr.Dataset
    log_prior: Mapping[str, npt.NDArray[np.float64]]
    pareto_k: float
    picked: xr.DataArray
    overlap: npt.NDArray[np.float64]


def pool_draws(
    evidence: Sequence[xr.Dataset],
    draws: Sequence[xr.Dataset],
    tails: xr.Dataset,
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> Shared:
    """Return draws of the shared parameters given those of each search.

    `evidence` are the draws of each search on which the shared parameters rest, and `draws` those
    from which they pick: the same, or of a second fit, as `search_draws.draws_of` returns them.
    `tails` are those of all searches, each at one of its thresholds
    (`leadline.data.tails.join_tails`).
    """
    pick_seed, *seeds = seed.spawn(4)
    drawn, log_prior = sample_shared(evidence, tails, sampler, seeds)
    posterior = drawn["posterior"].to_dataset()
    picked, overlap = pick_draws(draws, posterior, np.random.default_rng(pick_seed))
    statistics, pareto_k = drawn["sample_stats"].to_dataset(), drawn.attrs["pareto_k"]
    return Shared(posterior, statistics, log_prior, pareto_k, picked, overlap)


def pooled_groups(alone: Iterable[Groups], tails: xr.Dataset, pooled: Shared) -> Groups:
    """Return the groups of the tree of searches fitted together: each at the draws picked."""
    posterior, statistics = pooled.posterior, pooled.statistics
    own = [*POPULATION, *_standardised(posterior), "search", "coordinate"]
    shared = posterior.drop_vars(own, errors="ignore")
    diagnostics = dataclasses.replace(diagnose(shared, statistics), pareto_k=pooled.pareto_k)
    groups = join_groups(
        [
            _picked(own, pooled.picked.isel(search=search), float(pooled.overlap[search]))
            for search, own in enumerate(alone)
        ]
    )
    if "task_location" in shared:
        # As in the joint model, the mean optimum of the models of a task.
        alpha = groups["noisy_quadratic"]["alpha"].transpose("chain", "draw", "search").to_numpy()
        location = tails.attrs["loss_sign"] * alpha @ crossed.data_of(tails)["task_share"].T
        shared = shared.assign(task_location=shared["task_location"].copy(data=location))
    coords = {name: groups["posterior"][name] for name in ("chain", "draw")}
    groups["sample_stats"] = sampler_statistics(statistics).assign_coords(coords)
    groups["log_prior"] = _log_prior(groups["log_prior"]["reach"], pooled.log_prior)
    groups["pooled"] = tasks_as_scores(shared, tails).assign_coords(coords)
    groups["pooled"].attrs.update(dataclasses.asdict(diagnostics))
    return groups


def population_of(posterior: xr.Dataset, search: int, own: xr.Dataset) -> xr.Dataset:
    """Return the population of one search: `population_mean`, `population_sd` (search, coordinate).

    It is wider than in the joint fit (`_WIDER`), whose shared parameters are `posterior`. `own` are
    the draws of the search, as `search_draws.draws_of` returns them. `weight` (candidate) is the
    probability of each threshold given this population: the evidence for thresholds remains that of
    all populations. Weighed by how well each predicts under its own population, thresholds would
    agree with any.
    """
    found = posterior[list(POPULATION)].isel(search=search)
    mean = found["population_mean"].mean(("chain", "draw")).to_numpy()
    spread = found["population_mean"].var(("chain", "draw")).to_numpy()
    within = (found["population_sd"] ** 2).mean(("chain", "draw")).to_numpy()
    sd = _WIDER * np.sqrt(spread + within)
    dims = ("search", "coordinate")
    share = softmax(log_ratios(own, mean[None], sd[None])[0])
    weight = np.bincount(own["candidate"].to_numpy(), share)
    return xr.Dataset(
        {
            "population_mean": (dims, mean[None]),
            "population_sd": (dims, sd[None]),
            "weight": ("candidate", weight),
        }
    )


def with_population(tail: xr.Dataset, population: xr.Dataset, kind: str) -> xr.Dataset:
    """Return the tail of one search with the population that a joint fit of a kind found for it."""
    own = tail.assign({name: population[name].variable for name in POPULATION})
    return own.assign_attrs(population_of=kind)


def without_population(tail: xr.Dataset) -> xr.Dataset:
    """Return the tail of one search as it was before `with_population`."""
    bare = tail.drop_vars(POPULATION)
    del bare.attrs["population_of"]
    return bare


def pick_draws(
    draws: Sequence[xr.Dataset], shared: xr.Dataset, rng: np.random.Generator
) -> tuple[xr.DataArray, npt.NDArray[np.float64]]:
    """Return the draw of each search that a draw of the shared parameters picks, and the overlap.

    `draws` are those of `draws_of`; `shared` (chain, draw, search, ...) holds the populations.
    The picks (chain, draw, search) are positions among all draws of the search fitted alone. The
    overlap (search,) is the effective number of draws that are picked, as a share of all.
    """
    mean, sd = populations(shared)
    count, searches = len(mean), len(draws)
    points = rng.random((searches, count))

    def of_search(search: int) -> tuple[npt.NDArray[np.intp], float]:
        own = draws[search]
        picks, used = np.empty(count, dtype=int), np.zeros(own.sizes["draw"])
        for block, ratio, _ in ratio_blocks(own, mean[:, search], sd[:, search]):
            ends = np.cumsum(ratio, axis=-1, dtype=float)
            used += (1.0 / ends[:, -1]) @ ratio
            point = points[search, block] * ends[:, -1]
            picks[block] = [
                np.searchsorted(row, value) for row, value in zip(ends, point, strict=True)
            ]
        return picks, (used / count).sum() ** 2 / (np.square(used / count).sum() * len(used))

    picks, overlap = zip(*of_each_search(of_search, searches), strict=True)
    shape = shared.sizes["chain"], shared.sizes["draw"], searches
    numbers = np.stack(picks, axis=-1).reshape(shape)
    return xr.DataArray(numbers, dims=("chain", "draw", "search")), np.array(overlap)


def _standardised(posterior: xr.Dataset) -> list[str]:
    return [str(name) for name in posterior.data_vars if str(name).endswith("_offset")]


def _picked(own: Groups, picked: xr.DataArray, overlap: float) -> Groups:
    """Return the groups of one search at the draws that were picked."""
    draws = own["posterior"].sizes["draw"]
    picked = picked.drop_vars(("chain", "draw"), errors="ignore")
    result = {}
    own = own | {"log_prior": own["log_prior"][["reach"]]}
    for name, group in own.items():
        if "draw" in group.dims:
            bare = group.drop_vars(("chain", "draw"), errors="ignore")
            group = bare.isel(chain=picked // draws, draw=picked % draws).transpose(
                "chain", "draw", ...
            )
            group = group.assign_coords(
                chain=np.arange(group.sizes["chain"]), draw=np.arange(group.sizes["draw"])
            )
        result[name] = group
    table = result["candidates"]
    numbers = result["posterior"]["candidate"].to_numpy().ravel().astype(int)
    weight = np.bincount(numbers, minlength=table.sizes["candidate"]) / len(numbers)
    shares = table["weight"].copy(data=weight.reshape(table["weight"].shape))
    result["candidates"] = table.assign(weight=shares, overlap=("search", [overlap]))
    return result


def _log_prior(reach: xr.DataArray, shared: Mapping[str, npt.NDArray[np.float64]]) -> xr.Dataset:
    """Return the log-priors that are scaled to measure prior sensitivity (see `tree`)."""
    parts = {
        name: xr.DataArray(values, dims=("chain", "draw")).broadcast_like(
            reach.drop_vars(list(reach.coords))
        )
        for name, values in shared.items()
        if values.ndim == 2 and not name.endswith("_offset")
    }
    return xr.Dataset(
        {
            **{
                name: (reach.dims, part.transpose(*reach.dims).to_numpy())
                for name, part in parts.items()
            },
            "reach": reach,
        }
    )
