"""The scaled depth of an optimum: its coordinate, and its prior where the score has a bound.

An accuracy is at most 1, and a mean squared error at least 0. The expected score of the best
configuration cannot be beyond such a bound, so that the prior of the depth is truncated there. The
measured scores keep their normal noise. Where the parameters of the prior are sampled, so is the
probability that the truncation takes: it is part of the density.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import SoftWall
from leadline.distributions.special import log_normal_cdf

Data = Mapping[str, TensorVariable]

# A depth this large stands for no limit where other searches of the model have one.
_NO_LIMIT = 1e6

# The share of a limit that is kept from the optimum, which no rounding then puts beyond its bound.
_ROUNDING = 1e-9

# Chains start at the depth of the noiseless law with two effective hyperparameters.
_TYPICAL_DEPTH = 2.0


def below(prior: TensorVariable, limit: TensorVariable | None) -> TensorVariable:
    """Return an unnamed variable, truncated at a limit if there is one."""
    return prior if limit is None else pm.Truncated.dist(prior, upper=limit)


# The prior of a log-normal depth, for `leadline.models.likelihood.EffectiveDims.scaled_depth`.
LOG_NORMAL = (
    lambda mu, sigma, limit, size: below(pm.LogNormal.dist(mu, sigma, size=size), limit),
    lambda value, mu, sigma: pm.logp(pm.LogNormal.dist(mu, sigma), value),
    lambda limit, mu, sigma: log_normal_cdf((pt.log(limit) - mu) / sigma),
)


def has_limit(tails: xr.Dataset) -> bool:
    """Return whether the scores of any search have a bound that limits the optimum."""
    return bool(np.isfinite(tails["least_loss"]).any())


def depth_limits(tails: xr.Dataset) -> npt.NDArray[np.float64]:
    """Return the largest depth that the bounds of the scores allow, in tail scales, (search,)."""
    threshold, least, tail_scale = (
        tails[name].to_numpy() for name in ("threshold", "least_loss", "tail_scale")
    )
    return np.minimum((threshold - least) / tail_scale, _NO_LIMIT) * (1.0 - _ROUNDING)


def limited(
    data: Data,
    prior: Callable[..., TensorVariable],
    log_prior: Callable[..., TensorVariable],
    log_cdf: Callable[..., TensorVariable],
    parameters: Sequence[TensorVariable],
) -> tuple[Callable[..., TensorVariable], Callable[..., TensorVariable], list[TensorVariable]]:
    """Return the prior of a depth, its log-density and parameters, with those of a bounded score.

    A bound truncates the prior at `depth_limit`, which is then the last of the parameters.
    """
    if "depth_limit" not in data:
        return functools.partial(prior, limit=None), log_prior, list(parameters)

    def truncated(*inputs: Any, size: Any) -> TensorVariable:
        *own, limit = inputs
        return prior(*own, limit=limit, size=size)

    def log_truncated(value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        *own, limit = inputs
        inside = log_prior(value, *own) - log_cdf(limit, *own)
        return pt.where(value <= limit, inside, -np.inf)

    return truncated, log_truncated, [*parameters, data["depth_limit"]]


def soft_wall(data: Data, n: int, first: int = 0) -> SoftWall:
    """Return the coordinate of a depth with `n` parameters (`limited`), the first at `first`.

    The wall, the noise and the unit follow the parameters.
    """
    limit = first + n - 1 if "depth_limit" in data else None
    return SoftWall(wall=first + n, width=first + n + 1, unit=first + n + 2, limit=limit)


def typical_depth(data: Data, like: TensorVariable) -> TensorVariable:
    """Return the depth at which chains start, in the shape of `like`."""
    typical = pt.full_like(like, _TYPICAL_DEPTH)
    return pt.minimum(typical, 0.5 * data["depth_limit"]) if "depth_limit" in data else typical
