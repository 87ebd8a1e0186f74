"""Searches by themselves: how low the loss can go, how many hyperparameters matter, how noisy.

The story of each search is `leadline.models.likelihood`. Its parameters have the priors of
`leadline.models.priors`, and nothing is shared: a single search is `search` of length one.

With ``effective_dim="integer"`` gamma is one of 1..d and is summed out exactly
(`leadline.models.shared_dim`, each search with a gamma of its own).
"""

import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from leadline.models.effective_dims import bounded_dim, dims_given
from leadline.models.likelihood import (
    Data,
    EffectiveDims,
    coords_of,
    data_of,
    declare_data,
    observe_tails,
)
from leadline.models.priors import Priors
from leadline.models.scaled_depth import LOG_NORMAL, NORMAL, edge_and_scale
from leadline.models.shared_dim import SummedDims

# The coordinate of the depth takes one effective dimension, also where all are summed over.
_TYPICAL_DIM = 2.0


def build(tails: xr.Dataset, priors: Priors, effective_dim: str = "continuous") -> pm.Model:
    """Return the model of searches that share nothing, given their tails (`leadline.data.tails`).

    Tails with `population_mean` and `population_sd` (search, coordinate) have that population for
    their priors, in place of `priors`: see `leadline.models.population`. Its depth is that of the
    joint model in the attribute `population_of`.

    `effective_dim` "continuous" makes gamma real in [1, max_effective_dim]; "integer" makes it one
    of the integers of that range, and sums it out.

    The model observes `loss` (tail_trial), `in_regime` (replicate_count) and, where trials were
    repeated, `seed_variance` (repeated_trial). `optimum`, `noise_sd`, `tail_fraction` and `spread`
    (search) are deterministic, on the scale of the scores. Where gamma is summed out, the last
    two are (dimension, search), and `effective_dim_probability` (search, dimension) is added. All
    that comes from data is `pm.Data`.
    """
    with pm.Model(coords=coords_of(tails)) as model:
        data = declare_data(data_of(tails))
        if effective_dim == "integer":
            groups = pt.arange(data["threshold"].shape[0])
            dims: EffectiveDims = SummedDims(data, priors, groups, "search", tails)
            depths = EffectiveDims(data, pt.constant(_TYPICAL_DIM, dtype="float64"))
        elif "population_mean" in data:
            return _given_population(model, data, priors, tails.attrs["population_of"])
        else:
            upper = data["max_effective_dim"]
            gamma = bounded_dim("effective_dim", priors.effective_dim, upper, dims="search")
            dims = depths = EffectiveDims(data, gamma)
        sigma = data["noise_scale"] * priors.noise_ratio.variable("noise_ratio", dims="search")
        depth = depths.scaled_depth(
            lambda size: priors.gap.dist(size=size),
            lambda value: pm.logp(priors.gap.dist(), value),
            (),
            sigma,
        )
        reach = priors.reach.variable("reach", dims="search")
        observe_tails(data, depth, sigma, reach, dims, priors)
    return model


def build_priors(priors: Priors) -> pm.Model:
    """Return the priors of the parameters of one search that joint models draw from a population.

    `max_effective_dim` is `pm.Data`, so that the densities of other searches can be evaluated.
    """
    with pm.Model() as model:
        upper = pm.Data("max_effective_dim", priors.max_effective_dim or 2.0)
        bounded_dim("effective_dim", priors.effective_dim, upper)
        priors.noise_ratio.variable("noise_ratio")
        priors.gap.variable("gap")
    return model


def _given_population(model: pm.Model, data: Data, priors: Priors, kind: str) -> pm.Model:
    """Return the model with a population for its priors, in the coordinates of `population`."""
    (log_excess, noise, depth), (dim_sd, noise_sd, depth_sd) = (
        [data[name][:, place] for place in range(3)]
        for name in ("population_mean", "population_sd")
    )
    dims = EffectiveDims(data, dims_given(log_excess, dim_sd, data))
    sigma = data["noise_scale"] * pm.LogNormal("noise_ratio", noise, noise_sd, dims="search")
    if kind in ("crossed", "scaling"):
        edge, scale = edge_and_scale(data, sigma)
        scaled = dims.scaled_depth(*NORMAL, ((edge - depth) / scale, depth_sd / scale), sigma)
    else:
        scaled = dims.scaled_depth(*LOG_NORMAL, (depth, depth_sd), sigma)
    reach = priors.reach.variable("reach", dims="search")
    observe_tails(data, scaled, sigma, reach, dims, priors)
    return model
