"""The result of a fit: one `xarray.DataTree`, of which every answer is a function."""

import datetime
import importlib.metadata
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import binom

from leadline.data.columns import PARAM_PREFIX
from leadline.data.trials import Trials
from leadline.inference.averaging import AveragedSearch, FittedCandidate
from leadline.inference.reported_groups import add_reports
from leadline.models.priors import Priors

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
    "law_optimum",
    "law_spread",
    "law_noise_sd",
)

# The law on a scale that is not that of the scores.
_LAW = ("law_optimum", "law_spread", "law_noise_sd")

# Enough draws of each candidate for intervals in a picture.
_SAMPLES = 1000

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


def search_groups(averaged: AveragedSearch, label: str) -> dict[str, xr.Dataset]:
    """Return the groups of the tree for one search, each variable with one data dimension.

    Parameters
    ----------
    averaged : AveragedSearch
        The posterior and its candidates.
    label : str
        Name of the search.
    """
    mixed = averaged.in_mixture
    first = mixed[0].tail.search
    trials = first.trials
    draws = ("chain", "draw")
    names = np.array([f"{label}: {name}" for name in trials["trial"]], dtype=str)
    rows, edge = _shared_tail(averaged)
    tail = names[rows]
    replicates = trials["replicates"].to_numpy(dtype=int)
    repeated = replicates[rows] > 1
    coords = {
        "search": [label],
        "task": ("search", [first.task]),
        "model": ("search", [first.model]),
    }

    posterior = averaged.pick_dataset([one.tail.posterior for one in averaged.candidates])
    posterior = posterior[[name for name in _POSTERIOR if name in posterior]]
    thresholds = np.array([_threshold(one) for one in averaged.candidates])
    posterior["threshold"] = draws, thresholds[averaged.component]
    posterior["candidate"] = draws, averaged.component

    pointwise = [_log_likelihood(one, rows, edge) for one in averaged.candidates]
    likelihood: dict[str, Any] = {
        "score": ((*draws, "tail_trial"), averaged.pick([part["score"] for part in pointwise])),
        # One observation: so many trials of n, however many seeds they had.
        "in_regime": ((*draws, "search"), averaged.pick([part["in_regime"] for part in pointwise])),
    }
    score = trials["score"].to_numpy(dtype=float)
    observed: dict[str, Any] = {
        "score": ("tail_trial", score[rows]),
        "in_regime": ("search", [len(rows)]),
    }
    observed_coords: dict[str, Any] = {"tail_trial": tail}
    if repeated.any():
        freedom = replicates[rows][repeated] - 1
        sum_of_squares = trials["sum_of_squares"].to_numpy(dtype=float)[rows][repeated]
        observed["seed_variance"] = ("repeated_trial", sum_of_squares / freedom)
        likelihood["seed_variance"] = (
            (*draws, "repeated_trial"),
            # A candidate that no draw comes from may have none.
            averaged.pick([part.get("seed_variance", np.empty(0)) for part in pointwise]),
        )
        observed_coords["repeated_trial"] = tail[repeated]
    priors = xr.Dataset(
        {
            name: (draws, averaged.pick([one.tail.log_prior[name] for one in averaged.candidates]))
            for name in mixed[0].tail.log_prior
        }
    )
    statistics = averaged.pick_dataset(
        [_statistics(one.tail.statistics) for one in averaged.candidates]
    )
    constant: dict[str, Any] = {
        "threshold": ("search", [edge]),
        "resolution": ("search", [first.regime.resolution]),
        "max_effective_dim": ("search", [first.max_effective_dim]),
        "n_trials": ("search", [len(trials)]),
        "n_complete": ("search", [int((trials["status"] == "complete").sum())]),
        "n_tail": ("search", [len(rows)]),
        # All trials; a failed or pruned one has no score.
        "trial_score": ("trial", score),
        "trial_first_score": ("trial", trials["first_score"].to_numpy(dtype=float)),
        "trial_replicates": ("trial", replicates),
        "trial_search": ("trial", np.array([label] * len(trials), dtype=str)),
    }
    for name in trials.columns:
        if name in ("cost", "order") or name.startswith(PARAM_PREFIX):
            constant[f"trial_{name}"] = "trial", _storable(trials[name])
    groups = {
        "posterior": posterior.expand_dims(search=1, axis=2).assign_coords(coords),
        "sample_stats": statistics.expand_dims(search=1, axis=2).assign_coords(coords),
        # Without task and model: ArviZ's psense stacks variables, which must then all have them.
        "log_likelihood": xr.Dataset(likelihood, {"search": [label]} | observed_coords),
        "log_prior": priors.expand_dims(search=1, axis=2).assign_coords(coords),
        "observed_data": xr.Dataset(observed, coords | observed_coords),
        "constant_data": xr.Dataset(constant, coords | {"trial": names}),
        "candidates": _candidates(averaged).expand_dims(search=1).assign_coords(coords),
    }
    add_reports(groups, averaged, label)
    return groups


