"""The result of a fit: one `xarray.DataTree`, of which every answer is a function."""

import datetime
import functools
import importlib.metadata
import json
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.columns import PARAM_PREFIX
from leadline.data.trials import Trials, search_labels
from leadline.data.validate import COVARIATES
from leadline.inference.candidates_table import candidate_numbers, candidates_table
from leadline.inference.mixture import mix
from leadline.inference.shared_tail import log_likelihood, shared_tail, threshold_scores
from leadline.models.likelihood import positions
from leadline.models.priors import Priors
from leadline.models.surface import SurfacePriors

# Answers first, then the parameters of the priors.
_POSTERIOR = (
    "optimum",
    "effective_dim",
    "noise_sd",
    "tail_fraction",
    "spread",
    "gap",
    "noise_ratio",
    "reach",
    "guided_dim",
    "guided_root",
    "effective_dim_probability",
)

# Names in ArviZ's schema, which pymc.sample uses, of statistics of nutpie.
_RENAMED = {"depth": "tree_depth", "logp": "lp", "mean_tree_accept": "acceptance_rate"}
_STATISTICS = ("diverging", "n_steps", "step_size", "energy", *_RENAMED.values())

_LIBRARIES = ("leadline", "pymc", "pytensor", "nutpie", "arviz", "numpy", "xarray")

# Searches may differ in their number of candidates: values of those that a search lacks.
_FILL = {
    "scale": "",
    "kept": 0,
    "refitted": 0,
    "n_tail": 0,
    "divergences": 0,
    "discarded_divergences": 0,
}

# Along the first of these that a variable has, the trees of searches are concatenated.
_LABELS = ("task", "model")
_JOINED_DIMS = ("search", "tail_trial", "repeated_trial", "trial", "report")


def mixture_tree(
    trials: Trials,
    pairs: Sequence[tuple[str, str]],
    parts: Sequence[xr.DataTree],
    evidence: Sequence[pd.DataFrame],
    component: npt.NDArray[np.intp],
    index: npt.NDArray[np.intp],
) -> dict[str, xr.Dataset]:
    """Return the groups of the tree for searches that were fitted together, or for one search.

    `parts` are fits of the searches `pairs`, each a (task, model), at different thresholds.
    `evidence` has, for each search, one row per part (see `candidates_table`).
    `component` and `index` (chain, draw) are the mixture of `choose_draws`.
    """
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    names = [labels[pair] for pair in pairs]
    numbers = np.stack([candidate_numbers(parts, search) for search in range(len(pairs))], axis=1)
    candidates = [
        candidates_table(parts, numbers[:, search], evidence[search], search)
        for search in range(len(pairs))
    ]
    # Parts without draws in the mixture do not count for its shared tail.
    used, component = np.unique(component, return_inverse=True)
    component = component.reshape(index.shape)
    parts, numbers = [parts[number] for number in used], numbers[used]
    thresholds = np.stack([threshold_scores(part) for part in parts])

    def mixed(datasets: Sequence[xr.Dataset]) -> xr.Dataset:
        return mix(datasets, component, index)

    def group_of(group: str) -> list[xr.Dataset]:
        return [part[group].to_dataset() for part in parts]

    posterior = mixed([own[[n for n in _POSTERIOR if n in own]] for own in group_of("posterior")])
    dims = ("chain", "draw", "search")
    shared = [shared_tail(parts, search) for search in range(len(pairs))]
    pooled = mixed(group_of("pooled")) if parts[0]["pooled"].data_vars else xr.Dataset()
    groups = {
        "posterior": posterior.assign(
            threshold=(dims, thresholds[component]), candidate=(dims, numbers[component])
        ),
        "noisy_quadratic": mixed(group_of("noisy_quadratic")),
        "sample_stats": mixed([sampler_statistics(own) for own in group_of("sample_stats")]),
        "log_likelihood": mixed([log_likelihood(part, shared) for part in parts]),
        "log_prior": mixed([_log_prior(part) for part in parts]),
        "candidates": xr.concat(candidates, dim="search", join="outer", fill_value=_FILL),
    }
    groups |= data_groups(trials, pairs, names, parts[0]["tails"].dataset, shared)
    if "reported_trials" in pooled:
        unknown = np.isnan(groups["constant_data"]["report_best_of"].to_numpy())
        counts = pooled["reported_trials"].to_numpy()
        groups["posterior"] = (
            groups["posterior"]
            .assign(reported_trials=(("chain", "draw", "report"), counts))
            .assign_coords(report=groups["constant_data"]["report"].to_numpy()[unknown])
        )
    labels_of_search = {
        "search": names,
        "task": ("search", [task for task, _ in pairs]),
        "model": ("search", [model for _, model in pairs]),
    }
    for name, group in groups.items():
        if "search" in group.dims:
            # Without task and model: ArviZ's psense stacks variables, which must all have them.
            coords = {"search": names} if name == "log_likelihood" else labels_of_search
            groups[name] = group.drop_vars("space", errors="ignore").assign_coords(coords)
    for dim, labels_of_dim in groups["observed_data"].coords.items():
        if dim in groups["log_likelihood"].dims and dim != "search":
            groups["log_likelihood"] = groups["log_likelihood"].assign_coords({dim: labels_of_dim})
    if pooled.data_vars:
        groups["pooled"] = pooled.drop_vars("reported_trials", errors="ignore")
    return groups


