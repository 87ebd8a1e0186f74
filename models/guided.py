"""Guided trials as evidence: what a sampler that learned says about the optimum.

A guided trial is no sample of the search space, so that it never counts in the tail. But its
expected loss is no better than the optimum:

    y_i ~ Normal(alpha + excess_i, sigma / sqrt(m_i)),   excess_i = distance + e_i
    e_i = (edge − alpha − distance) U^(2/guided_dim),    distance = (edge − alpha) (1 − exp(−d))
    d = guided_root² k / (k + 1),                        k = guided_dim / 2

given that the trial is beyond the threshold: a sampler tries bad configurations too, and those say
nothing about the optimum. The excess is summed out; what is left is the density of the law with
other parameters (`TailScore`). Two parameters of a search are learned:

* ``guided_dim``: the smaller it is, the closer the guided trials gather. A sampler that draws at
  random has the effective dimension of the law.
* ``guided_root``: the root of how far all of them stay from the optimum, in units of their mean
  excess.

The distance is what keeps a bad sampler from teaching. Without it, the best of n trials would be
as close to the optimum as n draws from the law, also where the sampler is stuck. An exponential
excess, whose density falls from the start on, was tried and is worse: a sampler that draws at
random has more trials the farther from the optimum, and moved it up by a posterior sd or two
(`benchmarks/guided.py`).
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.models.priors import Priors
from leadline.models.scaled_depth import edge_and_scale

_LEAST_SHARE = 1e-6


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


def guided_law(
    data: dict[str, TensorVariable], alpha: TensorVariable, sigma: TensorVariable, priors: Priors
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Add `guided_dim` and `guided_root` (search); return start, end and dimension of the excess.

    Start and end, shape of `alpha` and (search,), are the smallest and the largest expected loss
    of guided trials.
    """
    gamma = priors.guided_dim.variable("guided_dim", dims="search")
    root = priors.guided_root.variable("guided_root", dims="search")
    edge, _ = edge_and_scale(data, sigma)
    return guided_start(alpha, edge, gamma, root, pt), edge, gamma


def guided_start(alpha: Any, edge: Any, gamma: Any, root: Any, xp: Any = np) -> Any:
    """Return the smallest expected loss of guided trials; `xp` is NumPy or PyTensor."""
    # Not within rounding of the edge, where no density is left.
    share = xp.maximum(xp.exp(-(root**2) * gamma / (gamma + 2.0)), _LEAST_SHARE)
    return edge - (edge - alpha) * share
