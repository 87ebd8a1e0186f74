"""The scaled depth of an optimum: its unit, its coordinate, and its limit.

Depths are measured from the edge, ``theta + 2 sigma``, in units of ``tail scale + sigma / 2``: see
`leadline.models.likelihood`.

An accuracy is at most 1, and a mean squared error at least 0. The expected score of the best
configuration cannot be beyond such a bound: the prior of everything is conditioned on that, and the
coordinate keeps depths within the limit. Prior draws at a limit are therefore to be discarded. The
measured scores keep their normal noise.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import SoftWall

# The edge beyond the threshold, and the unit of the depth, in sds of the noise. Both were
# chosen on data from the law with much noise (docs/theory.md, Limits).
_EDGE, _UNIT = 2.0, 0.5

# A loss that many tail scales beyond the threshold stands for no bound where other searches have
# one.
_NO_LIMIT = 1e6

# The share of a limit that is kept from the optimum, which no rounding then puts beyond its bound.
_ROUNDING = 1e-9

# Chains start at the depth of the noiseless law with two effective hyperparameters.
_TYPICAL_DEPTH = 2.0

# The prior of a log-normal depth, for `leadline.models.likelihood.EffectiveDims.scaled_depth`.
LOG_NORMAL = (
    lambda mu, sigma, size: pm.LogNormal.dist(mu, sigma, size=size),
    lambda value, mu, sigma: pm.logp(pm.LogNormal.dist(mu, sigma), value),
)

NOT_BEYOND = 1e-9
"""The `gap` of prior draws whose optimum is not beyond its edge: they are to be discarded."""

# The prior of a depth whose optimum is normal, conditioned on being beyond the edge.
NORMAL = (
    lambda mu, sigma, size: pt.maximum(pm.Normal.dist(mu, sigma, size=size), NOT_BEYOND),
    lambda value, mu, sigma: pm.logp(pm.Normal.dist(mu, sigma), value),
)


def edge_and_scale(data: Mapping[Any, Any], sigma: Any) -> tuple[Any, Any]:
    """Return the edge and the depth scale of each search, as losses, shape (search,)."""
    return data["threshold"] + _EDGE * sigma, data["tail_scale"] + _UNIT * sigma


def has_limit(tails: xr.Dataset) -> bool:
    """Return whether the scores of any search have a bound that limits the optimum."""
    return bool(np.isfinite(tails["least_loss"]).any())


def least_losses(tails: xr.Dataset) -> Any:
    """Return the smallest loss of each search that the bounds of its scores allow, (search,)."""
    far = tails["threshold"] - _NO_LIMIT * tails["tail_scale"]
    return np.maximum(tails["least_loss"].to_numpy(), far.to_numpy())


def coordinate_inputs(
    data: Mapping[str, TensorVariable], sigma: TensorVariable, gamma: TensorVariable
) -> list[TensorVariable]:
    """Return the wall, the width and the unit of the coordinate, and the limit if there is one.

    All are in depth scales, (search,); the unit is (dimension, search) where `gamma` is.
    """
    edge, scale = edge_and_scale(data, sigma)
    wall = data["depth_of_best"] + _EDGE * sigma
    unit = data["tail_scale"] * data["n_tail"] ** (-2.0 / gamma) + sigma
    if "least_loss" not in data:
        return [wall / scale, sigma / scale, unit / scale]
    limit = (1.0 - _ROUNDING) * (edge - data["least_loss"]) / scale
    return [pt.minimum(wall / scale, limit), sigma / scale, unit / scale, limit]


def coordinate_at(inputs: list[TensorVariable], first: int, ndim_supp: int = 0) -> SoftWall:
    """Return the coordinate of a depth, with its inputs from the position `first` on."""
    limit = first + 3 if len(inputs) > 3 else None
    return SoftWall(first, first + 1, first + 2, limit=limit, ndim_supp=ndim_supp)


def within_limit(depth: TensorVariable, inputs: list[TensorVariable]) -> TensorVariable:
    """Return depths, and the limit where they are beyond it; `inputs` are of the coordinate."""
    return pt.minimum(depth, (1.0 - _ROUNDING) * inputs[3]) if len(inputs) > 3 else depth


def typical_depth(inputs: list[TensorVariable]) -> TensorVariable:
    """Return the depth at which chains start, in the shape of the unit."""
    typical = pt.full_like(inputs[2], _TYPICAL_DEPTH)
    return pt.minimum(typical, 0.5 * inputs[3]) if len(inputs) > 3 else typical
