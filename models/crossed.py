"""Models crossed with tasks: what is a model's and what is a task's share of an optimum.

The story of each search is that of `leadline.models.single`; effective dimensions and noise are
pooled as in `several`. The optimum of model m on task t, in losses, is

    alpha_mt = location_t + scale_t * (effect_m + interaction_mt)
    effect   ~ Normal(0, model_scatter), adding up to 0
    interaction_mt ~ Normal(0, interaction_sd)

so that an effect, in task scales, means the same on tasks with other metrics. Some models may be
missing on some tasks. An optimum lies past its threshold, where the law starts: the interactions
are cut off there, with the probability of that in the prior.

A task's location and scale are measured from numbers that do not depend on any best score
(DESIGN.md, section 3, trap 1): ``location_t = anchor_t − unit_t * depth_t``, with the mean
threshold of its models for an anchor and `_unit` for a unit, and ``scale_t`` is near the unit. The
depths are pooled as the gaps are in `hierarchical`. The interaction is kept from zero: no two
models differ by the very same amount on all tasks, and the sampler would have to find out how
nearly.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models import several, shared_dim, single
from leadline.models.priors import Priors
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.special import log_normal_cdf


def data_of(searches: Sequence[several.Search], sign: float) -> dict[str, Any]:
    """Return what the model takes from the data, by the names of its `pm.Data`."""
    task = np.array([search.task for search in searches])
    threshold = np.array([search.regime.threshold for search in searches])
    tail_scale = np.array([search.regime.tail_scale for search in searches])
    # A search without trials (`best_of_k`) has its threshold from another, and nothing to measure.
    measured = np.array([search.regime.n_tail > 0 for search in searches])
    of_task = [(task == one) & measured for one in range(task.max() + 1)]
    return several.data_of(searches, sign) | {
        "search_task": task,
        "search_model": np.array([search.model for search in searches]),
        "task_anchor": np.array([threshold[own].mean() for own in of_task]),
        "task_unit": np.array([_unit(threshold[own], tail_scale[own]) for own in of_task]),
    }


def _unit(threshold: np.ndarray, tail_scale: np.ndarray) -> float:
    """Return the scale of a task: how wide the tails are, and how far apart its models.

    In the law with two effective hyperparameters an optimum is two tail scales past its threshold.
    """
    apart = np.var(threshold - 2.0 * tail_scale)
    return float(np.sqrt(np.exp(2.0 * np.log(tail_scale).mean()) + apart))


def build(
    searches: Sequence[several.Search],
    sign: float,
    priors: Priors,
    effective_dim: str = "continuous",
) -> pm.Model:
    """Return the model of several models on several tasks.

    Parameters
    ----------
    searches : sequence of Search
        One for each pair of model and task that there is; at least two models.
    sign : float
        1 when scores are losses, −1 when they are maximised.
    priors : Priors
        See `leadline.models.priors`.
    effective_dim : {"continuous", "integer", "shared"}
        As in `leadline.models.hierarchical.build`.

    Returns
    -------
    pymc.Model
        As `leadline.models.hierarchical.build`, with `model_effect` (model), `interaction_sd`,
        `task_scale` and `task_location` (task) in place of a pooled gap.
    """
    with pm.Model(coords=coords_of(searches)) as model:
        declare(several.declare_data(data_of(searches, sign)), searches, priors, effective_dim)
    return model


def coords_of(searches: Sequence[several.Search]) -> dict[str, range]:
    """Return the coordinates of the model."""
    return {
        "search": range(len(searches)),
        "space": range(len({search.space for search in searches})),
        "task": range(1 + max(search.task for search in searches)),
        "model": range(1 + max(search.model for search in searches)),
    }


def declare(
    data: several.Data,
    searches: Sequence[several.Search],
    priors: Priors,
    effective_dim: str = "continuous",
) -> tuple[TensorVariable, TensorVariable, TensorVariable, TensorVariable]:
    """Declare the variables of the model in the one at hand.

    Returns
    -------
    alpha, beta, gamma, sigma : TensorVariable, shape (search,)
        The laws, in losses.
    """
    dims = shared_dim.effective_dims(effective_dim, data, searches, priors)
    noise_ratio = several.noise_ratios(data, priors)

    pooled_gap = single.from_prior("pooled_gap", priors.pooled_gap)
    gap_scatter = single.from_prior("gap_scatter", priors.gap_scatter)
    # Centred: the searches of a task tell its location well, and the scatter is far from 0.
    depth = pm.LogNormal("task_depth", pt.log(pooled_gap), gap_scatter, dims="task")
    location = data["task_anchor"] - data["task_unit"] * depth
    pm.Deterministic("task_location", data["sign"] * location, dims="task")

    scale_departure = pm.Normal("task_scale_departure", dims="task")
    scale_scatter = single.from_prior("task_scale_scatter", priors.task_scale_scatter)
    scale = data["task_unit"] * pt.exp(scale_scatter * scale_departure)
    pm.Deterministic("task_scale", scale, dims="task")

    departure = pm.ZeroSumNormal("model_departure", dims="model")
    scatter = single.from_prior("model_scatter", priors.model_scatter)
    effect = pm.Deterministic("model_effect", scatter * departure, dims="model")
    interaction_sd = single.from_prior("interaction_sd", priors.interaction_sd)

    task = data["search_task"]
    expected = location[task] + scale[task] * effect[data["search_model"]]
    gap = dims.gaps(
        lambda mu, sigma, size: pm.TruncatedNormal.dist(mu, sigma, lower=0.0, size=size),
        _log_positive_normal,
        (
            (data["threshold"] - expected) / data["tail_scale"],
            scale[task] * interaction_sd / data["tail_scale"],
        ),
        noise_ratio,
    )
    alpha, beta, sigma = several.observe(data, gap, noise_ratio, dims)
    return alpha, beta, dims.gamma, sigma


def _log_positive_normal(
    value: TensorVariable, mu: TensorVariable, sigma: TensorVariable
) -> TensorVariable:
    """Return the log-density of a normal variable given that it is positive, at ``value > 0``.

    That of `pymc.TruncatedNormal` has a gradient that is nan where ``mu / sigma`` is large.
    """
    return pm.logp(pm.Normal.dist(mu, sigma), value) - log_normal_cdf(mu / sigma)
