"""The result of a fit: one `xarray.DataTree`, of which every answer is a function."""

import datetime
import importlib.metadata
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from leadline.prepare import PreparedSearch
from leadline.priors import Priors
from leadline.trials import Trials
from leadline.trials import search_labels as search_labels

# What users ask for, then the parameters that the priors speak of.
_POSTERIOR = (
    "optimum",
    "effective_dim",
    "noise_sd",
    "tail_fraction",
    "spread",
    "gap",
    "noise_ratio",
    "reach",
    "effective_dim_probability",
)

# nutpie's names beside those of ArviZ's schema, which pymc.sample uses.
_STATISTICS = {
    "diverging": "diverging",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "energy": "energy",
    "logp": "lp",
    "mean_tree_accept": "acceptance_rate",
    "tree_depth": "tree_depth",
    "lp": "lp",
    "acceptance_rate": "acceptance_rate",
}

# Options may be NumPy numbers, which json does not know.
_plain = operator.methodcaller("item")

_LIBRARIES = ("leadline", "pymc", "pytensor", "nutpie", "arviz", "numpy", "xarray")


def one_dim_a_draw(posterior: xr.Dataset, seed: int) -> xr.Dataset:
    """Return the posterior with one effective dimension a draw.

    Where the effective dimension was summed out, one is drawn for each draw from its
    probabilities there, and what depends on it is picked accordingly.

    Parameters
    ----------
    posterior : Dataset
        What the sampler returned, dims (chain, draw) and perhaps (dimension).
    seed : int
        For the effective dimensions.
    """
    if "effective_dim_probability" in posterior:
        cumulative = posterior["effective_dim_probability"].cumsum("dimension").values
        u = np.random.default_rng(seed).random(cumulative.shape[:-1])
        # Scaled, because the probabilities add up to 1 only nearly.
        index = (u[..., None] * cumulative[..., -1:] >= cumulative).sum(axis=-1)
        chosen = xr.DataArray(index, dims=("chain", "draw"))
        posterior = posterior.copy()
        for name in ("spread", "tail_fraction"):
            posterior[name] = posterior[name].isel(dimension=chosen).drop_vars("dimension")
        picked = posterior["dimension"].values[index].astype(float)
        posterior["effective_dim"] = ("chain", "draw"), picked
    return posterior[[name for name in _POSTERIOR if name in posterior]]


def search_groups(
    posterior: xr.Dataset,
    statistics: xr.Dataset,
    densities: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    search: PreparedSearch,
    label: str,
) -> dict[str, xr.Dataset]:
    """Return the groups of the tree for one search, each variable with one data dimension.

    Parameters
    ----------
    posterior, statistics : Dataset, dims (chain, draw)
        Draws and sampler statistics.
    densities : pair of dict
        Log-likelihoods, shape (chain, draw, observation), and log-priors, shape (chain, draw).
    search : PreparedSearch
        The data.
    label : str
        Name of the search.
    """
    regime, trials = search.regime, search.trials
    draws = ("chain", "draw")
    names = np.array([f"{label}: {name}" for name in trials["trial"]])
    tail = names[regime.rows]
    repeated = regime.replicates > 1
    log_likelihood, log_prior = densities
    coords = {
        "search": [label],
        "task": ("search", [search.task]),
        "model": ("search", [search.model]),
    }

    observed: dict[str, Any] = {
        "score": ("tail_trial", search.sign * regime.loss),
        "in_regime": ("search", [regime.n_tail]),
    }
    likelihood: dict[str, Any] = {
        "score": ((*draws, "tail_trial"), log_likelihood["loss"]),
        # One observation: so many trials of n, however many seeds they had.
        "in_regime": ((*draws, "search"), log_likelihood["in_regime"].sum(-1, keepdims=True)),
    }
    observed_coords: dict[str, Any] = {"tail_trial": tail}
    if regime.replicated:
        freedom = regime.replicates[repeated] - 1
        variance = regime.sum_of_squares[repeated] / freedom
        observed["seed_variance"] = ("repeated_trial", variance)
        likelihood["seed_variance"] = (*draws, "repeated_trial"), log_likelihood["seed_variance"]
        observed_coords["repeated_trial"] = tail[repeated]
    constant: dict[str, Any] = {
        "threshold": ("search", [search.sign * regime.threshold]),
        "tail_scale": ("search", [regime.tail_scale]),
        "resolution": ("search", [regime.resolution]),
        "max_effective_dim": ("search", [search.max_effective_dim]),
        "n_trials": ("search", [len(trials)]),
        "n_complete": ("search", [int((trials["status"] == "complete").sum())]),
        "n_tail": ("search", [regime.n_tail]),
        # All trials; a failed or pruned one has no score.
        "trial_score": ("trial", trials["score"].to_numpy(dtype=float)),
        "trial_first_score": ("trial", trials["first_score"].to_numpy(dtype=float)),
        "trial_replicates": ("trial", trials["replicates"].to_numpy(dtype=int)),
        "trial_search": ("trial", np.array([label] * len(trials))),
    }
    if "cost" in trials:
        constant["trial_cost"] = ("trial", trials["cost"].to_numpy(dtype=float))
    kept = {old: new for old, new in _STATISTICS.items() if old in statistics}
    return {
        "posterior": posterior.expand_dims(search=1, axis=2).assign_coords(coords),
        "sample_stats": statistics[list(kept)]
        .rename(kept)
        .expand_dims(search=1, axis=2)
        .assign_coords(coords),
        # Without task and model: ArviZ's psense stacks variables, which must then all have them.
        "log_likelihood": xr.Dataset(likelihood, {"search": [label]} | observed_coords),
        "log_prior": xr.Dataset(
            {name: ((*draws, "search"), value[..., None]) for name, value in log_prior.items()},
            coords,
        ),
        "observed_data": xr.Dataset(observed, coords | observed_coords),
        "constant_data": xr.Dataset(constant, coords | {"trial": names}),
    }


def combine(
    searches: Sequence[dict[str, xr.Dataset]], attributes: Mapping[str, Any]
) -> xr.DataTree:
    """Return one tree from the groups of all searches.

    Parameters
    ----------
    searches : sequence of dict of Dataset
        What `search_groups` returned for each.
    attributes : mapping
        What `provenance` returned.
    """
    groups = {}
    for group in searches[0]:
        parts = [search[group] for search in searches]
        names = dict.fromkeys(name for part in parts for name in part.data_vars)
        merged = {
            name: xr.concat(
                [part[name] for part in parts if name in part],
                dim=_data_dim(next(part[name] for part in parts if name in part)),
            )
            for name in names
        }
        groups[group] = xr.Dataset(merged)
    if len(searches) == 1:
        # The form that ArviZ's sampling diagnostics expect.
        groups["sample_stats"] = groups["sample_stats"].squeeze("search", drop=True)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def _data_dim(values: xr.DataArray) -> str:
    dims = ("search", "tail_trial", "repeated_trial", "trial")
    return next(dim for dim in dims if dim in values.dims)


def provenance(
    trials: Trials, priors: Priors, settings: Mapping[str, Any]
) -> dict[str, str | int | float]:
    """Return where a fit comes from, as attributes that every file format can hold."""
    return {
        "direction": trials.direction,
        "metric": trials.metric,
        "source": trials.source,
        "search_sampler": trials.sampler or "unknown",
        "trials": str(trials),
        "priors": json.dumps(priors.to_dict(), default=_plain),
        "settings": json.dumps(settings, default=_plain),
        "versions": json.dumps({name: importlib.metadata.version(name) for name in _LIBRARIES}),
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
