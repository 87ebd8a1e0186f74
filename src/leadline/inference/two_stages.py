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
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr
from scipy.special import softmax

from leadline.inference.compiled_models import ready_model
from leadline.inference.posterior import PosteriorSampler, tasks_as_scores
from leadline.inference.tree import join_groups, sampler_statistics
from leadline.models import crossed, population
from leadline.models.likelihood import structure
from leadline.models.scaled_depth import edge_and_scale
from leadline.stats.diagnostics import diagnose

Groups = dict[str, xr.Dataset]

# Draws of each search from which the shared parameters are inferred. Four times as many change
# their posterior means by 0.03 sds.
_POOL = 1000

_TARGET_ACCEPT = 0.95

# How much wider the prior of a second fit is than the population: a pick may lie in its tails.
_WIDER = 1.3

# Draws of the shared parameters for which picks are made at once, which bounds the memory.
_BLOCK = 500

_POPULATION = ("population_mean", "population_sd")


def pool(
    alone: Sequence[Groups],
    tails: xr.Dataset,
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> Groups:
    """Return the groups of the tree of searches fitted together, from those of each alone.

    `alone` has the groups of each search, and `tails` its tail at one of its thresholds
    (`leadline.data.tails.join_tails`). `sampler` holds the kind of the joint model.
    """
    pick_seed, first, second = seed.spawn(3)
    draws = draws_alone(alone, tails, sampler.kind)
    count = min(_POOL, *(own.sizes["draw"] for own in draws))
    some = xr.concat(
        [own.isel(draw=np.linspace(0, own.sizes["draw"] - 1, count).astype(int)) for own in draws],
        dim="search",
    )
    drawn, log_prior = _sample_shared(some, tails, sampler, (first, second))
    posterior = drawn["posterior"].to_dataset()
    statistics = drawn["sample_stats"].to_dataset()
    populations = posterior[list(_POPULATION)]
    picked, overlap = pick_draws(draws, populations, np.random.default_rng(pick_seed))
    own = [*_POPULATION, *_standardised(posterior), "search", "coordinate"]
    shared = posterior.drop_vars(own, errors="ignore")
    diagnostics = diagnose(shared, statistics)
    groups = join_groups(
        [
            _picked(own, picked.isel(search=search), float(overlap[search]))
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
    groups["log_prior"] = _log_prior(groups["log_prior"]["reach"], log_prior)
    groups["populations"] = populations
    groups["pooled"] = tasks_as_scores(shared, tails).assign_coords(coords)
    groups["pooled"].attrs.update(dataclasses.asdict(diagnostics))
    return groups


def with_population(tail: xr.Dataset, groups: Groups, kind: str, search: int) -> xr.Dataset:
    """Return the tail of one search with the population that a joint fit found for it.

    It is wider than in the joint fit (`_WIDER`), whose groups are `groups`.
    """
    found = groups["populations"].isel(search=search)
    mean = found["population_mean"].mean(("chain", "draw")).to_numpy()
    spread = found["population_mean"].var(("chain", "draw")).to_numpy()
    within = (found["population_sd"] ** 2).mean(("chain", "draw")).to_numpy()
    sd = _WIDER * np.sqrt(spread + within)
    dims = ("search", "coordinate")
    own = tail.assign(population_mean=(dims, mean[None]), population_sd=(dims, sd[None]))
    return own.assign_attrs(population_of=kind)


def without_population(tail: xr.Dataset) -> xr.Dataset:
    """Return the tail of one search as it was before `with_population`."""
    bare = tail.drop_vars(_POPULATION)
    del bare.attrs["population_of"]
    return bare


def draws_alone(alone: Sequence[Groups], tails: xr.Dataset, kind: str) -> list[xr.Dataset]:
    """Return the draws of searches fitted alone: `z` (draw, coordinate) and `log_base` (draw).

    They are all draws, chain by chain, as `leadline.models.population.build` takes them.
    """
    result = []
    for search, own in enumerate(alone):
        values = {
            str(name): group[name].to_numpy()[..., 0].reshape(-1)
            for group in (own["posterior"], own["noisy_quadratic"])
            for name in ("effective_dim", "noise_ratio", "gap", "alpha", "threshold", "sigma")
            if name in group
        }
        own_alone = ("reach", "guided_dim", "guided_root")
        densities = own["log_prior"].drop_vars(own_alone, errors="ignore")
        log_prior = sum(
            densities[name].to_numpy()[..., 0].reshape(-1) for name in densities.data_vars
        )
        upper = float(tails["max_effective_dim"][search]) - 1.0
        # Draws within rounding of a bound count as just inside.
        excess = np.clip(values["effective_dim"] - 1.0, 1e-9 * upper, (1.0 - 1e-9) * upper)
        depth = np.log(values["gap"]) if kind == "hierarchical" else values["alpha"]
        noise = np.log(values["noise_ratio"])
        # The slopes of the parameters of the priors by the coordinates.
        log_slope = noise
        if "effective_dim" in densities:
            log_slope = log_slope + np.log(excess) + np.log1p(-excess / upper)
        if kind == "hierarchical":
            log_slope = log_slope + depth
        else:
            of_draws = {"threshold": values["threshold"], "tail_scale": 0.0}
            edge, _ = edge_and_scale(of_draws, values["sigma"])
            log_slope = log_slope - np.log((edge - values["alpha"]) / values["gap"])
        z = np.stack([np.log(excess) - np.log1p(-excess / upper), noise, depth], axis=-1)
        result.append(
            xr.Dataset(
                {"z": (("draw", "coordinate"), z), "log_base": ("draw", log_prior + log_slope)}
            )
        )
    return result


def pick_draws(
    draws: Sequence[xr.Dataset], shared: xr.Dataset, rng: np.random.Generator
) -> tuple[xr.DataArray, npt.NDArray[np.float64]]:
    """Return the draw of each search that a draw of the shared parameters picks, and the overlap.

    `draws` are those of `draws_alone`; `shared` (chain, draw, search, ...) holds the populations.
    The picks (chain, draw, search) are positions among all draws of the search fitted alone. The
    overlap (search,) is the effective number of draws that are picked, as a share of all.
    """
    stacked = shared.stack(sample=("chain", "draw")).transpose("sample", ...)
    count, searches = stacked.sizes["sample"], len(draws)
    no_kernel = np.zeros(len(population.COORDINATES))
    picks, overlap = np.empty((count, searches), dtype=int), np.empty(searches)
    for search, own in enumerate(draws):
        mean, sd = (stacked[name].to_numpy()[:, search] for name in _POPULATION)
        used = np.zeros(own.sizes["draw"])
        for start in range(0, count, _BLOCK):
            block = slice(start, start + _BLOCK)
            ratio = population.log_ratio(
                own["z"].to_numpy(), mean[block], sd[block], no_kernel, own["log_base"].to_numpy()
            )
            probability = softmax(ratio, axis=-1)
            used += probability.sum(axis=0)
            ends = np.cumsum(probability, axis=-1)
            point = rng.random((len(ends), 1)) * ends[:, -1:]
            picks[block, search] = (ends < point).sum(axis=-1)
        overlap[search] = (used / count).sum() ** 2 / (np.square(used / count).sum() * len(used))
    shape = shared.sizes["chain"], shared.sizes["draw"], searches
    return xr.DataArray(picks.reshape(shape), dims=("chain", "draw", "search")), overlap


def _sample_shared(
    draws: xr.Dataset,
    tails: xr.Dataset,
    sampler: PosteriorSampler,
    seeds: tuple[np.random.SeedSequence, np.random.SeedSequence],
) -> tuple[xr.DataTree, Mapping[str, npt.NDArray[np.float64]]]:
    """Return draws of the shared parameters, and the log-densities of their priors by name."""
    kind, priors = sampler.kind, sampler.priors

    def build() -> tuple[pm.Model, pm.Model]:
        return tuple(
            population.build(draws, tails, priors, kind, observe=observe)
            for observe in (True, False)
        )

    ready = ready_model(("population", kind, priors, structure(tails)), sampler.sampler, build)
    settings = dataclasses.replace(sampler.sampler, target_accept=_TARGET_ACCEPT)
    data = population.data_of(draws, tails, kind)
    compiled = ready.compiled.with_sampler(settings).with_data(data)
    drawn = compiled.sample_carefully(*(int(seed.generate_state(1)[0]) for seed in seeds))
    _, log_prior = ready.pointwise_logp(drawn["posterior"].to_dataset(), data)
    return drawn, log_prior


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