def with_plateaus(
    groups: dict[str, xr.Dataset],
    plateaus: Sequence[dict[str, xr.Dataset]],
    searches: Sequence[tuple[str, str]],
) -> dict[str, xr.Dataset]:
    """Return the groups of a fit with those of searches that end in a plateau, in this order.

    The statistics of the sampler remain those of the fit.
    """
    if not plateaus:
        return groups
    kept = {name: groups[name] for name in ("sample_stats", "pooled") if name in groups}
    if "pooled" in kept:
        # Two stages leave numbers of searches there, which no variable has.
        kept["pooled"] = kept["pooled"].drop_vars("search", errors="ignore")
    # The labels of a search belong to its name: variables that a search lacks have none.
    others = [
        {
            name: group.drop_vars(_LABELS, errors="ignore")
            for name, group in own.items()
            if name not in kept
        }
        for own in (groups, *plateaus)
    ]
    joined = _join(others)
    if "overlap" in joined["candidates"]:
        joined["candidates"] = joined["candidates"].fillna({"overlap": 1.0})
    names = search_labels(searches)
    labels = zip(_LABELS, zip(*searches, strict=True), strict=True)
    coords = {label: ("search", list(values)) for label, values in labels}
    for name, group in joined.items():
        if "search" in group.dims:
            own = {} if name == "log_likelihood" else coords
            joined[name] = group.sel(search=names).assign_coords(own)
    return joined | kept


def join_groups(searches: Sequence[dict[str, xr.Dataset]]) -> dict[str, xr.Dataset]:
    """Return the groups of searches that were fitted alone as those of one tree."""
    if len(searches) == 1:
        return searches[0]
    # Only NUTS has more statistics than divergences.
    common = set.intersection(*(set(own["sample_stats"].data_vars) for own in searches))
    for own in searches:
        # Each search was sampled by itself: the statistics get the dim `search`.
        like = own["posterior"]
        statistics = own["sample_stats"][sorted(common, key=str)]
        statistics = statistics.expand_dims(search=like["search"].to_numpy(), axis=2)
        labels = {name: like[name] for name in ("task", "model")}
        own["sample_stats"] = statistics.assign_coords(labels)
    return _join(searches)


def _join(searches: Sequence[dict[str, xr.Dataset]]) -> dict[str, xr.Dataset]:
    """Return the groups of all searches, concatenated; what a search lacks is missing there."""
    joined = {
        group: xr.Dataset(
            {name: _joined(str(name), [own[group] for own in searches]) for name in names}
        )
        for group in searches[0]
        if (names := dict.fromkeys(name for own in searches for name in own[group].data_vars))
    }
    for group in ("log_prior", "log_likelihood"):
        # A search without guided trials has no term of them, which adds nothing to a sum.
        own = [name for name in joined[group] if str(name).startswith("guided")]
        joined[group] = joined[group].assign(
            {name: joined[group][name].fillna(0.0) for name in own}
        )
    return joined


def tree_of(groups: Mapping[str, xr.Dataset], attributes: Mapping[str, Any]) -> xr.DataTree:
    """Return the tree of the groups, with the attributes of `provenance`."""
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes)
    return tree


