"""Log-likelihood per observation and log-prior per parameter, for all draws at once.

`pymc.compute_log_likelihood` compiles for each call and loops over the draws. Here the function is
compiled once per model, over a whole chain, and evaluated on other data.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.graph.replace import vectorize_graph

from leadline.distributions.tail_score import without_gradient
from leadline.inference.sampler import set_data


class PointwiseLogp:
    """The pointwise log-densities of a model, compiled."""

    def __init__(self, model: pm.Model) -> None:
        self.model = remove_value_transforms(model)
        self.observed = [variable.name for variable in self.model.observed_RVs]
        self.free = [variable.name for variable in self.model.free_RVs]
        values = [self.model.rvs_to_values[variable] for variable in self.model.free_RVs]
        draws = [value.type.clone(shape=(None, *value.type.shape))(value.name) for value in values]
        variables = [*self.model.observed_RVs, *self.model.free_RVs]
        with without_gradient():
            densities = self.model.logp(vars=variables, sum=False, jacobian=False)
        batched = vectorize_graph(densities, dict(zip(values, draws, strict=True)))
        # As in `leadline.inference.sampler`: the same numbers in every process.
        with pytensor.config.change_flags(numba__fastmath=False):
            self._evaluate: Callable[..., list[np.ndarray]] = self.model.compile_fn(
                batched, inputs=draws, point_fn=False
            )

    def __call__(
        self, posterior: xr.Dataset, data: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return log-likelihoods (chain, draw, observation) and log-priors (chain, draw, ...).

        Both are dicts by variable. `posterior` has the free variables, dims (chain, draw, ...);
        `data` the values of the model's `pm.Data`.
        """
        set_data(self.model, data)
        chains = [
            self._evaluate(*(posterior[name].values[chain].astype(float) for name in self.free))
            for chain in range(posterior.sizes["chain"])
        ]
        names = [*self.observed, *self.free]
        stacked = dict(zip(names, map(np.stack, zip(*chains, strict=True)), strict=True))
        return (
            {name: stacked[name] for name in self.observed},
            {name: stacked[name] for name in self.free},
        )
