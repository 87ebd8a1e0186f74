"""Draws of the parameters that searches share, given draws of each search fitted alone.

NUTS meets a few kernels in place of the draws of a search (`leadline.inference.draw_kernels`). Its
draws are then resampled by what all draws of the searches say (sampling importance resampling,
Rubin 1988): the kernels decide how well they are used, and not what the answer is.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from leadline.inference.compiled_models import ready_model
from leadline.inference.draw_kernels import kernels_of
from leadline.inference.draw_ratios import of_each_search, ratio_blocks
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.models import population
from leadline.models.likelihood import structure

Array = npt.NDArray[np.float64]

POPULATION = ("population_mean", "population_sd")
"""The population of each search, of which its evidence is a function."""

_TARGET_ACCEPT = 0.95

# Optima that are known well tie the parameters of a scaling law to its misfits. With a mass matrix
# that has these directions, trajectories are half as long.
_LOW_RANK = {"adaptation": "low_rank"}

# Kernels of a search: in a short run, whose populations need not be exact, and with these known.
# Errors of kernels add up over searches: of 86 searches with 128 kernels, half the draws are
# of use, and of 300 with 256.
_MANY = 150
_KERNELS_AT_FIRST, _KERNELS, _KERNELS_OF_MANY = 64, 128, 256

# Draws of the shared parameters for each that is kept. Scales of few searches mix slowly, and
# resampling needs draws to choose from. Draws of many searches take long.
_DRAWS_PER_KEPT, _DRAWS_OF_MANY = 2, 1


def sample_shared(
    evidence: Sequence[xr.Dataset],
    tails: xr.Dataset,
    sampler: PosteriorSampler,
    seeds: Sequence[np.random.SeedSequence],
) -> tuple[xr.DataTree, Mapping[str, Array]]:
    """Return draws of the shared parameters, and the log-densities of their priors by name.

    `evidence` are the draws of each search, as `search_draws.draws_of` returns them. The attribute
    `pareto_k` of the draws says whether their weights can be relied on.
    """
    kind, priors = sampler.kind, sampler.priors
    kernels = kernels_of(evidence, number_of_kernels(evidence))

    def build() -> tuple[pm.Model, pm.Model]:
        return tuple(
            population.build(kernels, tails, priors, kind, observe=observe)
            for observe in (True, False)
        )

    ready = ready_model(("population", kind, priors, structure(tails)), sampler.sampler, build)
    data = population.data_of(kernels, tails, kind)
    compiled = ready.compiled.with_sampler(settings_of(sampler, len(evidence))).with_data(data)
    drawn = compiled.sample_carefully(*(int(seed.generate_state(1)[0]) for seed in seeds))
    smoothed, pareto_k = array_stats.psislw(-log_weights(drawn, kernels, evidence))
    drawn = resampled(drawn, smoothed, sampler.sampler.draws)
    drawn.attrs["pareto_k"] = float(pareto_k)
    _, log_prior = ready.pointwise_logp(drawn["posterior"].to_dataset(), data)
    return drawn, log_prior


def number_of_kernels(evidence: Sequence[xr.Dataset]) -> int:
    """Return how many kernels each search has."""
    if not all("population_sd" in own for own in evidence):
        return _KERNELS_AT_FIRST
    return _KERNELS_OF_MANY if len(evidence) >= _MANY else _KERNELS


def settings_of(sampler: PosteriorSampler, searches: int) -> Sampler:
    """Return how the shared parameters of so many searches are sampled."""
    own = sampler.sampler
    low_rank = _LOW_RANK if sampler.kind == "scaling" and own.uses_nutpie else {}
    return dataclasses.replace(
        own,
        target_accept=_TARGET_ACCEPT,
        draws=(_DRAWS_OF_MANY if searches >= _MANY else _DRAWS_PER_KEPT) * own.draws,
        options={**low_rank, **own.options},
    )


def populations(posterior: xr.Dataset) -> tuple[Array, Array]:
    """Return means and sds of the population of each search, (sample, search, coordinate)."""
    mean, sd = (posterior[name].transpose("chain", "draw", ...).to_numpy() for name in POPULATION)
    # Views: of a thousand searches, a copy has a gigabyte.
    return mean.reshape(-1, *mean.shape[2:]), sd.reshape(-1, *sd.shape[2:])


def log_weights(drawn: xr.DataTree, kernels: xr.Dataset, evidence: Sequence[xr.Dataset]) -> Array:
    """Return the log-evidence of all draws of the searches less that of kernels (sample,)."""
    mean, sd = populations(drawn["posterior"].to_dataset())

    def of_search(search: int) -> Array:
        at_mean, at_sd = mean[:, search], sd[:, search]
        centre, variance, weight = (
            kernels[name].to_numpy()[None, search] for name in ("centre", "variance", "log_weight")
        )
        result = np.empty(len(mean))
        for block, _, log_mean in ratio_blocks(evidence[search], at_mean, at_sd):
            of_kernels = population.log_ratio(
                centre, at_mean[block], at_sd[block], variance, weight
            )
            result[block] = log_mean - logsumexp(of_kernels, axis=-1)
        return result

    return np.sum(of_each_search(of_search, len(evidence)), axis=0)


def resampled(drawn: xr.DataTree, log_weight: Array, count: int) -> xr.DataTree:
    """Return `count` draws of each chain, each as often as its weight says.

    `log_weight` (sample,) runs over the draws of all chains, chain by chain. The draws of a chain
    stay in order (systematic resampling), so that effective sample sizes count repeated draws
    once. A draw diverged if one since the last that was kept did.
    """
    diverging = drawn["sample_stats"]["diverging"].transpose("chain", "draw").to_numpy()
    weight = np.exp(log_weight - log_weight.max()).reshape(diverging.shape)
    ends = np.cumsum(weight, axis=-1)
    places = np.arange(1, count + 1) / count
    # The last place is at the end, but for rounding.
    kept = np.stack([np.searchsorted(own, own[-1] * places - 1e-12 * own[-1]) for own in ends])
    so_far = np.take_along_axis(np.cumsum(diverging, axis=-1), kept, axis=-1)
    so_far[:, -1] = diverging.sum(axis=-1)
    chain = xr.DataArray(np.arange(len(kept)), dims="chain")
    groups = {}
    for name in ("posterior", "sample_stats"):
        group = drawn[name].to_dataset().drop_vars(("chain", "draw"), errors="ignore")
        chosen = group.isel(chain=chain, draw=xr.DataArray(kept, dims=("chain", "draw")))
        groups[name] = chosen.transpose("chain", "draw", ...)
    since = np.diff(so_far, axis=-1, prepend=0) > 0
    groups["sample_stats"]["diverging"] = (("chain", "draw"), since)
    result = xr.DataTree.from_dict(groups)
    result.attrs.update(drawn.attrs)
    return result