def _joined(name: str, parts: Sequence[xr.Dataset]) -> xr.DataArray:
    """Return a variable of all searches; a hyperparameter that a search lacks is missing there."""
    arrays = [part[name] for part in parts if name in part]
    dim = next((dim for dim in _JOINED_DIMS if dim in arrays[0].dims), "search")
    if len(parts) == 1 and dim in arrays[0].dims:
        # What `concat` would return, after a millisecond.
        return arrays[0]
    if dim == "search" and len(arrays) < len(parts):
        like = arrays[0]
        arrays = [part[name] if name in part else _missing(like, part) for part in parts]
    if dim == "trial":
        text = any(array.dtype.kind == "U" for array in arrays)
        missing = "" if text else np.nan
        arrays = [
            part.get(name, xr.full_like(part["trial_score"], missing, type(missing)))
            for part in parts
        ]
        if text:
            arrays = [
                array if array.dtype.kind == "U" else array.astype(str).where(array.notnull(), "")  # noqa: PD004
                for array in arrays
            ]
    fill = {"U": "", "i": 0}.get(arrays[0].dtype.kind, np.nan)
    return xr.concat(arrays, dim=dim, join="outer", fill_value=fill)


def _missing(like: xr.DataArray, part: xr.Dataset) -> xr.DataArray:
    """Return a variable like another, missing in all searches of a part."""
    labels = {name: part.coords[name] for name in ("search", *_LABELS) if name in part.coords}
    some = like.isel(search=np.zeros(part.sizes.get("search", 1), dtype=int))
    return xr.full_like(some, np.nan, float).assign_coords(labels)


def sampler_statistics(statistics: xr.Dataset) -> xr.Dataset:
    """Return the sampler statistics by the names of ArviZ's schema."""
    renamed = statistics.rename({old: new for old, new in _RENAMED.items() if old in statistics})
    return renamed[[name for name in _STATISTICS if name in renamed]]


def _log_prior(part: xr.DataTree) -> xr.Dataset:
    """Return the log-priors that are scaled to measure prior sensitivity, dims (..., search).

    For a search alone, all are scaled. Where searches share parameters, only their priors and that
    of the noiseless tail probability are: given the shared parameters, the distribution of those
    of each search is part of the model (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5).
    """
    densities = part["log_prior"].to_dataset()
    names = [str(name) for name in densities.data_vars]
    if any(densities[name].ndim == 2 for name in names):
        # The optima of a crossed model have one density too.
        own = {"gap", *(name for name in names if name.endswith("_offset"))}
        shared = [name for name in names if densities[name].ndim == 2 and name not in own]
        dimension = densities.get("pooled_effective_dim")
        densities = densities[[*shared, "reach"]]
        # One integer per space is a shared parameter, with a density per search of the space.
        if dimension is not None and dimension.dims[2:] == ("space",):
            space = xr.DataArray(positions(part["tails"]["space"].to_numpy()), dims="search")
            dimension = dimension.drop_vars("space", errors="ignore").isel(space=space)
            densities = densities.assign(pooled_effective_dim=dimension)
    like = part["noisy_quadratic"]["alpha"].drop_vars(("task", "model", "space"), errors="ignore")
    return densities.drop_vars(("search", "space"), errors="ignore").map(
        lambda density: density.broadcast_like(like).transpose("chain", "draw", "search")
    )


