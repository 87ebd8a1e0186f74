"""Models crossed with tasks: an optimum has a share of its model and a share of its task.

The story of each search is `leadline.models.likelihood`; effective dimensions and noise are pooled
as in `leadline.models.hierarchical`. The optimum of model m on task t, in losses, is

    alpha_mt = location_t + unit_t * (effect_m + interaction_mt)
    effect   ~ Normal(0, model_scatter), adding up to 0
    interaction_mt ~ Normal(0, interaction_sd)

An effect, in task scales, means the same on tasks with other metrics. Some models may be missing on
some tasks. An optimum lies beyond its edge, where the law starts, and within the bounds of its
score: the prior of everything is conditioned on that. Prior draws with a `gap` of `NOT_BEYOND` are
therefore to be discarded.

The location and the unit of a task come from numbers that do not depend on any best score
(docs/theory.md, Traps): ``location_t = edge_t − unit_t * depth_t``, with the mean edge of its
models and the unit of `spread_of_tails`. The depths are pooled as those of `hierarchical`. The
interaction is kept from zero: no two models differ by the same amount on all tasks, and a posterior
that reaches zero samples badly.

The location of a task is the mean optimum of its models: their effects and interactions add up to
zero. It is then no parameter, and the optima of a task have one joint density. Where effective
dimensions are integers, the depths of the searches differ by dimension, and the location is a
parameter (`optimum_population`).
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.models.effective_dims import EffectiveDims, effective_dims
from leadline.models.hierarchical import depth_population, pooled_noise
from leadline.models.likelihood import (
    Data,
    coords_of,
    declare_data,
    observe_tails,
    positions,
)
from leadline.models.likelihood import data_of as tail_data
from leadline.models.priors import Priors
from leadline.models.scaled_depth import NORMAL, NOT_BEYOND, edge_and_scale


def build(tails: xr.Dataset, priors: Priors, effective_dim: str = "continuous") -> pm.Model:
    """Return the model of several models on several tasks.

    `tails` has one search for each pair of model and task that there is, and at least two models.
    The variables are those of `leadline.models.hierarchical.build`, with `model_effect` (model),
    `interaction_sd`, `task_scale` and `task_location` (task), in the direction of the scores.
    """
    with pm.Model(coords=coords_of(tails)) as model:
        data = declare_data(data_of(tails))
        dims = effective_dims(effective_dim, data, priors, tails)
        sigma = pooled_noise(data, priors)
        if effective_dim == "continuous":
            depth = _joint_depths(data, dims, sigma, priors)
        else:
            edge, scale = edge_and_scale(data, sigma)
            expected, sd = optimum_population(data, edge, priors)
            depth = dims.scaled_depth(
                *NORMAL,
                ((edge - expected) / scale, sd / scale),
                sigma,
            )
        reach = priors.reach.variable("reach", dims="search")
        observe_tails(data, depth, sigma, reach, dims, priors)
    return model


def _joint_depths(
    data: Data, dims: EffectiveDims, sigma: TensorVariable, priors: Priors
) -> TensorVariable:
    """Add `gap` (search) and `task_location` (task), the mean optimum of the models of a task."""
    mean, sd = depth_population(priors)
    effect, interaction_sd = _effects(data, priors)
    unit = data["task_unit"]
    task, share = data["search_task"], data["task_share"]
    by_model = unit[task] * effect[data["search_model"]]

    def logp(
        gap: TensorVariable,
        by_model: TensorVariable,
        sd_of_task: TensorVariable,
        mean: TensorVariable,
        sd: TensorVariable,
        edge: TensorVariable,
        scale: TensorVariable,
        *of_data: TensorVariable,
    ) -> TensorVariable:
        unit, share, task = of_data
        alpha = edge - scale * gap
        location, depth = pt.dot(share, alpha), pt.dot(share, scale * gap) / unit
        residual = alpha - location[task] - by_model
        n_models = pt.sum(share > 0, axis=1)
        # n residuals add up to zero: as a density, n normals without one of them.
        one = pt.log(sd_of_task) + 0.5 * pt.log(2 * np.pi) - 0.5 * pt.log(n_models)
        of_task = pm.logp(pm.LogNormal.dist(mean, sd), depth) - pt.log(unit)
        of_search = pm.logp(pm.Normal.dist(0.0, sd_of_task[task]), residual) + pt.log(scale)
        return pt.sum(of_task + one) + pt.sum(of_search)

    def draws(*inputs: Any, size: Any) -> TensorVariable:
        by_model, sd_of_task, mean, sd, edge, scale, unit, share, task = inputs
        depth = pm.LogNormal.dist(mean, sd, shape=unit.shape)
        interaction = pm.Normal.dist(0.0, sd_of_task[task], shape=edge.shape)
        apart = interaction - pt.dot(share, interaction)[task]
        location = pt.dot(share, edge) - unit * depth
        gap = (edge - location[task] - by_model - apart) / scale
        return pt.maximum(gap, NOT_BEYOND)

    edge, scale = edge_and_scale(data, sigma)
    names = ("task_unit", "task_share", "search_task")
    depth = dims.joint_depth(
        draws,
        logp,
        (
            by_model - pt.dot(share, by_model)[task],
            unit * interaction_sd,
            mean,
            sd,
            edge,
            scale,
            *(data[name] for name in names),
        ),
        sigma,
    )
    location = pt.dot(share, edge - scale * depth)
    pm.Deterministic("task_location", data["sign"] * location, dims="task")
    return depth


def optimum_population(
    data: Data, edge: TensorVariable, priors: Priors
) -> tuple[TensorVariable, TensorVariable]:
    """Return the mean and the sd of the optimum of each search, as losses, shape (search,).

    `edge` (search) is that of `leadline.models.likelihood`. The location of a task is a parameter.
    """
    task_depth = pm.LogNormal("task_depth", *depth_population(priors), dims="task")
    location = pt.dot(data["task_share"], edge) - data["task_unit"] * task_depth
    pm.Deterministic("task_location", data["sign"] * location, dims="task")
    effect, interaction_sd = _effects(data, priors)
    task = data["search_task"]
    unit = data["task_unit"][task]
    return location[task] + unit * effect[data["search_model"]], unit * interaction_sd


def _effects(data: Data, priors: Priors) -> tuple[TensorVariable, TensorVariable]:
    """Return the effect of each model, and the sd of interactions, in task scales."""
    pm.Deterministic("task_scale", data["task_unit"], dims="task")
    effect_sd = priors.model_scatter.variable("model_scatter")
    interaction_sd = priors.interaction_sd.variable("interaction_sd")
    # In units of about their sd given the optima, which leaves no funnel.
    tasks_per_model = data["search_task"].shape[0] / len(pm.modelcontext(None).coords["model"])
    given = 1.0 / pt.sqrt(effect_sd**-2.0 + tasks_per_model * interaction_sd**-2.0)
    offset = pm.ZeroSumNormal("model_offset", sigma=effect_sd / given, dims="model")
    return pm.Deterministic("model_effect", given * offset, dims="model"), interaction_sd


def data_of(tails: xr.Dataset) -> dict[str, Any]:
    """Return what the model takes from the tails, by the names of its `pm.Data`."""
    task = positions(tails["task"].to_numpy())
    threshold, tail_scale = tails["threshold"].to_numpy(), tails["tail_scale"].to_numpy()
    # A search without trials borrows its threshold and its tail scale.
    measured = tails["n_tail"].to_numpy() > 0
    members = task == np.arange(task.max() + 1)[:, None]
    share = members / members.sum(axis=1, keepdims=True)
    by_task = members & measured
    return tail_data(tails) | {
        "search_task": task,
        "search_model": positions(tails["model"].to_numpy()),
        "task_share": share,
        "task_unit": np.array(
            [spread_of_tails(threshold[own], tail_scale[own]) for own in by_task]
        ),
    }


def spread_of_tails(threshold: np.ndarray, tail_scale: np.ndarray) -> float:
    """Return the scale of a task: the width of its tails and the distance between its searches.

    In the law with two effective hyperparameters an optimum is two tail scales beyond its
    threshold.
    """
    apart = np.var(threshold - 2.0 * tail_scale)
    return float(np.sqrt(np.exp(2.0 * np.log(tail_scale).mean()) + apart))
