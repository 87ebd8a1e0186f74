"""The likelihood of the tails of searches, stated once for all models.

Some of the n trials of a search, failures included, score better than the threshold theta, where
the quadratic law of arXiv:2510.02721 holds. Their expected losses are
``alpha + (beta − alpha) U^(2/gamma)``, and their measured losses have normal noise on top. All
other trials contribute only the fact that they are not beyond the threshold. A search is two
observed variables, and a third one where trials were repeated:

* ``in_regime ~ Binomial(n, F(theta))``, one count for each number of seeds per trial;
* ``loss ~ TailScore``, the noisy quadratic truncated at the threshold; the mean of m seeds has
  noise ``sigma / sqrt(m)``;
* ``seed_variance ~ Gamma``, the sample variance over the seeds of a trial:
  ``(m − 1) s² / sigma² ~ chi²(m − 1)``.

Trials that a sampler chose, in a search with a random share, are a variable of their own, `guided`
(`leadline.models.guided`).

The parameters of a search have no units, so that priors apply to any metric and searches can be
pooled (`leadline.models.priors`):

* ``effective_dim``, gamma, between 1 and the number of hyperparameters;
* ``noise_ratio = sigma / noise scale``, the tail scale of the best fifth of all trials;
* ``gap = (edge − alpha) / depth scale``, the scaled depth of the optimum, with
  ``edge = theta + 2 sigma`` and ``depth scale = tail scale + sigma / 2``;
* ``reach = ((edge − alpha) / (beta − alpha))^(gamma/2)``, the probability that the expected loss of
  a trial is below the edge. It replaces beta, which only measures how much probability lies there.

Noise takes trials beyond the threshold whose expected losses are up to about 2 sigma above it: the
law holds up to the edge. With much noise, the optimum itself may lie above the threshold. Without
noise, the edge is the threshold, and the reach is the tail probability.

The tail scale is the threshold minus the median loss beyond it. It never depends on the smallest
loss (docs/theory.md, Traps). The best loss enters a coordinate (`SoftWall`), which changes how
NUTS moves and not the posterior.

Searches are concatenated: vectors over `search` hold what belongs to a search, vectors over
`tail_trial` its trials beyond the threshold, with the position of their search in `tail_search`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.tail_score import TailScore
from leadline.models.guided import guided_data, guided_law, has_guided
from leadline.models.priors import Priors
from leadline.models.scaled_depth import (
    coordinate_at,
    coordinate_inputs,
    edge_and_scale,
    has_limit,
    least_losses,
    typical_depth,
    within_limit,
)

Data = dict[str, TensorVariable]

# A grid this fine, in tail scales, changes no answer. It stands for no grid where other searches
# of the model have one.
_NO_GRID = 1e-4

# Wall of the depth's coordinate, in tail scales, when not even the best report is beyond the
# threshold.
_SHALLOW = 0.1

_DIMS = {
    "search": "threshold tail_scale noise_scale depth_of_best least_loss n_tail max_effective_dim "
    "search_space noise_is_known search_task search_model edge law_log_size law_log_data",
    "tail_trial": "observed_loss tail_search tail_group tail_replicates resolution",
    "replicate_count": "group_replicates group_trials group_search observed_in_regime",
    "repeated_trial": "seed_freedom seed_search observed_seed_variance",
    "guided_trial": "guided_search guided_replicates guided_rounding observed_guided",
    "task": "task_unit",
    "report": "report_search report_trials report_edge observed_best",
    "unknown_report": "report_unknown",
}


def data_of(tails: xr.Dataset) -> dict[str, Any]:
    """Return what a model takes from the tails, by the names of its `pm.Data`.

    A compiled model is refitted to other tails of the same `structure` with these values.
    """
    tail = {str(name): variable.to_numpy() for name, variable in tails.variables.items()}
    searches = tails.sizes["search"]
    repeated = np.flatnonzero(tail["replicates"] > 1)
    best, n_tail = tail["best_loss"].copy(), tail["n_tail"].astype(float)
    if "report" in tails.sizes:
        np.minimum.at(best, tail["report_search"], tail["reported_loss"])
        n_tail += np.bincount(tail["report_search"], minlength=searches)
    if has_guided(tails):
        np.minimum.at(best, tail["guided_search"], tail["guided_loss"])
    data = {
        "observed_loss": tail["loss"],
        "tail_search": tail["tail_search"],
        "tail_group": _groups_of_trials(tail),
        "threshold": tail["threshold"],
        "tail_scale": tail["tail_scale"],
        "noise_scale": tail["noise_scale"],
        # Coordinates only: how deep the best goes, and how many scores are near it.
        "depth_of_best": np.maximum(tail["threshold"] - best, _SHALLOW * tail["tail_scale"]),
        "n_tail": np.maximum(n_tail, 1.0),
        "max_effective_dim": tail["max_effective_dim"].astype(float),
        "search_space": positions(tail["space"]),
        "noise_is_known": np.isin(range(searches), tail["tail_search"][repeated]).astype(float),
        "group_replicates": tail["group_replicates"].astype(float),
        "group_trials": tail["group_trials"],
        "group_search": tail["group_search"],
        "observed_in_regime": tail["n_exceedances"],
        "sign": tails.attrs["loss_sign"],
    }
    if has_replicates(tails):
        freedom = tail["replicates"][repeated] - 1.0
        data["tail_replicates"] = tail["replicates"].astype(float)
        data["seed_freedom"] = freedom
        data["seed_search"] = tail["tail_search"][repeated]
        data["observed_seed_variance"] = seed_variances(tails)[repeated]
    for name in ("population_mean", "population_sd"):
        if name in tail:
            data[name] = tail[name]
    if has_guided(tails):
        data |= guided_data(tails)
    if has_limit(tails):
        data["least_loss"] = least_losses(tails)
    if has_grid(tails):
        finest = _NO_GRID * tail["tail_scale"][tail["tail_search"]]
        data["resolution"] = np.where(tail["bin_width"] > 0, tail["bin_width"], finest)
    return data


def seed_variances(tails: xr.Dataset) -> np.ndarray:
    """Return the sample variance over the seeds of each trial, shape (tail_trial,), positive.

    Equal seeds have a variance of 0, where the density is not finite. Rounding to a grid of width h
    contributes h² / 12 by itself (Sheppard's correction): the smallest variance on a grid. Without
    a grid the smallest variance is negligible.
    """
    replicates, width, squares, search = (
        tails[name].to_numpy()
        for name in ("replicates", "bin_width", "sum_of_squares", "tail_search")
    )
    finest = _NO_GRID * tails["tail_scale"].to_numpy()[search]
    # The bins of means are finer than those of single scores.
    smallest = np.where(width > 0, (width * replicates) ** 2 / 12.0, finest**2)
    return np.maximum(squares / np.maximum(replicates - 1, 1), smallest)


def _groups_of_trials(tail: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the position along `replicate_count` of each tail trial."""
    group = np.rec.fromarrays([tail["group_search"], tail["group_replicates"]])
    trial = np.rec.fromarrays([tail["tail_search"], tail["replicates"]])
    return np.searchsorted(group, trial)


def positions(labels: np.ndarray) -> np.ndarray:
    """Return the position of each label among the distinct labels, in order of appearance."""
    return pd.factorize(labels)[0]


def has_replicates(tails: xr.Dataset) -> bool:
    """Return whether any trial has several seeds, beyond the threshold or not.

    All thresholds of a search have models of the same structure for that reason.
    """
    return bool((tails["group_replicates"] > 1).any())


def has_grid(tails: xr.Dataset) -> bool:
    """Return whether the scores of any search are recorded on a grid."""
    return bool((tails["resolution"] > 0).any())


def structure(tails: xr.Dataset) -> tuple[Any, ...]:
    """Return what decides the graph besides the priors: tails that share it share a model."""
    labels = (len(set(tails[name].to_numpy().tolist())) for name in ("space", "task", "model"))
    reports = tails["report_trials"].to_numpy() if "report" in tails.sizes else np.empty(0)
    return (
        tails.sizes["search"],
        has_replicates(tails),
        has_grid(tails),
        has_limit(tails),
        has_guided(tails),
        tails.attrs.get("population_of"),
        "size" in tails,
        "data" in tails,
        *labels,
        len(reports),
        int(np.isnan(reports).sum()),
    )


def coords_of(tails: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates of the models: searches by position, the labels by name."""
    labels = {
        name: list(dict.fromkeys(tails[name].to_numpy().tolist()))
        for name in ("space", "task", "model")
    }
    return {"search": range(tails.sizes["search"])} | labels


def declare_data(values: dict[str, Any]) -> Data:
    """Add a `pm.Data` for each of the values to the active model."""
    dims = {name: dim for dim, names in _DIMS.items() for name in names.split()}
    return {name: pm.Data(name, value, dims=dims.get(name)) for name, value in values.items()}


class EffectiveDims:
    """The effective dimensions of the searches, and the variables that depend on them.

    Here they are parameters, `gamma` (search). `leadline.models.shared_dim.SummedDims` sums over
    them: there `gamma` is (dimension, search).
    """

    def __init__(self, data: Data, gamma: TensorVariable) -> None:
        self.data = data
        self.gamma = gamma

    def scaled_depth(
        self,
        prior: Callable[..., TensorVariable],
        log_prior: Callable[..., TensorVariable],
        parameters: Sequence[TensorVariable],
        sigma: TensorVariable,
    ) -> TensorVariable:
        """Add `gap`, the scaled depth of each optimum, to the active model.

        `prior` takes `parameters` (scalars or (search,)) and `size`, and returns an unnamed
        positive variable; `log_prior` takes a value and `parameters`, and returns its log-density.
        The coordinate of the depth depends on the noise sd `sigma` (search).
        """
        return self.joint_depth(prior, log_prior, parameters, sigma, ndim_supp=0)

    def joint_depth(
        self,
        prior: Callable[..., TensorVariable],
        log_prior: Callable[..., TensorVariable],
        parameters: Sequence[TensorVariable],
        sigma: TensorVariable,
        ndim_supp: int = 1,
    ) -> TensorVariable:
        """Add `gap`, whose entries (search) have one prior, with parameters of any shape."""
        n = len(parameters)
        coordinate = coordinate_inputs(self.data, sigma, self.gamma)
        return pm.CustomDist(
            "gap",
            *parameters,
            *coordinate,
            dist=lambda *inputs: within_limit(
                prior(*inputs[:n], size=inputs[-1]), list(inputs[n:-1])
            ),
            # Given, because PyMC inlines a derived one, and the transform then sees other inputs.
            logp=lambda value, *inputs: log_prior(value, *inputs[:n]),
            support_point=lambda rv, size, *inputs: typical_depth(list(inputs[n:])),
            transform=coordinate_at(coordinate, n + 1, ndim_supp),
            ndim_supp=ndim_supp,
            ndims_params=[ndim_supp and own.ndim for own in (*parameters, *coordinate)],
            dims="search",
        )

    def observe(
        self,
        name: str,
        family: type[pm.Distribution],
        params: Sequence[Any],
        search: TensorVariable,
        **kwargs: Any,
    ) -> None:
        """Add an observed variable, whose entries have the distribution `family` given gamma.

        `params` are (entry,), or (dimension, entry) as `gamma`; `search` (entry,) holds the
        position of the search of each entry; `kwargs` are `observed` and `dims`.
        """
        family(name, *params, **kwargs)

    def register_probability(self) -> None:
        """Register the posterior probabilities of gamma, where it is summed over."""


def at_search(parameter: TensorVariable, search: TensorVariable) -> TensorVariable:
    """Return a parameter at the search of each entry, shape (entry,) or (dimension, entry).

    One search needs no index: its scalars broadcast, which samples twice as fast.
    """
    if len(pm.modelcontext(None).coords["search"]) > 1:
        return parameter[..., search]
    return parameter[0] if parameter.ndim == 1 else parameter[:, 0][:, None]


def observe_tails(
    data: Data,
    depth: TensorVariable,
    sigma: TensorVariable,
    reach: TensorVariable,
    dims: EffectiveDims,
    priors: Priors,
) -> None:
    """Add the observed variables of the tails, and each search's parameters, to the active model.

    `sigma` and `reach` are (search,), `depth` is that or has the shape of gamma. `priors` are those
    of guided trials.
    """
    gamma = dims.gamma
    edge, scale = edge_and_scale(data, sigma)
    alpha = edge - scale * depth
    spread = scale * depth * reach ** (-2.0 / gamma)
    beta = alpha + spread

    def each(variable: TensorVariable) -> tuple[str, ...]:
        return ("dimension", "search")[-variable.ndim :]

    pm.Deterministic("optimum", data["sign"] * alpha, dims=each(alpha))
    pm.Deterministic("noise_sd", sigma, dims="search")
    pm.Deterministic("spread", spread, dims=each(spread))
    log_fraction = noisy_quadratic.logcdf(data["threshold"], alpha, beta, gamma, sigma)
    pm.Deterministic("tail_fraction", pt.exp(log_fraction), dims=each(spread))

    def parameters_of(
        search: TensorVariable, replicates: TensorVariable | None
    ) -> tuple[TensorVariable, ...]:
        noise = at_search(sigma, search)
        noise = noise if replicates is None else noise / pt.sqrt(replicates)
        return (*(at_search(part, search) for part in (alpha, beta, gamma)), noise)

    search = data["group_search"]
    log_fraction = noisy_quadratic.logcdf(
        at_search(data["threshold"], search), *parameters_of(search, data["group_replicates"])
    )
    dims.observe(
        "in_regime",
        pm.Binomial,
        (data["group_trials"], pt.exp(log_fraction)),
        search,
        observed=data["observed_in_regime"],
        dims="replicate_count",
    )
    search = data["tail_search"]
    dims.observe(
        "loss",
        TailScore,
        (
            *parameters_of(search, data.get("tail_replicates")),
            at_search(data["threshold"], search),
            data.get("resolution", 0.0),
            # Once per search and number of seeds: it costs as much as a density.
            log_fraction[..., data["tail_group"]],
        ),
        search,
        observed=data["observed_loss"],
        dims="tail_trial",
    )
    if "seed_freedom" in data:
        freedom = data["seed_freedom"]
        pm.Gamma(
            "seed_variance",
            alpha=freedom / 2.0,
            beta=freedom / (2.0 * at_search(sigma, data["seed_search"]) ** 2),
            observed=data["observed_seed_variance"],
            dims="repeated_trial",
        )
    if "observed_guided" in data:
        start, end, dimension = guided_law(data, alpha, sigma, priors)
        search = data["guided_search"]
        noise = at_search(sigma, search) / pt.sqrt(data["guided_replicates"])
        # Effective dimensions are summed over only where the optimum depends on them.
        observe = dims.observe if alpha.ndim > 1 else EffectiveDims(data, gamma).observe
        observe(
            "guided",
            TailScore,
            (
                *(at_search(part, search) for part in (start, end, dimension)),
                pt.sqrt(noise**2 + data["guided_rounding"] ** 2),
                at_search(data["threshold"], search),
            ),
            search,
            observed=data["observed_guided"],
            dims="guided_trial",
        )
    dims.register_probability()
