"""What the models of several searches share: data, effective dimensions, noise, what is observed.

The searches of a model stand behind each other: vectors over `search` hold what belongs to a
search, vectors over `tail_trial` its trials past the threshold, with the number of its search in
`tail_search`. All that follows is in units of each search's own tail scale (`leadline.priors`), so
that searches with other metrics can be pooled.

Effective dimensions. Those of one search space differ little (arXiv:2510.02721 finds the same
for every architecture), so each space has a `pooled_effective_dim`, and a search's is near it:

    log e(gamma_j) = log e(pooled_s) + effective_dim_scatter * z_j
    1 / (gamma − 1) = 1 / e(gamma) + 1 / (d − 1)

e is gamma − 1 where that is far below its bound d − 1, and the map keeps gamma within [1, d] for
every e > 0. Across spaces e(pooled_s) scatters in the same way around
`overall_effective_dim`. `shared_dim` has the integer that all searches of a space share instead.

Noise. The noise ratios scatter around `pooled_noise_ratio` log-normally. With one seed a trial they
are known poorly and are sampled as departures from it, with more seeds they are known
well and are sampled as they are (`PartlyCentred`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models import single
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.coordinates import PartlyCentred, SoftWall
from leadline.distributions.tail_score import TailScore
from leadline.kernels import noisy_quadratic
from leadline.priors import Priors
from leadline.regime import Regime

Data = dict[str, TensorVariable]

# Of the tail scale: a grid as fine as this changes no answer, and stands for none where other
# searches of the model have one.
_NO_GRID = 1e-4

# Where chains start: that of the law with two effective hyperparameters.
_TYPICAL_GAP = 2.0


@dataclasses.dataclass(frozen=True)
class Search:
    """One search as these models see it.

    Attributes
    ----------
    regime : Regime
        Its trials past the threshold, as losses.
    max_effective_dim : float
        Upper bound of its effective dimension, above 1.
    space, task, model : int
        Numbers of its search space, task and model, from 0 without gaps.
    """

    regime: Regime
    max_effective_dim: float
    space: int = 0
    task: int = 0
    model: int = 0


_DIMS = {
    "search": (
        "threshold",
        "tail_scale",
        "gap_of_best",
        "n_tail",
        "max_effective_dim",
        "search_space",
        "noise_is_known",
    ),
    "tail_trial": ("observed_loss", "tail_search", "tail_replicates", "resolution"),
    "replicate_count": ("group_replicates", "group_trials", "group_search", "observed_in_regime"),
    "repeated_trial": ("seed_freedom", "seed_search", "observed_seed_variance"),
}


def data_of(searches: Sequence[Search], sign: float) -> dict[str, Any]:
    """Return what the models take from the data, by the names of their `pm.Data`."""
    regimes = [search.regime for search in searches]
    numbers = range(len(searches))

    def of_trials(values: Callable[[Regime], Any]) -> np.ndarray:
        return np.concatenate([np.asarray(values(regime)) for regime in regimes])

    def owner(lengths: Sequence[int]) -> np.ndarray:
        return np.repeat(numbers, lengths)

    repeated = [regime.replicates > 1 for regime in regimes]
    data = {
        "observed_loss": of_trials(lambda regime: regime.loss),
        "tail_search": owner([regime.n_tail for regime in regimes]),
        "threshold": np.array([regime.threshold for regime in regimes]),
        "tail_scale": np.array([regime.tail_scale for regime in regimes]),
        "gap_of_best": np.array(
            [(regime.threshold - regime.best) / regime.tail_scale for regime in regimes]
        ),
        "n_tail": np.array([float(regime.n_tail) for regime in regimes]),
        "max_effective_dim": np.array([float(search.max_effective_dim) for search in searches]),
        "search_space": np.array([search.space for search in searches]),
        "noise_is_known": np.array([float(regime.replicated) for regime in regimes]),
        "group_replicates": of_trials(lambda regime: regime.group_replicates.astype(float)),
        "group_trials": of_trials(lambda regime: regime.group_trials),
        "group_search": owner([len(regime.group_trials) for regime in regimes]),
        "observed_in_regime": of_trials(lambda regime: regime.group_in_regime),
        "sign": sign,
    }
    if any(regime.replicated for regime in regimes):
        freedom = [
            regime.replicates[rows] - 1.0 for regime, rows in zip(regimes, repeated, strict=True)
        ]
        data["tail_replicates"] = of_trials(lambda regime: regime.replicates.astype(float))
        data["seed_freedom"] = np.concatenate(freedom)
        data["seed_search"] = owner([len(part) for part in freedom])
        data["observed_seed_variance"] = np.concatenate(
            [
                regime.sum_of_squares[rows] / part
                for regime, rows, part in zip(regimes, repeated, freedom, strict=True)
            ]
        )
    if any(regime.resolution > 0 for regime in regimes):
        data["resolution"] = of_trials(
            lambda regime: np.where(regime.cell > 0, regime.cell, _NO_GRID * regime.tail_scale)
        )
    return data


def structure(searches: Sequence[Search]) -> tuple[Any, ...]:
    """Return what decides the graph besides the priors: equal ones can share a compiled model."""
    return (
        len(searches),
        any(search.regime.replicated for search in searches),
        any(search.regime.resolution > 0 for search in searches),
        len({search.space for search in searches}),
    )


def declare_data(values: dict[str, Any]) -> Data:
    """Return a `pm.Data` for each of the values."""
    dims = {name: dim for dim, names in _DIMS.items() for name in names}
    return {name: pm.Data(name, value, dims=dims.get(name)) for name, value in values.items()}


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
    scatter = _from_prior("effective_dim_scatter", priors)
    upper = data["max_effective_dim"] - 1.0
    pooled = single.bounded_dim(
        "pooled_effective_dim" if spaces == 1 else "overall_effective_dim",
        priors.pooled_effective_dim,
        pt.max(data["max_effective_dim"]),
    )
    log_excess = _log_excess(pooled, pt.max(upper))
    if spaces > 1:
        across = _from_prior("effective_dim_scatter_across_spaces", priors)
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


def _from_prior(name: str, priors: Priors) -> TensorVariable:
    return single.from_prior(name, getattr(priors, name))


def noise_ratios(data: Data, priors: Priors) -> TensorVariable:
    """Return the noise ratio of each search, pooled over all."""
    pooled = _from_prior("pooled_noise_ratio", priors)
    scatter = _from_prior("noise_ratio_scatter", priors)
    return pm.CustomDist(
        "noise_ratio",
        pt.log(pooled),
        scatter,
        data["noise_is_known"],
        dist=lambda mu, sigma, known, size: pm.LogNormal.dist(mu + 0.0 * known, sigma, size=size),
        logp=lambda value, mu, sigma, known: pm.logp(pm.LogNormal.dist(mu, sigma), value),
        transform=PartlyCentred(),
        dims="search",
    )


def observe(
    data: Data,
    gap: TensorVariable,
    noise_ratio: TensorVariable,
    dims: EffectiveDims,
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Declare the observed variables, and what is told of each search in score units.

    Parameters
    ----------
    data : dict of TensorVariable
        The model's data.
    gap, noise_ratio : TensorVariable, shape (search,)
        Depth of the optimum and noise of each search; the depth has the shape of gamma.
    dims : EffectiveDims
        The effective dimensions.

    Returns
    -------
    alpha, beta, sigma : TensorVariable, shape (search,)
        The laws, in losses; the first two of the shape of gamma.
    """
    gamma = dims.gamma
    reach = pm.Beta("reach", 1.0, 1.0, dims="search")
    alpha = data["threshold"] - data["tail_scale"] * gap
    sigma = data["tail_scale"] * noise_ratio
    spread = (data["threshold"] - alpha) * reach ** (-2.0 / gamma)
    beta = alpha + spread
    each = ("dimension", "search")[-alpha.ndim :]
    pm.Deterministic("optimum", data["sign"] * alpha, dims=each)
    pm.Deterministic("noise_sd", sigma, dims="search")
    pm.Deterministic("spread", spread, dims=each)
    fraction = pt.exp(noisy_quadratic.logcdf(data["threshold"], alpha, beta, gamma, sigma))
    pm.Deterministic("tail_fraction", fraction, dims=each)

    group = data["group_search"]
    group_sigma = sigma[group] / pt.sqrt(data["group_replicates"])
    group_law = (alpha[..., group], beta[..., group], gamma[..., group], group_sigma)
    dims.observe(
        "in_regime",
        pm.Binomial,
        (
            data["group_trials"],
            pt.exp(noisy_quadratic.logcdf(data["threshold"][group], *group_law)),
        ),
        group,
        observed=data["observed_in_regime"],
        dims="replicate_count",
    )
    of = data["tail_search"]
    tail_sigma = sigma[of]
    if "tail_replicates" in data:
        tail_sigma = tail_sigma / pt.sqrt(data["tail_replicates"])
    dims.observe(
        "loss",
        TailScore,
        (
            alpha[..., of],
            beta[..., of],
            gamma[..., of],
            tail_sigma,
            data["threshold"][of],
            data.get("resolution", 0.0),
        ),
        of,
        observed=data["observed_loss"],
        dims="tail_trial",
    )
    if "seed_freedom" in data:
        freedom = data["seed_freedom"]
        pm.Gamma(
            "seed_variance",
            alpha=freedom / 2.0,
            beta=freedom / (2.0 * sigma[data["seed_search"]] ** 2),
            observed=data["observed_seed_variance"],
            dims="repeated_trial",
        )
    dims.tell()
    return alpha, beta, sigma
