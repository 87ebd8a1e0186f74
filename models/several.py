"""What the models of several searches share: data, noise, what is observed.

The searches of a model stand behind each other: vectors over `search` hold what belongs to a
search, vectors over `tail_trial` its trials past the threshold, with the number of its search in
`tail_search`. All that follows is in units of each search's own tail scale (`priors`), so
that searches with other metrics can be pooled.

The effective dimensions are those of `effective_dims`, or of `shared_dim`. The noise ratios scatter
around `pooled_noise_ratio` log-normally. With one seed a trial they are known poorly and are
sampled as departures from it, with more seeds they are known well and are sampled as they are
(`PartlyCentred`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models import single
from leadline.models.effective_dims import Data, EffectiveDims
from leadline.models.priors import Priors
from pytensor.tensor.variable import TensorVariable

from leadline.data.regime import Regime
from leadline.distributions.coordinates import PartlyCentred
from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.tail_score import TailScore

# Of the tail scale: a grid as fine as this changes no answer, and stands for none where other
# searches of the model have one.
_NO_GRID = 1e-4


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
    "tail_trial": ("observed_loss", "tail_search", "tail_group", "tail_replicates", "resolution"),
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
        "tail_group": _group_of_trial(regimes),
        "threshold": np.array([regime.threshold for regime in regimes]),
        "tail_scale": np.array([regime.tail_scale for regime in regimes]),
        "gap_of_best": np.array(
            [(regime.threshold - regime.best) / regime.tail_scale for regime in regimes]
        ),
        "n_tail": np.array([float(regime.n_tail) for regime in regimes]),
        "max_effective_dim": np.array([float(search.max_effective_dim) for search in searches]),
        "search_space": np.array([search.space for search in searches]),
        "noise_is_known": np.array([float(regime.repeated.size > 0) for regime in regimes]),
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


def _group_of_trial(regimes: Sequence[Regime]) -> np.ndarray:
    """Return the index of the search and number of replicates of each trial of a tail."""
    first = np.cumsum([0, *(len(regime.group_trials) for regime in regimes)])
    groups = [np.searchsorted(regime.group_replicates, regime.replicates) for regime in regimes]
    return np.concatenate([start + group for start, group in zip(first, groups, strict=False)])


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
    log_tail_fraction = noisy_quadratic.logcdf(data["threshold"][group], *group_law)
    dims.observe(
        "in_regime",
        pm.Binomial,
        (
            data["group_trials"],
            pt.exp(log_tail_fraction),
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
            # Once per search and number of replicates: it costs as much as the density.
            log_tail_fraction[..., data["tail_group"]],
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
