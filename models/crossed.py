"""Models crossed with tasks: an optimum has a share of its model and a share of its task.

The story of each search is `leadline.models.likelihood`; effective dimensions and noise are pooled
as in `leadline.models.hierarchical`. The optimum of model m on task t, in losses, is

    alpha_mt = location_t + scale_t * (effect_m + interaction_mt)
    effect   ~ Normal(0, model_scatter), adding up to 0
    interaction_mt ~ Normal(0, interaction_sd)

An effect, in task scales, means the same on tasks with other metrics. Some models may be missing on
some tasks. An optimum lies beyond its threshold, where the law starts: the interactions are
truncated there, and at the bound of the scores if there is one. The prior holds the probability of
that.

A task's location and scale come from numbers that do not depend on any best score (docs/theory.md,
Traps): ``location_t = anchor_t − unit_t * depth_t``, with the mean threshold of its models for an
anchor and `_unit` for a unit, and ``scale_t`` is near the unit. The depths are pooled as those of
`hierarchical`. The interaction is kept from zero: no two models differ by the same amount on all
tasks, and a posterior that reaches zero samples badly.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.special import log_normal_cdf, log_normal_interval
from leadline.models.effective_dims import effective_dims
from leadline.models.hierarchical import depth_population, pooled_noise_ratios
from leadline.models.likelihood import Data, coords_of, declare_data, observe_tails, positions
from leadline.models.likelihood import data_of as tail_data
from leadline.models.priors import Priors


def build(tails: xr.Dataset, priors: Priors, effective_dim: str = "continuous") -> pm.Model:
    """Return the model of several models on several tasks.

    `tails` has one search for each pair of model and task that there is, and at least two models.
    The variables are those of `leadline.models.hierarchical.build`, with `model_effect` (model),
    `interaction_sd`, `task_scale` and `task_location` (task), in the direction of the scores.
    """
    with pm.Model(coords=coords_of(tails)) as model:
        data = declare_data(data_of(tails))
        dims = effective_dims(effective_dim, data, priors, tails)
        noise_ratio = pooled_noise_ratios(data, priors)

        expected, sd = optimum_population(data, priors)
        depth = dims.scaled_depth(
            lambda mu, sigma, limit, size: pm.TruncatedNormal.dist(
                mu, sigma, lower=0.0, upper=limit, size=size
            ),
            _log_positive_normal,
            _log_positive_normal_cdf,
            (
                (data["threshold"] - expected) / data["tail_scale"],
                sd / data["tail_scale"],
            ),
            noise_ratio,
        )
        reach = priors.reach.variable("reach", dims="search")
        observe_tails(data, depth, noise_ratio, reach, dims)
    return model


def optimum_population(data: Data, priors: Priors) -> tuple[TensorVariable, TensorVariable]:
    """Return the mean and the sd of the optimum of each search, as losses, shape (search,)."""
    # Centred: the searches of a task inform its location well, and the scatter is far from 0.
    task_depth = pm.LogNormal("task_depth", *depth_population(priors), dims="task")
    location = data["task_anchor"] - data["task_unit"] * task_depth
    pm.Deterministic("task_location", data["sign"] * location, dims="task")

    scale_offset = pm.Normal("task_scale_offset", dims="task")
    scale_sd = priors.task_scale_scatter.variable("task_scale_scatter")
    scale = data["task_unit"] * pt.exp(scale_sd * scale_offset)
    pm.Deterministic("task_scale", scale, dims="task")

    model_offset = pm.ZeroSumNormal("model_offset", dims="model")
    effect_sd = priors.model_scatter.variable("model_scatter")
    effect = pm.Deterministic("model_effect", effect_sd * model_offset, dims="model")
    interaction_sd = priors.interaction_sd.variable("interaction_sd")

    task = data["search_task"]
    expected = location[task] + scale[task] * effect[data["search_model"]]
    return expected, scale[task] * interaction_sd


def data_of(tails: xr.Dataset) -> dict[str, Any]:
    """Return what the model takes from the tails, by the names of its `pm.Data`."""
    task = positions(tails["task"].to_numpy())
    threshold, tail_scale = tails["threshold"].to_numpy(), tails["tail_scale"].to_numpy()
    # A search without trials borrows its threshold, and measures nothing.
    measured = tails["n_tail"].to_numpy() > 0
    by_task = [(task == number) & measured for number in range(task.max() + 1)]
    return tail_data(tails) | {
        "search_task": task,
        "search_model": positions(tails["model"].to_numpy()),
        "task_anchor": np.array([threshold[own].mean() for own in by_task]),
        "task_unit": np.array([_unit(threshold[own], tail_scale[own]) for own in by_task]),
    }


def _unit(threshold: np.ndarray, tail_scale: np.ndarray) -> float:
    """Return the scale of a task: the width of its tails and the distance between its models.

    In the law with two effective hyperparameters an optimum is two tail scales beyond its
    threshold.
    """
    apart = np.var(threshold - 2.0 * tail_scale)
    return float(np.sqrt(np.exp(2.0 * np.log(tail_scale).mean()) + apart))


def _log_positive_normal(
    value: TensorVariable, mu: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    """Return the log-density of a normal variable given that it is positive, at ``value > 0``.

    That of `pymc.TruncatedNormal` has a gradient that is nan where ``mu / sigma`` is large.
    """
    return pm.logp(pm.Normal.dist(mu, sigma), value) - log_normal_cdf(mu / sigma)


def _log_positive_normal_cdf(
    limit: TensorVariable, mu: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    """Return the log-probability that a positive normal variable is below ``limit > 0``."""
    return log_normal_interval(-mu / sigma, (limit - mu) / sigma) - log_normal_cdf(mu / sigma)
