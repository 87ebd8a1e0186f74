"""The effective dimensions of several searches, pooled, and what depends on them.

Those of one search space differ little (arXiv:2510.02721 finds the same for every architecture), so
each space has a `pooled_effective_dim`, and a search's is near it:

    log e(gamma_j) = log e(pooled_s) + effective_dim_scatter * z_j
    1 / (gamma − 1) = 1 / e(gamma) + 1 / (d − 1)

e is gamma − 1 where that is far below its bound d − 1, and the map keeps gamma within [1, d] for
every e > 0. Across spaces e(pooled_s) scatters in the same way around
`overall_effective_dim`. `shared_dim` has the integer that all searches of a space share instead.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pymc as pm
import pytensor.tensor as pt
from leadline.models import single
from leadline.models.priors import Priors
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import SoftWall

Data = dict[str, TensorVariable]

# Where chains start: that of the law with two effective hyperparameters.
_TYPICAL_GAP = 2.0


class EffectiveDims:
    """The effective dimensions of the searches, and what depends on them.

    Parameters
    ----------
    data : dict of TensorVariable
        The model's data.
    gamma : TensorVariable, shape (search,)
        The effective dimensions; of shape (dimension, search) where they are summed over.
    """

    def __init__(self, data: Data, gamma: TensorVariable) -> None:
        self.data = data
        self.gamma = gamma

    def gaps(
        self,
        prior: Callable[..., TensorVariable],
        log_prior: Callable[..., TensorVariable],
        parameters: Sequence[TensorVariable],
        noise_ratio: TensorVariable,
    ) -> TensorVariable:
        """Return the depth of the optimum of each search, in its tail scale.

        Parameters
        ----------
        prior : callable
            Takes `parameters` and `size`; returns an unnamed variable, positive.
        log_prior : callable
            Takes a positive value and `parameters`; returns the log-density of that variable.
        parameters : sequence of TensorVariable
            Scalars or of shape (search,).
        noise_ratio : TensorVariable, shape (search,)
            What the coordinate depends on.

        Returns
        -------
        TensorVariable
            Of the shape of `gamma`.
        """
        n = len(parameters)
        unit = self.data["n_tail"] ** (-2.0 / self.gamma) + noise_ratio
        return pm.CustomDist(
            "gap",
            *parameters,
            self.data["gap_of_best"],
            noise_ratio,
            unit,
            dist=lambda *inputs: prior(*inputs[:n], size=inputs[-1]),
            logp=lambda value, *inputs: log_prior(value, *inputs[:n]),
            support_point=lambda rv, size, *inputs: pt.full_like(inputs[-1], _TYPICAL_GAP),
            transform=SoftWall(wall=n + 1, width=n + 2, unit=n + 3),
            dims="search",
        )

    def observe(
        self,
        name: str,
        family: type[pm.Distribution],
        params: Sequence[Any],
        search: TensorVariable,
        **kwargs: Any,
    ) -> None:
        """Declare an observed variable.

        Parameters
        ----------
        name : str
            Its name.
        family : type of Distribution
            The distribution of its entries, given gamma.
        params : sequence of tensor_like
            The parameters of that, of shape (entry,), or (dimension, entry) as `gamma`.
        search : TensorVariable, shape (entry,)
            Number of the search of each entry.
        **kwargs
            `observed` and `dims`.
        """
        family(name, *params, **kwargs)

    def tell(self) -> None:
        """Declare what is known of gamma once all has been observed, if it is no parameter."""


def pooled_dims(data: Data, priors: Priors, spaces: int) -> TensorVariable:
    """Return gamma of each search, pooled within a search space and across spaces."""
    scatter = single.from_prior("effective_dim_scatter", priors.effective_dim_scatter)
    upper = data["max_effective_dim"] - 1.0
    pooled = single.bounded_dim(
        "pooled_effective_dim" if spaces == 1 else "overall_effective_dim",
        priors.pooled_effective_dim,
        pt.max(data["max_effective_dim"]),
    )
    log_excess = _log_excess(pooled, pt.max(upper))
    if spaces > 1:
        across = single.from_prior(
            "effective_dim_scatter_across_spaces", priors.effective_dim_scatter_across_spaces
        )
        departure = pm.Normal("space_effective_dim_departure", dims="space")
        log_excess = log_excess + across * departure
        largest = pt.stack(
            [
                pt.max(pt.where(pt.eq(data["search_space"], space), upper, 0.0))
                for space in range(spaces)
            ]
        )
        pm.Deterministic("pooled_effective_dim", 1.0 + _bounded(log_excess, largest), dims="space")
        log_excess = log_excess[data["search_space"]]
    departure = pm.Normal("effective_dim_departure", dims="search")
    return pm.Deterministic(
        "effective_dim",
        1.0 + _bounded(log_excess + scatter * departure, upper),
        dims="search",
    )


def _log_excess(gamma: TensorVariable, upper: TensorVariable) -> TensorVariable:
    """Return log e of the module docstring; `upper` is d − 1."""
    excess = gamma - 1.0
    return pt.log(excess) - pt.log1p(-excess / upper)


def _bounded(log_excess: TensorVariable, upper: TensorVariable) -> TensorVariable:
    """Return gamma − 1."""
    return upper * pt.sigmoid(log_excess - pt.log(upper))
