"""Guided trials as evidence: what a sampler that learned says about the optimum.

A guided trial is no sample of the search space, so that it never counts in the tail. But its
expected loss is no better than the optimum:

    y_i ~ Normal(alpha + excess_i, sigma / sqrt(m_i)),   excess_i = distance + e_i
    e_i ~ Exponential(mean scale),   distance = scale * guided_root²

The excess is summed out, which leaves an exponentially modified normal density (`GuidedScore`),
given that the trial is beyond the threshold: a sampler tries bad configurations too, and those say
nothing about the optimum. Two parameters of a search are learned:

* ``guided_spread = scale / noise scale``: how far apart its guided trials are;
* ``guided_root``: the root of how far all of them stay from the optimum, in these scales.

The distance is what keeps a bad sampler from teaching. Without it, the best of n trials would lie
within scale / n of the optimum. A sampler that draws at random, or is stuck, then pulls the optimum
up to its best trial with the weight of all of them (`benchmarks/guided.py`). With it, guided trials
bound the optimum from above; from below, all of them together weigh as much as one draw from the
prior of the distance.
"""

from typing import Any

import numpy as np
import xarray as xr
from pytensor.tensor.variable import TensorVariable

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
    """Add `guided_spread` and `guided_root` (search); return scale and distance as losses."""
    scale = data["noise_scale"] * priors.guided_spread.variable("guided_spread", dims="search")
    root = priors.guided_root.variable("guided_root", dims="search")
    return scale, scale * root**2
