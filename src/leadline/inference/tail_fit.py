"""The posterior of one search past one threshold, and what leaving a trial out changes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from leadline.data.prepare import PreparedSearch
from leadline.distributions.array_functions import NoisyQuadraticParams, log_survival
from leadline.inference.compiled_models import ReadyModel, ready_model
from leadline.inference.drawn_dims import one_dim_a_draw
from leadline.inference.sampling import Sampler
from leadline.models import single
from leadline.models.priors import Priors

Array = npt.NDArray[np.float64]

# Leave-one-out needs a mean over the posterior, not its quantiles.
_REFIT_DRAWS = 500


@dataclasses.dataclass(frozen=True)
class FittedTail:
    """The posterior of a search past a threshold.

    Attributes
    ----------
    search : PreparedSearch
        The data.
    posterior, statistics : Dataset, dims (chain, draw)
        Draws and sampler statistics. `optimum`, `noise_sd` and `spread` are in score units;
        `law_optimum`, `law_noise_sd` and `law_spread` on the scale of the search.
    log_likelihood : mapping of str to ndarray, shape (chain, draw, observation)
        By observed variable of the model, on the scale.
    log_prior : mapping of str to ndarray, shape (chain, draw)
        By parameter.
    """

    search: PreparedSearch
    posterior: xr.Dataset
    statistics: xr.Dataset
    log_likelihood: Mapping[str, Array]
    log_prior: Mapping[str, Array]

    @property
    def law(self) -> NoisyQuadraticParams:
        """Alpha, beta, gamma and sigma in losses on the scale, each of shape (draw, 1)."""
        alpha = self.search.sign * self._draws("law_optimum")
        beta = alpha + self._draws("law_spread")
        return alpha, beta, self._draws("effective_dim"), self._draws("law_noise_sd")

    def _draws(self, name: str) -> Array:
        return self.posterior[name].to_numpy().reshape(-1, 1).astype(float)

    def log_better(self, loss: float) -> Array:
        """Return log P(a trial is better than `loss`), shape (draw, replicates)."""
        return np.log(-np.expm1(self.log_worse(loss)))

    def log_worse(self, loss: float) -> Array:
        """Return log P(a trial is worse than `loss`), shape (draw, replicates).

        One column for each of ``regime.group_replicates``, the numbers of seeds that a trial had.
        """
        alpha, beta, gamma, sigma = self.law
        place = np.full_like(alpha, loss)
        columns = [
            log_survival(place, (alpha, beta, gamma, sigma / np.sqrt(seeds)))
            for seeds in self.search.regime.group_replicates
        ]
        # No columns where there are no trials.
        return np.concatenate([place[:, :0], *columns], axis=1)

    @property
    def group_of_trial(self) -> npt.NDArray[np.intp]:
        """Column of `log_worse` of each tail trial, shape (tail_trial,)."""
        regime = self.search.regime
        return np.searchsorted(regime.group_replicates, regime.replicates)

    def log_density(self) -> Array:
        """Return the log-density of each tail trial, seeds included, shape (draw, tail_trial).

        On the scale, and not given that the trial is past the threshold.
        """
        regime = self.search.regime
        conditional = self.log_likelihood["loss"]
        result = conditional.reshape(-1, regime.n_tail).copy()
        result += self.log_better(regime.threshold)[:, self.group_of_trial]
        repeated = regime.repeated
        if repeated.size:
            result[:, repeated] += self.log_likelihood["seed_variance"].reshape(-1, len(repeated))
        return result


class TailFitter:
    """Fits tails; those whose models have the same structure share a compiled one.

    As do those of earlier fits: see `leadline.inference.compiled_models`.

    Parameters
    ----------
    priors : Priors
        The priors of all fits.
    effective_dim : {"continuous", "integer"}
        As in `leadline.fit`.
    sampler : Sampler
        Settings of the sampler.
    """

    def __init__(self, priors: Priors, effective_dim: str, sampler: Sampler) -> None:
        self.priors = priors
        self.effective_dim = effective_dim
        self.sampler = sampler

    def _ready(self, search: PreparedSearch) -> ReadyModel:
        def build() -> tuple[pm.Model, pm.Model]:
            inputs = (search.regime, search.max_effective_dim, search.sign)
            model = single.build(*inputs, self.priors, self.effective_dim)
            if self.effective_dim == "continuous":
                return model, model
            # With the effective dimension of a draw, where the model sums over it.
            return model, single.build(*inputs, self.priors, "continuous")

        structure = ("single", self.priors, search.structure(self.effective_dim))
        return ready_model(structure, self.sampler, build)

    def fit(self, search: PreparedSearch, seed: np.random.SeedSequence) -> FittedTail:
        """Return the posterior of a search; same seed, same draws.

        Where there are divergences, it is sampled once more with smaller steps.
        """
        compiled = self._ready(search).compiled.with_sampler(self.sampler)
        first, second, choice = (int(word) for word in seed.generate_state(3))
        drawn = compiled.with_data(_data(search)).sample_carefully(first, second)
        return self._fitted(drawn, search, search, choice)

    def fit_without(
        self, search: PreparedSearch, trial: int, seed: np.random.SeedSequence
    ) -> FittedTail:
        """Return the posterior given all but one tail trial, with the densities of all.

        Parameters
        ----------
        search : PreparedSearch
            The search with that trial.
        trial : int
            Place of the trial among the tail trials.
        seed : SeedSequence
            Same seed, same draws.
        """
        others = dataclasses.replace(search, regime=search.regime.without(trial))
        sampler = self.sampler
        fewer = dataclasses.replace(
            sampler,
            draws=min(sampler.draws, _REFIT_DRAWS),
            tune=min(sampler.tune, _REFIT_DRAWS),
            progressbar=False,
        )
        careless = self._ready(others).compiled.with_sampler(fewer)
        first, choice = (int(word) for word in seed.generate_state(2))
        drawn = careless.with_data(_data(others)).sample(first)
        return self._fitted(drawn, others, search, choice)

    def _fitted(
        self, drawn: xr.DataTree, search: PreparedSearch, evaluated: PreparedSearch, seed: int
    ) -> FittedTail:
        """Return the draws given one search, with the densities of another."""
        posterior = one_dim_a_draw(drawn["posterior"].to_dataset(), seed)
        densities = self._ready(evaluated).densities
        log_likelihood, log_prior = densities(posterior, _data(evaluated))
        return FittedTail(
            search=evaluated,
            posterior=in_score_units(posterior, search),
            statistics=drawn["sample_stats"].to_dataset(),
            log_likelihood=log_likelihood,
            log_prior=log_prior,
        )


def _data(search: PreparedSearch) -> dict[str, Any]:
    return single.data_of(search.regime, search.max_effective_dim, search.sign)


def in_score_units(posterior: xr.Dataset, search: PreparedSearch) -> xr.Dataset:
    """Return the posterior with the law as it is, and its parameters in score units."""
    scale, sign = search.regime.scale, search.sign
    place, noise, spread = (
        posterior[name].to_numpy() for name in ("optimum", "noise_sd", "spread")
    )
    dims = ("chain", "draw")
    return posterior.assign(
        law_optimum=(dims, place),
        law_noise_sd=(dims, noise),
        law_spread=(dims, spread),
        # What a run of the best configuration scores on average, and by how much runs of it differ.
        optimum=(dims, scale.expected_score(place, noise)),
        noise_sd=(dims, scale.score_sd(place, noise)),
        spread=(dims, sign * (scale.inverse(place + sign * spread) - scale.inverse(place))),
    )
