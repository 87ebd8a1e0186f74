"""Effective dimensions as parameters: of each search by itself, or pooled.

Searches of one space have nearly the same effective dimension (arXiv:2510.02721 finds the same for
every architecture). Each space has a `pooled_effective_dim`, and a search's lies near it:

    log e(gamma_j) = log e(pooled_s) + effective_dim_scatter * z_j
    1 / (gamma − 1) = 1 / e(gamma) + 1 / (d − 1)

e is gamma − 1 where that is far below its bound d − 1, and the map keeps gamma within [1, d] for
every e > 0. Across spaces e(pooled_s) scatters in the same way around `overall_effective_dim`.
`leadline.models.shared_dim` has integers that are summed out instead.
"""

from typing import Any

import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pymc.logprob.transforms import IntervalTransform
from pytensor.tensor.variable import TensorVariable

from leadline.models.likelihood import Data, EffectiveDims
from leadline.models.priors import Prior, Priors
from leadline.models.shared_dim import SummedDims, max_by_group, min_by_group


def effective_dims(kind: str, data: Data, priors: Priors, tails: xr.Dataset) -> EffectiveDims:
    """Return the effective dimensions of the searches, of one of three kinds.

    They are "continuous" (real and pooled), "integer" (one integer per space, summed out) or
    "shared" (one real number per space, with the densities of "integer" given draws of it).
    """
    spaces = len(set(tails["space"].to_numpy().tolist()))
    if kind == "integer":
        return SummedDims(data, priors, data["search_space"], "space", tails)
    if kind == "shared":
        upper = min_by_group(data["max_effective_dim"], data["search_space"], spaces)
        pooled = bounded_dim("pooled_effective_dim", priors.effective_dim, upper, dims="space")
        return EffectiveDims(data, pooled[data["search_space"]])
    return EffectiveDims(data, _pooled_dims(data, priors, spaces))


def bounded_dim(
    name: str, prior: Prior, upper: TensorVariable, dims: str | None = None
) -> TensorVariable:
    """Return a gamma of the model: 1 plus a variable with `prior` truncated at ``upper − 1``.

    Its shape is () or (dims,), that of `upper`.
    """

    def excess(upper: TensorVariable, size: Any = None) -> TensorVariable:
        return pm.Truncated.dist(prior.dist(), lower=0.0, upper=upper - 1.0, size=size)

    return pm.CustomDist(
        name,
        upper,
        dist=lambda upper, size: 1.0 + excess(upper, size),
        logp=lambda value, upper: pm.logp(excess(upper), value - 1.0),
        # Chains cannot start at the mean of a prior that lies beyond the bounds.
        support_point=lambda rv, size, upper: pt.minimum(2.0, (1.0 + upper) / 2.0),
        transform=IntervalTransform(lambda *inputs: (pt.constant(1.0), inputs[1])),
        dims=dims,
    )


def _pooled_dims(data: Data, priors: Priors, spaces: int) -> TensorVariable:
    """Return gamma of each search, pooled within a search space and across spaces."""
    median, scatter = dims_population(data, priors, spaces)
    offset = pm.Normal("effective_dim_offset", dims="search")
    gamma = 1.0 + _bounded(median + scatter * offset, data["max_effective_dim"] - 1.0)
    return pm.Deterministic("effective_dim", gamma, dims="search")


def dims_given(median: TensorVariable, sd: TensorVariable, data: Data) -> TensorVariable:
    """Return gamma of each search, with log e normal around `median`; all are (search,)."""
    excess = pm.Normal("log_excess", median, sd, dims="search")
    gamma = 1.0 + _bounded(excess, data["max_effective_dim"] - 1.0)
    return pm.Deterministic("effective_dim", gamma, dims="search")


def dims_population(
    data: Data, priors: Priors, spaces: int
) -> tuple[TensorVariable, TensorVariable]:
    """Return the median of log e of each search, shape () or (search,), and its sd, shape ()."""
    scatter = priors.effective_dim_scatter.variable("effective_dim_scatter")
    upper = data["max_effective_dim"] - 1.0
    pooled = bounded_dim(
        "pooled_effective_dim" if spaces == 1 else "overall_effective_dim",
        priors.pooled_effective_dim,
        pt.max(data["max_effective_dim"]),
    )
    median = _log_excess(pooled, pt.max(upper))
    if spaces > 1:
        across = priors.effective_dim_scatter_across_spaces.variable(
            "effective_dim_scatter_across_spaces"
        )
        # In units of about its sd given the scores, which leaves no funnel. The scores of one
        # search leave log e an sd of about 1.
        per_space = data["max_effective_dim"].shape[0] / spaces
        given = 1.0 / pt.sqrt(across**-2.0 + per_space / (1.0 + scatter**2.0))
        offset = pm.Normal("space_effective_dim_offset", 0.0, across / given, dims="space")
        median = median + given * offset
        largest = max_by_group(upper, data["search_space"], spaces)
        pm.Deterministic("pooled_effective_dim", 1.0 + _bounded(median, largest), dims="space")
        median = median[data["search_space"]]
    return median, scatter


def _log_excess(gamma: TensorVariable, upper: TensorVariable) -> TensorVariable:
    """Return log e of the module docstring; `upper` is d − 1."""
    excess = gamma - 1.0
    return pt.log(excess) - pt.log1p(-excess / upper)


def _bounded(log_excess: TensorVariable, upper: TensorVariable) -> TensorVariable:
    """Return gamma − 1."""
    return upper * pt.sigmoid(log_excess - pt.log(upper))
