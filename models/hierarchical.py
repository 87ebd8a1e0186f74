"""Searches that learn from each other: effective dimension, noise and depth are partly pooled.

The story of each search is `leadline.models.likelihood`. Effective dimensions lie near that of
their search space (`leadline.models.effective_dims`), or are the same integer
(`leadline.models.shared_dim`). Noise ratios lie near a common one, and so do the depths of the
optima in tail scales:

    log gap_j ~ Normal(log pooled_gap, gap_scatter)
    log noise_ratio_j ~ Normal(log pooled_noise_ratio, noise_ratio_scatter)

In the noiseless law the depth is ``1 / (1 − 2^(−2/gamma))``, the same for all searches with the
same gamma. With noise it is smaller, and the tail scale is a distance to a median, with an error of
its own; the scatter is kept from zero for that reason. A pooled scale measured from the best
scores would let the likelihood, which is unbounded at the best score for gamma < 2, drag all optima
onto the sample minima at once (docs/theory.md, Traps).
"""

import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import PartlyCentred
from leadline.models.effective_dims import effective_dims
from leadline.models.likelihood import (
    Data,
    coords_of,
    data_of,
    declare_data,
    observe_tails,
)
from leadline.models.priors import Priors
from leadline.models.scaled_depth import LOG_NORMAL


def build(tails: xr.Dataset, priors: Priors, effective_dim: str = "continuous") -> pm.Model:
    """Return the model of several searches, given their tails (`leadline.data.tails`).

    `effective_dim` is a kind of `leadline.models.effective_dims.effective_dims`. The variables are
    those of `leadline.models.independent.build` and the parameters that the searches share. Where
    gamma is summed out, `gap` and `optimum` are (dimension, search) too, and
    `effective_dim_probability` is (space, dimension).
    """
    with pm.Model(coords=coords_of(tails)) as model:
        data = declare_data(data_of(tails))
        dims = effective_dims(effective_dim, data, priors, tails)
        sigma = pooled_noise(data, priors)
        depth = dims.scaled_depth(*LOG_NORMAL, depth_population(priors), sigma)
        reach = priors.reach.variable("reach", dims="search")
        observe_tails(data, depth, sigma, reach, dims, priors)
    return model


def pooled_noise(data: Data, priors: Priors) -> TensorVariable:
    """Return the noise sd of each search, with ratios log-normal around `pooled_noise_ratio`.

    One seed per trial informs a noise ratio poorly, and it is sampled as an offset from the pooled
    one. Several seeds inform it well, and it is sampled as it is (`PartlyCentred`).
    """
    ratio = pm.CustomDist(
        "noise_ratio",
        *noise_population(priors),
        data["noise_is_known"],
        dist=lambda mu, sigma, known, size: pm.LogNormal.dist(mu + 0.0 * known, sigma, size=size),
        logp=lambda value, mu, sigma, known: pm.logp(pm.LogNormal.dist(mu, sigma), value),
        transform=PartlyCentred(),
        dims="search",
    )
    return data["noise_scale"] * ratio


def noise_population(priors: Priors) -> tuple[TensorVariable, TensorVariable]:
    """Return the mean and the sd of the log noise ratios, shape ()."""
    pooled = priors.pooled_noise_ratio.variable("pooled_noise_ratio")
    return pt.log(pooled), priors.noise_ratio_scatter.variable("noise_ratio_scatter")


def depth_population(priors: Priors) -> tuple[TensorVariable, TensorVariable]:
    """Return the mean and the sd of the log depths, in tail scales, shape ()."""
    pooled = priors.pooled_gap.variable("pooled_gap")
    return pt.log(pooled), priors.gap_scatter.variable("gap_scatter")
