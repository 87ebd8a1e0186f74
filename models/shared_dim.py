"""Searches of a space that all have the same effective dimension, an integer that is summed out.

In theory gamma is the rank of a Hessian, and a property of the search space (arXiv:2510.02721 finds
the same for every architecture). Here each space s has one, an integer of 1..d_s, and its searches
have no departures from it:

    P(all of space s) = sum_j w_sj prod_{searches of s} [counts and losses | gamma = j]

d_s is the smallest bound of its searches: an effective dimension that all of them have cannot
exceed the number of hyperparameters of any. The weights are those of `effective_dim` in
`priors`, as in the integer model of one search: `pooled_effective_dim` avoids 1, around
which nothing could scatter, and here nothing scatters.

Counts are a mixture with these weights, losses one with the weights that the counts leave: the same
joint probability, and still generative (`joint_mixture`).

The optimum lies within about n^(-2/gamma) tail scales of the best of n losses, farther the larger
gamma is. To sample gaps would leave a mode for each gamma, and more searches would leave less of a
way between them. So the coordinate x of the gap is sampled (`SoftWall`), in which the unit depends
on gamma: the posterior of x is nearly the same for all. The prior is that of the gap, a density of
x that depends on gamma, so that x is a mixture too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models import several, single
from leadline.models.effective_dims import EffectiveDims, pooled_dims
from leadline.models.joint_mixture import by_group, component_logp, joint_mixture
from leadline.models.priors import Priors
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import SoftWall

_WALL = SoftWall(wall=0, width=1, unit=2)


def bounds(searches: Sequence[several.Search]) -> dict[int, float]:
    """Return the bound of the effective dimension of each space, the smallest of its searches."""
    result: dict[int, float] = {}
    for search in searches:
        known = result.get(search.space, np.inf)
        result[search.space] = min(known, float(search.max_effective_dim))
    return result


class SummedOut(EffectiveDims):
    """The gamma of each space, summed out of what was observed.

    Each observed variable is a mixture with the weights that those before it leave.

    Parameters
    ----------
    data : dict of TensorVariable
        The model's data.
    searches : sequence of Search
        The searches.
    priors : Priors
        See `leadline.models.priors`.
    """

    def __init__(
        self, data: several.Data, searches: Sequence[several.Search], priors: Priors
    ) -> None:
        upper = bounds(searches)
        dimensions = np.arange(1, int(max(upper.values())) + 1)
        pm.modelcontext(None).add_coord("dimension", dimensions)
        self.of_each = pt.constant(dimensions.astype(float))[:, None]
        super().__init__(data, self.of_each + pt.zeros_like(data["threshold"]))
        self.space, self.spaces = data["search_space"], len(upper)
        log_density = pm.logp(priors.effective_dim.dist(), self.of_each[:, 0] - 1.0)
        allowed = self.of_each[:, 0] <= _bounds_of_spaces(data, self.spaces)[:, None]
        # Up to a constant, as the mixtures take them.
        self.log_weight = pt.where(allowed, log_density, -np.inf)

    def gaps(
        self,
        prior: Callable[..., TensorVariable],
        log_prior: Callable[..., TensorVariable],
        parameters: Sequence[TensorVariable],
        noise_ratio: TensorVariable,
    ) -> TensorVariable:
        """Return the gap of each search given each gamma; see the module docstring."""
        n = len(parameters)
        wall = (self.data["gap_of_best"], noise_ratio)
        unit = self.data["n_tail"] ** (-2.0 / self.of_each) + noise_ratio

        def each(x: TensorVariable, *inputs: TensorVariable) -> tuple[Any, Any]:
            """Return the gaps at coordinate x, and the log-densities of x; (dimension, search)."""
            gap = _WALL.backward(x, *inputs[n : n + 3])
            slope = _WALL.log_jac_det(x, *inputs[n : n + 3])
            return gap, log_prior(gap, *inputs[:n]) + slope

        def logp(x: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
            *_, log_weight, space = inputs
            of_space = by_group(each(x, *inputs)[1], space, self.spaces)
            return pt.logsumexp(
                pt.special.log_softmax(log_weight, axis=-1) + of_space, axis=-1
            ).sum()

        def draws(*inputs: TensorVariable) -> TensorVariable:
            *_, wall, width, unit, log_weight, space, _ = inputs
            chosen = pm.Categorical.dist(p=pt.special.softmax(log_weight, axis=-1))[space]
            gap = prior(*inputs[:n], size=wall.shape)
            return _WALL.forward(gap, wall, width, unit[chosen, pt.arange(wall.shape[0])])

        inputs = (*parameters, *wall, unit)
        x = pm.CustomDist(
            "gap_coordinate",
            *inputs,
            self.log_weight,
            self.space,
            dist=draws,
            logp=logp,
            # One unit past the wall, about.
            support_point=lambda rv, size, *inputs: pt.zeros_like(inputs[n]),
            ndim_supp=1,
            ndims_params=[*(part.ndim for part in inputs), 2, 1],
            dims="search",
        )
        gap, log_density = each(x, *inputs)
        self.log_weight = self.log_weight + by_group(log_density, self.space, self.spaces)
        return pm.Deterministic("gap", gap, dims=("dimension", "search"))

    def observe(
        self,
        name: str,
        family: type[pm.Distribution],
        params: Sequence[Any],
        search: TensorVariable,
        **kwargs: Any,
    ) -> None:
        """Declare an observed variable."""
        space = self.space[search]
        variable = joint_mixture(name, family, self.log_weight, params, space, **kwargs)
        given = component_logp(family, params, variable, space, self.spaces)
        self.log_weight = self.log_weight + given

    def tell(self) -> None:
        """Declare P(gamma = j) given the parameters and all that was observed."""
        pm.Deterministic(
            "effective_dim_probability",
            pt.special.softmax(self.log_weight, axis=-1),
            dims=("space", "dimension"),
        )


def _bounds_of_spaces(data: several.Data, spaces: int) -> TensorVariable:
    """Return `bounds` as a vector over spaces."""
    upper = data["max_effective_dim"]
    return pt.stack(
        [
            pt.min(pt.where(pt.eq(data["search_space"], space), upper, np.inf))
            for space in range(spaces)
        ]
    )


def _continuous(
    data: several.Data, searches: Sequence[several.Search], priors: Priors
) -> EffectiveDims:
    gamma = pooled_dims(data, priors, len(bounds(searches)))
    return EffectiveDims(data, gamma)


def _shared(
    data: several.Data, searches: Sequence[several.Search], priors: Priors
) -> EffectiveDims:
    upper = _bounds_of_spaces(data, len(bounds(searches)))
    pooled = single.bounded_dim("pooled_effective_dim", priors.effective_dim, upper, dims="space")
    gamma = pooled[data["search_space"]]
    return EffectiveDims(data, gamma)


_KINDS: Mapping[str, Callable[..., EffectiveDims]] = {
    "continuous": _continuous,
    "integer": SummedOut,
    "shared": _shared,
}


def effective_dims(
    kind: str, data: several.Data, searches: Sequence[several.Search], priors: Priors
) -> EffectiveDims:
    """Return the effective dimensions of the searches.

    Parameters
    ----------
    kind : {"continuous", "integer", "shared"}
        Real and pooled; one integer a space, summed out; or one real number a space, which is what
        the second sums over: it has the densities given draws of the integer.
    data : dict of TensorVariable
        The model's data.
    searches : sequence of Search
        The searches.
    priors : Priors
        See `leadline.models.priors`.
    """
    return _KINDS[kind](data, searches, priors)
