"""Evidence that the checks examine: the trials and the posterior draws of one search."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.stats.diagnostics import Diagnostics, convergence
from leadline.stats.fitted_search import FittedSearch, direction_sign, fitted_search
from leadline.stats.reported import has_trials

SEED = 20240229
"""Seed of the checks that need random numbers: the same fit always gets the same answers."""


@dataclass(frozen=True)
class Evidence:
    """Trials and posterior draws of one search of a fit."""

    tree: xr.DataTree
    search: str

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws of the search, dims (chain, draw)."""
        return self.tree["posterior"].dataset.sel(search=self.search)

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """Return the posterior draws of a variable, chain after chain, shape (draw,)."""
        return self.posterior[name].transpose("chain", "draw").to_numpy().ravel()

    @functools.cached_property
    def candidates(self) -> xr.Dataset:
        """Candidates (threshold and scale) that were fitted to the search, dims (candidate)."""
        table = self.tree["candidates"].dataset.sel(search=self.search)
        # Searches of one tree may differ in their number of candidates; the rest is padding.
        return table.isel(candidate=np.flatnonzero(table["scale"].to_numpy().astype(str) != ""))

    @property
    def main_candidate(self) -> xr.Dataset:
        """Candidate of the largest weight."""
        return self.candidates.isel(candidate=int(np.argmax(self.candidates["weight"].to_numpy())))

    @property
    def n_tail(self) -> int:
        """Number of trials beyond the threshold of the main candidate."""
        return int(self.main_candidate["n_tail"])

    @functools.cached_property
    def draws(self) -> FittedSearch:
        """All draws of the noisy quadratic, as losses on the scale of their candidate."""
        return fitted_search(self.tree, self.search)

    @functools.cached_property
    def main_rows(self) -> npt.NDArray[np.intp]:
        """Positions of the draws of the candidate that contributes most of them."""
        candidate = self.values("candidate")
        numbers, counts = np.unique(candidate, return_counts=True)
        return np.flatnonzero(candidate == numbers[counts.argmax()])

    @property
    def main_draws(self) -> FittedSearch:
        """Draws of the candidate that contributes most of them."""
        return self.draws.isel(self.main_rows)

    @functools.cached_property
    def convergence(self) -> Diagnostics:
        """Sampling diagnostics of the search."""
        return convergence(self.tree, self.search)

    @property
    def has_trials(self) -> bool:
        """True if the search has trials, not only reported bests."""
        return has_trials(self.tree, self.search)

    def constant(self, name: str) -> float:
        """Return a number from the group `constant_data`, such as the resolution."""
        return float(self.tree["constant_data"][name].sel(search=self.search))

    @functools.cached_property
    def trials(self) -> pd.DataFrame:
        """All trials, one row each: `score`, `replicates`, and the other recorded columns.

        `loss` is the score, negated when scores are maximised, and infinite without a score;
        `seed_variance` is nan where it is not known.
        """
        constant = self.tree["constant_data"].dataset
        own = constant["trial_search"].to_numpy().astype(str) == self.search
        columns = {
            str(name).removeprefix("trial_"): values.to_numpy()[own]
            for name, values in constant.data_vars.items()
            if values.dims == ("trial",)
        }
        table = pd.DataFrame(columns, index=constant["trial"].to_numpy().astype(str)[own])
        score = table["score"].to_numpy()
        table["loss"] = np.where(np.isfinite(score), direction_sign(self.tree) * score, np.inf)
        observed = self.tree["observed_data"].dataset
        table["seed_variance"] = np.nan
        if "seed_variance" in observed:
            table["seed_variance"] = observed["seed_variance"].to_series().reindex(table.index)
        return table

    @property
    def shared_tail(self) -> pd.DataFrame:
        """Trials beyond the thresholds of all averaged candidates, in their order."""
        observed = self.tree["observed_data"]["tail_trial"].to_numpy().astype(str)
        return self.trials[self.trials.index.isin(observed)]

    def best(self, count: int) -> pd.DataFrame:
        """Return the best trials, from best to worst; ties in their order."""
        # By rank, not by threshold: a threshold mapped to another scale is rounded.
        return self.trials.sort_values("loss", kind="stable").head(count)
