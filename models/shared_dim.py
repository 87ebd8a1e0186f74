"""Effective dimensions that are integers, summed out: one per search space, or one per search.

In theory gamma is the rank of a Hessian and a property of the search space (arXiv:2510.02721 finds
the same for every architecture). Each group g of searches has one gamma, an integer of 1..d_g:

    P(all of group g) = sum_j w_gj prod_{searches of g} [counts and losses | gamma = j]

d_g is the smallest bound of its searches, because a shared effective dimension cannot exceed the
number of hyperparameters of any. The weights are the densities of the prior `effective_dim` at the
integers. Counts are a mixture with these weights, and losses a mixture with the weights that the
counts leave: the same joint probability, and still generative (`leadline.models.joint_mixture`).

The optimum lies within about n^(-2/gamma) tail scales of the best of n losses, farther for larger
gamma. Sampled depths would have a mode for each gamma, with less of a way between them the more
searches there are. `SummedDims.scaled_depth` therefore samples the coordinate x of the depth
(`SoftWall`), whose unit depends on gamma: the posterior of x is nearly the same for every gamma.
The prior of the depth is a density of x that depends on gamma, so that x is a mixture too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.models.joint_mixture import component_logp, joint_mixture, sum_by_group
from leadline.models.likelihood import Data, EffectiveDims
from leadline.models.priors import Priors
from leadline.models.scaled_depth import coordinate_at, coordinate_inputs, within_limit


class SummedDims(EffectiveDims):
    """Integers summed out of all that is observed.

    Each observed variable is a mixture with the weights that those before it leave. `group`
    (search) holds the position of the group of each search, whose searches share gamma; groups are
    spaces or searches (`dim`). The bounds of `tails` set the number of dimensions.
    """

    def __init__(
        self, data: Data, priors: Priors, group: TensorVariable, dim: str, tails: xr.Dataset
    ) -> None:
        bounds = tails["max_effective_dim"]
        if dim == "space":
            bounds = bounds.groupby("space").min()
        dimensions = np.arange(1, int(bounds.max()) + 1)
        pm.modelcontext(None).add_coord("dimension", dimensions)
        self.group, self.dim, self.groups = group, dim, bounds.size
        self.column = pt.constant(dimensions.astype(float))[:, None]
        super().__init__(data, self.column + pt.zeros_like(data["threshold"]))
        log_density = pm.logp(priors.effective_dim.dist(), self.column[:, 0] - 1.0)
        upper = min_by_group(data["max_effective_dim"], group, self.groups)
        # Up to a constant, as the mixtures take them; shape (group, dimension).
        self.log_weight = pt.where(self.column[:, 0] <= upper[:, None], log_density, -np.inf)

    def scaled_depth(
        self,
        prior: Callable[..., TensorVariable],
        log_prior: Callable[..., TensorVariable],
        parameters: Sequence[TensorVariable],
        sigma: TensorVariable,
    ) -> TensorVariable:
        """Add `gap` (dimension, search) to the active model; see the module docstring."""
        n = len(parameters)
        own = coordinate_inputs(self.data, sigma, self.column)
        coordinate = coordinate_at(own, n)

        def depth_and_logp(x: TensorVariable, *inputs: TensorVariable) -> tuple[Any, Any]:
            """Return depths at coordinate x and log-densities of x, shape (dimension, search)."""
            depth = coordinate.backward(x, *inputs)
            slope = coordinate.log_jac_det(x, *inputs)
            return depth, log_prior(depth, *inputs[:n]) + slope

        def logp(x: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
            *_, log_weight, group = inputs
            by_group = sum_by_group(depth_and_logp(x, *inputs)[1], group, self.groups)
            log_weight = pt.special.log_softmax(log_weight, axis=-1)
            return pt.logsumexp(log_weight + by_group, axis=-1).sum()

        def draws(*inputs: TensorVariable) -> TensorVariable:
            *_, log_weight, group, _ = inputs
            wall, width, unit, *limit = at = list(inputs[n:-3])
            chosen = pm.Categorical.dist(p=pt.special.softmax(log_weight, axis=-1))[group]
            depth = within_limit(prior(*inputs[:n], size=wall.shape), at)
            unit = unit[chosen, pt.arange(wall.shape[0])]
            return coordinate.forward(depth, *inputs[:n], wall, width, unit, *limit)

        inputs = (*parameters, *own)
        x = pm.CustomDist(
            "gap_coordinate",
            *inputs,
            self.log_weight,
            self.group,
            dist=draws,
            logp=logp,
            # About one unit beyond the wall.
            support_point=lambda rv, size, *inputs: pt.zeros_like(inputs[n]),
            ndim_supp=1,
            ndims_params=[*(part.ndim for part in inputs), 2, 1],
            dims="search",
        )
        depth, log_density = depth_and_logp(x, *inputs)
        self.log_weight = self.log_weight + sum_by_group(log_density, self.group, self.groups)
        return pm.Deterministic("gap", depth, dims=("dimension", "search"))

    def observe(
        self,
        name: str,
        family: type[pm.Distribution],
        params: Sequence[Any],
        search: TensorVariable,
        **kwargs: Any,
    ) -> None:
        """Add an observed variable to the active model."""
        group = self.group[search]
        variable = joint_mixture(name, family, self.log_weight, params, group, **kwargs)
        given = component_logp(family, params, variable, group, self.groups)
        self.log_weight = self.log_weight + given

    def register_probability(self) -> None:
        """Register P(gamma = j) given the parameters and all that was observed."""
        probability = pt.special.softmax(self.log_weight, axis=-1)
        pm.Deterministic("effective_dim_probability", probability, dims=(self.dim, "dimension"))


def min_by_group(values: TensorVariable, group: TensorVariable, groups: int) -> TensorVariable:
    """Return the smallest value of each group, shape (group,)."""
    return pt.stack([pt.min(pt.where(pt.eq(group, g), values, np.inf)) for g in range(groups)])


def max_by_group(values: TensorVariable, group: TensorVariable, groups: int) -> TensorVariable:
    """Return the largest value of each group, shape (group,)."""
    return -min_by_group(-values, group, groups)