def _storable(values: pd.Series) -> np.ndarray:
    """Return a column as an array that netCDF can hold: numbers, else text."""
    if values.dtype.kind in "iufb":
        return values.to_numpy(dtype=float)
    return values.map(lambda value: "" if value is None else str(value)).to_numpy(dtype=str)


def _threshold(one: FittedCandidate) -> float:
    """Return the threshold of a candidate in score units."""
    search = one.candidate.search
    return float(search.score(search.regime.threshold))


def _shared_tail(averaged: AveragedSearch) -> tuple[np.ndarray, float]:
    """Return the places of the trials past the threshold of every candidate that was averaged.

    In their order; and their edge: the deepest threshold, in score units.
    """
    mixed = averaged.in_mixture
    rows = np.sort(mixed[0].tail.search.regime.rows)
    for one in mixed[1:]:
        rows = np.intersect1d(rows, one.tail.search.regime.rows)
    deepest = min(mixed, key=lambda one: one.tail.search.sign * _threshold(one))
    return rows, _threshold(deepest)


def _log_likelihood(one: FittedCandidate, rows: np.ndarray, edge: float) -> dict[str, np.ndarray]:
    """Return the log-likelihoods of the shared tail, shape (chain, draw, observation).

    Of its scores given that they are past `edge`, in score units; and of their number. A candidate
    that is not in the mixture may lack some of the trials; what stands for them is never used.
    """
    tail = one.tail
    search, regime = tail.search, tail.search.regime
    shape = tuple(tail.posterior.sizes[dim] for dim in ("chain", "draw"))
    order = np.argsort(regime.rows)
    place = np.searchsorted(regime.rows, rows, sorter=order)
    place = order[np.minimum(place, regime.n_tail - 1)]
    loss = search.sign * float(regime.scale.forward(np.float64(edge)))
    better = tail.log_better(loss) if edge != _threshold(one) else tail.log_better(regime.threshold)
    shift = (tail.log_better(regime.threshold) - better)[:, tail.group_of_trial[place]]
    score = tail.log_likelihood["loss"][..., place] + regime.log_slope[place]
    of_row = search.trials["replicates"].to_numpy(dtype=int)[rows]
    inside = np.array([(of_row == seeds).sum() for seeds in regime.group_replicates])
    counts = binom.logpmf(inside, regime.group_trials, np.exp(better)).sum(axis=1)
    result = {
        "score": score + shift.reshape(*shape, -1),
        "in_regime": counts.reshape(*shape, 1),
    }
    wanted = place[regime.replicates[place] > 1]
    if wanted.size:
        result["seed_variance"] = tail.log_likelihood["seed_variance"][
            ..., np.searchsorted(regime.repeated, wanted)
        ]
    return result


def _statistics(statistics: xr.Dataset) -> xr.Dataset:
    """Return the sampler statistics by the names of ArviZ's schema."""
    kept = {old: new for old, new in _STATISTICS.items() if old in statistics}
    return statistics[list(kept)].rename(kept)


