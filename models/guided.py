"""Guided trials as evidence: what a sampler that learned says about the optimum.

A guided trial is no sample of the search space, so that it never counts in the tail. But its
expected loss is no better than the optimum:

    y_i ~ Normal(alpha + excess_i, sigma / sqrt(m_i)),   excess_i = distance + e_i
    e_i ~ Exponential(mean scale),   distance = scale * guided_distance

The excess is summed out, which leaves an exponentially modified normal density (`GuidedScore`),
given that the trial is beyond the threshold: a sampler tries bad configurations too, and those say
nothing about the optimum. Two parameters of a search are learned:

* ``guided_spread = scale / noise scale``: how far apart its guided trials are;
* ``guided_distance``: how far all of them stay from the optimum, in these scales.

The distance is what keeps a bad sampler from teaching. Without it, n trials whose excess is
exponential lie within scale / n of the optimum, so that a sampler that draws at random, or that is
stuck, pulls the optimum up to its best trial with the weight of all of them
(`benchmarks/README.md`). With it, guided trials bound the optimum from above, and from below only as
far as one draw of the prior of the distance does.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.guided_score import GuidedScore
from leadline.models.priors import Priors


def has_guided(tails: xr.Dataset) -> bool:
    """Return whether any search has guided trials."""
    return tails.sizes.get("guided_trial", 0) > 0


def guided_data(tails: xr.Dataset) -> dict[str, Any]:
    """Return what the model takes from the guided trials beyond the thresholds."""
    search = tails["guided_search"].to_numpy()
    inside = tails["guided_loss"].to_numpy() <= tails["threshold"].to_numpy()[search]
    return {
        "guided_search": search[inside],
        "guided_replicates": tails["guided_replicates"].to_numpy()[inside].astype(float),
        # Rounding to a grid of width h adds h² / 12 to the variance (Sheppard's correction).
        "guided_rounding": tails["guided_width"].to_numpy()[inside] / np.sqrt(12.0),
        "observed_guided": tails["guided_loss"].to_numpy()[inside],
    }


def guided_scale(data: dict[str, TensorVariable], priors: Priors) -> TensorVariable:
    """Add `guided_spread` and `guided_distance` (search); return scale and distance as losses."""
    scale = data["noise_scale"] * priors.guided_spread.variable("guided_spread", dims="search")
    distance = scale * priors.guided_distance.variable("guided_distance", dims="search")
    return scale, distance
