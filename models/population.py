"""The parameters that searches share, given draws of searches that were fitted alone.

A joint model draws the parameters z_j of each search from a population p(z | shared). Given the
trials of all searches, the shared parameters have the posterior

    p(shared) prod_j integral p(trials_j | z_j) p(z_j | shared) dz_j

Let z_jk be K draws from the posterior of search j alone, with the prior p_0. The integral is
proportional to ``mean_k p(z_jk | shared) / p_0(z_jk)`` (Hogg, Myers and Bovy 2010,
doi:10.1088/0004-637X/725/2/2166). The model here has only the shared parameters: its cost grows
with the number of searches and does not depend on their trials, and it has none of the narrow
places where many searches meet one scale. Given the shared parameters, a search has the draw z_jk
with a probability proportional to its ratio (Lunn, Barrett, Sweeting and Thompson 2013,
doi:10.1111/rssc.12007).

The mean over draws is rugged where a population is narrower than the distance between draws. Draws
that are close together therefore stand for one normal kernel with their mean and their variance
(`leadline.inference.draw_kernels`), and the density of a kernel under the population is that of its
centre with both variances. What is drawn so is resampled by the mean over all draws
(`leadline.inference.shared_draws`).

z has three coordinates, in each of which the population of a search is normal:

* ``log_excess``, log e(gamma) of `leadline.models.effective_dims`;
* ``log_noise``, the log noise ratio;
* ``depth``, the log of the scaled depth (`hierarchical`), or the optimum as a loss (`crossed`,
  `scaling`).

``reach`` is not pooled, and its prior cancels.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from leadline.models import crossed, hierarchical, scaling
from leadline.models.effective_dims import dims_population
from leadline.models.hierarchical import depth_population, noise_population
from leadline.models.likelihood import coords_of, declare_data
from leadline.models.priors import Priors
from leadline.models.scaled_depth import edge_and_scale

COORDINATES = ("log_excess", "log_noise", "depth")

# Data of the tails that populations need.
_TAIL_DATA = (
    *("max_effective_dim", "search_space", "sign"),
    *("search_task", "search_model", "task_share", "task_unit"),
    *("law_typical", "law_unit", "law_least", "law_log_size", "law_log_data", "law_distance"),
)

# Data of the kernels that the evidence needs.
_KERNEL_DATA = ("variance", "log_weight")

_MODELS: dict[str, ModuleType] = {
    "hierarchical": hierarchical,
    "crossed": crossed,
    "scaling": scaling,
}


def build(
    kernels: xr.Dataset, tails: xr.Dataset, priors: Priors, kind: str, *, observe: bool = True
) -> pm.Model:
    """Return the model of the shared parameters of a joint model, given draws of its searches.

    `kernels` are as `leadline.inference.draw_kernels.kernels_of` returns them. `tails` are those of
    one threshold per search, and `kind` is "hierarchical", "crossed" or "scaling".

    The model has the shared variables of that model, and as deterministics the population of each
    search: `population_mean` and `population_sd` (search, coordinate). Without `observe`, it has
    only these.
    """
    coords = coords_of(tails) | {"coordinate": COORDINATES}
    with pm.Model(coords=coords) as model:
        data = declare_data(data_of(kernels, tails, kind))
        spaces = len(set(tails["space"].to_numpy().tolist()))
        dims, noise = dims_population(data, priors, spaces), noise_population(priors)
        if kind == "crossed":
            depth = crossed.optimum_population(data, data["edge"], priors)
        elif kind == "scaling":
            depth = scaling.optimum_population(data, priors)
        else:
            depth = depth_population(priors)
        like = pt.zeros_like(data["max_effective_dim"])
        mean, sd = (
            pt.stack([like + part[place] for part in (dims, noise, depth)], axis=-1)
            for place in (0, 1)
        )
        pm.Deterministic("population_mean", mean, dims=("search", "coordinate"))
        pm.Deterministic("population_sd", sd, dims=("search", "coordinate"))
        if observe:
            # One log-density per search: the kernels of its draws are the data.
            pm.CustomDist(
                "draws_alone",
                *(mean, sd),
                *(data[name] for name in _KERNEL_DATA),
                logp=_log_evidence,
                signature="(z),(z),(k,z),(k)->(k,z)",
                observed=data["centre"],
            )
    return model


def data_of(kernels: xr.Dataset, tails: xr.Dataset, kind: str) -> dict[str, Any]:
    """Return what the model takes from kernels and tails, by the names of its `pm.Data`."""
    of_tails = _MODELS[kind].data_of(tails)
    noise = of_tails["noise_scale"] * kernels["noise_ratio"].to_numpy()
    edge, _ = edge_and_scale(of_tails, noise)
    own = {name: kernels[name].to_numpy() for name in ("centre", *_KERNEL_DATA)}
    return {name: of_tails[name] for name in _TAIL_DATA if name in of_tails} | {"edge": edge} | own


def log_ratio(
    centre: Any, mean: Any, sd: Any, variance: Any, log_weight: Any, library: Any = np
) -> Any:
    """Return the log of the part of a kernel in a mean ratio, shape (..., kernel).

    `centre` and `variance` are (..., kernel, coordinate), `log_weight` (..., kernel), `mean` and
    `sd` (..., coordinate). `library` is NumPy, or `pytensor.tensor` for tensors.
    """
    total, product = log_weight, 1.0
    for place in range(len(COORDINATES)):
        width = variance[..., place] + sd[..., place, None] ** 2
        total = total - 0.5 * (centre[..., place] - mean[..., place, None]) ** 2 / width
        product = product * width
    return total - 0.5 * library.log(product)


def _log_evidence(centre: Any, mean: Any, sd: Any, variance: Any, log_weight: Any) -> Any:
    """Return the log of the mean ratio of the draws of each search, shape (search,)."""
    return pt.logsumexp(log_ratio(centre, mean, sd, variance, log_weight, pt), axis=-1)