def data_groups(
    trials: Trials,
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str],
    tails: xr.Dataset,
    shared: Sequence[tuple[npt.NDArray[np.intp], float]],
) -> dict[str, xr.Dataset]:
    """Return `observed_data`, the shared tails, and `constant_data`, all trials and the settings.

    `names` are the labels of the searches `pairs`, and `shared` their `shared_tail`.
    """
    tables, observed = [], []
    first = trials.table[trials.table["status"] != "running"].drop_duplicates(
        ["task", "model", "trial"]
    )
    for pair, name, (rows, _) in zip(pairs, names, shared, strict=True):
        table = trials.search(*pair).per_trial()
        own = first[(first["task"] == pair[0]) & (first["model"] == pair[1])]["score"].to_numpy()
        table["first_score"] = np.where(table["status"] == "complete", own, np.nan)
        table["label"] = [f"{name}: {trial}" for trial in table["trial"]]
        table["search"] = name
        tables.append(table)
        observed.append(table.iloc[rows])
    everything = pd.concat([table for table in tables if len(table)], ignore_index=True)
    beyond = pd.concat(observed, ignore_index=True)
    repeated = beyond[beyond["replicates"] > 1]
    observed_data = xr.Dataset(
        {
            "score": ("tail_trial", beyond["score"].to_numpy(dtype=float)),
            "in_regime": ("search", [len(rows) for rows, _ in shared]),
        },
        {"tail_trial": beyond["label"].to_numpy(dtype=str)},
    )
    if len(repeated):
        variance = repeated["sum_of_squares"] / (repeated["replicates"] - 1)
        observed_data["seed_variance"] = "repeated_trial", variance.to_numpy(dtype=float)
        observed_data.coords["repeated_trial"] = repeated["label"].to_numpy(dtype=str)
    complete = [int((table["status"] == "complete").sum()) for table in tables]
    constant: dict[str, Any] = {
        "threshold": ("search", [edge for _, edge in shared]),
        "resolution": ("search", tails["resolution"].to_numpy()),
        "max_effective_dim": ("search", tails["max_effective_dim"].to_numpy()),
        "n_trials": ("search", [len(table) for table in tables]),
        "n_complete": ("search", complete),
        "n_tail": ("search", [len(rows) for rows, _ in shared]),
        **{name: ("search", tails[name].to_numpy()) for name in COVARIATES if name in tails},
        # A failed or pruned trial has no score.
        "trial_score": ("trial", everything["score"].to_numpy(dtype=float)),
        "trial_first_score": ("trial", everything["first_score"].to_numpy(dtype=float)),
        "trial_replicates": ("trial", everything["replicates"].to_numpy(dtype=int)),
        "trial_search": ("trial", everything["search"].to_numpy(dtype=str)),
    }
    for column in everything.columns:
        if column in ("cost", "order") or column.startswith(PARAM_PREFIX):
            constant[f"trial_{column}"] = "trial", _storable(everything[column])
    constant_data = xr.Dataset(constant, {"trial": everything["label"].to_numpy(dtype=str)})
    if "report" in tails.sizes:
        search = tails["report_search"].to_numpy()
        counts = np.concatenate([np.arange(n) for n in np.bincount(search) if n])
        report = [
            f"{names[own]}: report {count + 1}" for own, count in zip(search, counts, strict=True)
        ]
        reports = pd.concat([trials.search(*pair).reports for pair in pairs])
        observed_data["reported"] = "report", reports["score"].to_numpy(dtype=float)
        constant_data["report_best_of"] = "report", tails["report_trials"].to_numpy()
        constant_data["report_search"] = "report", np.array(names)[search]
        for group in (observed_data, constant_data):
            group.coords["report"] = np.array(report)
    return {"observed_data": observed_data, "constant_data": constant_data}


def _storable(values: pd.Series) -> np.ndarray:
    """Return a column as an array that netCDF can hold: numbers, else text."""
    if values.dtype.kind in "iufb":
        return values.to_numpy(dtype=float)
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=str)


@functools.cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def provenance(
    trials: Trials,
    priors: Priors | SurfacePriors,
    settings: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> dict[str, str | int | float]:
    """Return where a fit comes from, as attributes that every file format can hold."""
    described = {
        "direction": trials.direction,
        "metric": trials.metric,
        "source": trials.source,
        "search_sampler": trials.sampler or "unknown",
        "cost_unit": trials.cost_unit,
        "trials": str(trials),
    }
    return provenance_of(described, priors, settings, [*trials.notes, *notes])


def provenance_of(
    described: Mapping[str, str],
    priors: Priors | SurfacePriors,
    settings: Mapping[str, Any],
    notes: Sequence[str],
) -> dict[str, str | int | float]:
    """Return the attributes of `provenance`; `described` are those of the trials."""
    # Options may be NumPy numbers, which json does not accept.
    dumps = functools.partial(json.dumps, default=operator.methodcaller("item"))
    return {
        **described,
        "notes": dumps(list(notes)),
        "priors": dumps(priors.to_dict()),
        "settings": dumps(settings),
        "versions": dumps(_versions()),
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