def _candidates(averaged: AveragedSearch) -> xr.Dataset:
    """Return what was tried and what speaks for each, dims (candidate), some with (sample)."""
    fitted = averaged.candidates
    regimes = [one.tail.search.regime for one in fitted]
    columns: dict[str, Any] = {
        "scale": np.array([regime.scale.name for regime in regimes]),
        "threshold": [_threshold(one) for one in fitted],
        "n_tail": [regime.n_tail for regime in regimes],
        "tail_scale": [regime.tail_scale for regime in regimes],
        "kept": np.array([one.kept for one in fitted], dtype=np.int8),
        "weight": [one.weight for one in fitted],
        "elpd": [one.elpd for one in fitted],
        "refitted": [one.refitted for one in fitted],
        "p_value": [one.p_value for one in fitted],
        "divergences": [one.diagnostics.divergences for one in fitted],
        "max_rhat": [one.diagnostics.max_rhat for one in fitted],
        "min_ess_bulk": [one.diagnostics.min_ess_bulk for one in fitted],
        "min_ess_tail": [one.diagnostics.min_ess_tail for one in fitted],
        "min_bfmi": [one.diagnostics.min_bfmi for one in fitted],
    }
    table = xr.Dataset({name: ("candidate", value) for name, value in columns.items()})
    for name in ("optimum", "effective_dim", "noise_sd"):
        values = [one.tail.posterior[name].to_numpy().reshape(-1) for one in fitted]
        count = min(_SAMPLES, *map(len, values))
        picked = [value[np.linspace(0, len(value) - 1, count).astype(int)] for value in values]
        table[name] = ("candidate", "sample"), np.stack(picked)
    return table.assign_coords(candidate=np.arange(len(fitted)))


def combine(
    searches: Sequence[dict[str, xr.Dataset]],
    attributes: Mapping[str, Any],
    pooled: xr.Dataset | None = None,
) -> xr.DataTree:
    """Return one tree from the groups of all searches.

    Parameters
    ----------
    searches : sequence of dict of Dataset
        What `search_groups` returned for each.
    attributes : mapping
        What `provenance` returned.
    pooled : Dataset, optional
        What the searches share, when they were fitted together: dims (chain, draw), and of space,
        task and model. A group of its own, as `task` and `model` are names of searches elsewhere.
    """
    groups = {}
    for group in searches[0]:
        parts = [search[group] for search in searches]
        if group == "candidates":
            parts = _with_as_many_samples(parts)
        names = dict.fromkeys(name for part in parts for name in part.data_vars)
        groups[group] = xr.Dataset({name: _joined(str(name), parts) for name in names})
    if (groups["candidates"]["scale"].isin(["identity", ""])).all():
        groups["posterior"] = groups["posterior"].drop_vars(_LAW)
    if len(searches) == 1 or pooled is not None:
        # One sampler for all: the form that ArviZ's sampling diagnostics expect.
        statistics = groups["sample_stats"].isel(search=0, drop=True)
        groups["sample_stats"] = statistics.drop_vars(("task", "model"), errors="ignore")
    if pooled is not None:
        groups["pooled"] = pooled
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def _with_as_many_samples(candidates: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return the candidates of all searches with as many samples each, evenly spaced ones."""
    sizes = [one.sizes["sample"] for one in candidates]
    return [
        one.isel(sample=np.linspace(0, size - 1, min(sizes)).astype(int))
        for one, size in zip(candidates, sizes, strict=True)
    ]


def _joined(name: str, parts: Sequence[xr.Dataset]) -> xr.DataArray:
    """Return a variable of all searches; a hyperparameter that one lacks is missing there."""
    arrays = [part[name] for part in parts if name in part]
    dims = ("search", "tail_trial", "repeated_trial", "trial", "report")
    dim = next(dim for dim in dims if dim in arrays[0].dims)
    if dim == "trial":
        text = any(array.dtype.kind == "U" for array in arrays)
        arrays = [
            (part[name] if name in part else xr.full_like(part["trial_score"], np.nan))
            for part in parts
        ]
        if text:
            arrays = [
                array if array.dtype.kind == "U" else array.astype(str).where(array.notnull(), "")  # noqa: PD004
                for array in arrays
            ]
    # Searches may differ in their number of candidates.
    fill = {"U": "", "i": 0}.get(arrays[0].dtype.kind, np.nan)
    return xr.concat(arrays, dim=dim, join="outer", fill_value=fill)


def provenance(
    trials: Trials, priors: Priors, settings: Mapping[str, Any], notes: Sequence[str] = ()
) -> dict[str, str | int | float]:
    """Return where a fit comes from, as attributes that every file format can hold."""
    return {
        "direction": trials.direction,
        "metric": trials.metric,
        "source": trials.source,
        "search_sampler": trials.sampler or "unknown",
        "trials": str(trials),
        "notes": json.dumps([*trials.notes, *notes]),
        "priors": json.dumps(priors.to_dict(), default=_plain),
        "settings": json.dumps(settings, default=_plain),
        "versions": json.dumps({name: importlib.metadata.version(name) for name in _LIBRARIES}),
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
