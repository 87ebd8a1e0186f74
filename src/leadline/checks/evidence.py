"""What the checks look at: one search of a fit, its trials and its draws."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from leadline.stats.fitted_search import FittedSearch, direction_sign, fitted_search
from leadline.stats.goodness_of_fit import share_of_tail
from leadline.stats.reported import has_trials

PARAM_PREFIX = "trial_param:"

# The checks need random numbers; the same fit must always get the same answers.
SEED = 20240229


@dataclass(frozen=True)
class Evidence:
    """One search of a fitted tree.

    Attributes
    ----------
    tree : DataTree
        The result of a fit.
    search : str
        Name of the search.
    """

    tree: xr.DataTree
    search: str

    @property
    def posterior(self) -> xr.Dataset:
        """The draws of the search, dims (chain, draw)."""
        return self.tree["posterior"].dataset.sel(search=self.search)

    @functools.cached_property
    def candidates(self) -> xr.Dataset:
        """The candidates that were fitted for the search, dims (candidate)."""
        table = self.tree["candidates"].dataset.sel(search=self.search)
        # In a tree of several searches some have more candidates than others.
        return table.isel(candidate=np.flatnonzero(table["scale"].to_numpy().astype(str) != ""))

    @property
    def threshold_is_chosen(self) -> bool:
        """Whether the data had several thresholds to choose from."""
        return len(np.unique(self.candidates["threshold"].to_numpy())) > 1

    @property
    def main(self) -> xr.Dataset:
        """The candidate of the largest weight."""
        return self.candidates.isel(candidate=int(np.argmax(self.candidates["weight"].to_numpy())))

    @functools.cached_property
    def draws(self) -> FittedSearch:
        """All draws of the search, as losses."""
        return fitted_search(self.tree, self.search)

    @functools.cached_property
    def main_rows(self) -> np.ndarray:
        """The positions of the draws of the candidate that most of them come from."""
        candidate = self.posterior["candidate"].transpose("chain", "draw").to_numpy().ravel()
        numbers, counts = np.unique(candidate, return_counts=True)
        return np.flatnonzero(candidate == numbers[counts.argmax()])

    @property
    def main_draws(self) -> FittedSearch:
        """The draws of the candidate that most of them come from."""
        return self.draws.isel(self.main_rows)

    @property
    def edge(self) -> float:
        """The deepest threshold of all that were averaged, in score units."""
        return float(self.constant("threshold"))

    @property
    def resolution(self) -> float:
        """The grid of single scores, 0 when there is none."""
        return float(self.constant("resolution"))

    @property
    def sign(self) -> float:
        """1 when scores are minimised, −1 when they are maximised."""
        return direction_sign(self.tree)

    def constant(self, name: str) -> float:
        """Return a number of the search that was given to the fit."""
        return float(self.tree["constant_data"][name].sel(search=self.search))

    @functools.cached_property
    def trials(self) -> pd.DataFrame:
        """All trials, one row each: `name`, `score`, `replicates`, and the rest of what is known.

        `loss` is the score, negated when scores are maximised, and infinite without a score;
        `seed_variance` is nan where it is not known.
        """
        constant = self.tree["constant_data"].dataset
        of_search = constant["trial_search"].to_numpy().astype(str) == self.search
        columns = {
            str(name).removeprefix("trial_"): constant[name].to_numpy()[of_search]
            for name in constant.data_vars
            if constant[name].dims == ("trial",)
        }
        table = pd.DataFrame(columns, index=constant["trial"].to_numpy().astype(str)[of_search])
        table["loss"] = np.where(
            np.isfinite(table["score"]), self.sign * table["score"].to_numpy(), np.inf
        )
        observed = self.tree["observed_data"].dataset
        table["seed_variance"] = np.nan
        if "seed_variance" in observed:
            known = observed["seed_variance"].to_series()
            table["seed_variance"] = known.reindex(table.index)
        return table

    @property
    def has_trials(self) -> bool:
        """Whether the search has trials, and is not known from reported bests alone."""
        return has_trials(self.tree, self.search)

    @property
    def report_names(self) -> list[str]:
        """The coordinates of its reported bests."""
        constant = self.tree["constant_data"].dataset
        if "report_search" not in constant:
            return []
        own = constant["report_search"].to_numpy().astype(str) == self.search
        return [str(name) for name in constant["report"].to_numpy()[own]]

    @property
    def shared_tail(self) -> pd.DataFrame:
        """The trials past the thresholds of all that were averaged, in their order."""
        observed = self.tree["observed_data"]["tail_trial"].to_numpy().astype(str)
        return self.trials[self.trials.index.isin(observed)]

    def best(self, count: int) -> pd.DataFrame:
        """Return the best trials, from best to worst; ties in their order."""
        # By rank, not by threshold: on another scale a threshold carries a rounding error.
        return self.trials.sort_values("loss", kind="stable").head(count)

    def uniform(
        self, draws: FittedSearch, tail: pd.DataFrame, edge: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return F(y)/F(edge) of each trial under each draw, shape (draw, tail_trial).

        At random within the cell of the grid of scores.

        Parameters
        ----------
        draws : FittedSearch
            Some or all draws of the search.
        tail : DataFrame
            Rows of `trials`.
        edge : ndarray, shape (draw, 1)
            In losses on the scale of the draws; all of the trials are past it.
        rng : Generator
            For the places within cells.
        """
        replicates = tail["replicates"].to_numpy(dtype=int)
        # The mean score of the seeds; a fit on another scale took the mean there: nearly the same.
        score = tail["score"].to_numpy(dtype=float)
        loss = draws.on_scale(draws.sign * score)
        cell = self.resolution / replicates / draws.score_units_per_unit(loss)
        return share_of_tail(loss, cell, replicates, edge, draws.law, rng)
