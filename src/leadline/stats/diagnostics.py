"""Divergences, R-hat, effective sample sizes and E-BFMI of one posterior."""

from dataclasses import dataclass

import arviz_stats
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

# With an integer effective dimension these are made from the draws, and may be constant.
_MADE_OF_DRAWS = ("effective_dim", "effective_dim_probability", "pooled_effective_dim")

# On the scale of the law: repeats what there is in score units.
_ON_SCALE = ("law_optimum", "law_noise_sd", "law_spread")


@dataclass(frozen=True)
class Diagnostics:
    """Sampling diagnostics of a posterior, the worst over its parameters.

    Attributes
    ----------
    divergences : int
        Divergent transitions after tuning.
    max_rhat : float
        Largest rank-normalised R-hat, nan with a single chain.
    min_ess_bulk, min_ess_tail : float
        Smallest effective sample sizes.
    draws : int
        Number of draws in all chains.
    min_bfmi : float
        Smallest E-BFMI of a chain, nan when the sampler recorded no energy.
    """

    divergences: int
    max_rhat: float
    min_ess_bulk: float
    min_ess_tail: float
    draws: int
    min_bfmi: float = np.nan

    @property
    def relative_ess(self) -> float:
        """Smallest bulk effective sample size, as a share of the draws and at most 1."""
        return min(self.min_ess_bulk / self.draws, 1.0)


def diagnose(posterior: xr.Dataset, statistics: xr.Dataset) -> Diagnostics:
    """Return the diagnostics of draws.

    Parameters
    ----------
    posterior : Dataset, dims (chain, draw, ...)
        The draws.
    statistics : Dataset
        Of the sampler; `diverging` is used, and `energy` where there is one.
    """
    summed_out = "effective_dim_probability" in posterior
    skipped = _ON_SCALE + _MADE_OF_DRAWS * summed_out
    sampled = posterior.drop_vars(skipped, errors="ignore")
    many_chains = sampled.sizes["chain"] > 1
    return Diagnostics(
        divergences=int(statistics["diverging"].sum()),
        max_rhat=float(_all(arviz_stats.rhat(sampled)).max()) if many_chains else np.nan,
        min_ess_bulk=float(_all(arviz_stats.ess(sampled, method="bulk")).min()),
        min_ess_tail=float(_all(arviz_stats.ess(sampled, method="tail")).min()),
        draws=sampled.sizes["chain"] * sampled.sizes["draw"],
        min_bfmi=_min_bfmi(statistics),
    )


def _min_bfmi(statistics: xr.Dataset) -> float:
    if "energy" not in statistics:
        return np.nan
    energy = statistics["energy"].transpose("chain", "draw").to_numpy()
    return float(array_stats.bfmi(energy, chain_axis=0, draw_axis=1).min())


def _all(diagnostic: xr.Dataset) -> np.ndarray:
    """Return the values of all variables in one row."""
    return np.concatenate([np.ravel(diagnostic[name].values) for name in diagnostic.data_vars])
