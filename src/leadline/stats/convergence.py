"""Whether the draws of a fit can be relied on: divergences, R-hat and effective sample size."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from leadline.stats.fitted_search import validate_tree

MAX_RHAT = 1.01
"""Limit of Vehtari et al. (2021, doi:10.1214/20-BA1221) for the rank-normalised R-hat."""

MIN_ESS = 400
"""Limit of Vehtari et al. (2021) for the bulk and tail effective sample sizes."""

_COLUMNS = ("divergences", "max_rhat", "min_ess_bulk", "min_ess_tail")


@dataclass(frozen=True)
class Convergence:
    """Sampling diagnostics of a fit, the worst over its parameters and searches.

    Where thresholds were averaged, the worst over those that were, each with all of its draws.

    Attributes
    ----------
    divergences : int
        Divergent transitions after tuning; there should be none.
    max_rhat : float
        Largest R-hat, at most 1.01 in a good fit; nan with a single chain.
    min_ess_bulk, min_ess_tail : float
        Smallest effective sample sizes, at least 400 in a good fit.
    """

    divergences: int
    max_rhat: float
    min_ess_bulk: float
    min_ess_tail: float

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the draws."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words; empty when nothing is."""
        found = []
        if self.divergences:
            found.append(f"{self.divergences} divergence{'s' * (self.divergences != 1)}")
        # Not `> MAX_RHAT`, which a nan would pass.
        if not self.max_rhat <= MAX_RHAT:
            found.append(
                "R-hat unknown (one chain)"
                if np.isnan(self.max_rhat)
                # Upwards, or a hair over the limit would read as the limit.
                else f"R-hat {math.ceil(1000 * self.max_rhat) / 1000:g} > {MAX_RHAT}"
            )
        for name, value in (("bulk", self.min_ess_bulk), ("tail", self.min_ess_tail)):
            if not value >= MIN_ESS:
                found.append(f"{name} ESS {value:.0f} < {MIN_ESS}")
        return found

    @property
    def message(self) -> str:
        """One line for people."""
        if self.problems:
            return (
                f"do not rely on these numbers: {', '.join(self.problems)}; "
                "fit again with more draws and tuning"
            )
        return (
            f"sampling converged: {self.divergences} divergences, R-hat {self.max_rhat:.3f}, "
            f"ESS {self.min_ess_bulk:.0f} (bulk), {self.min_ess_tail:.0f} (tail)"
        )


def convergence(tree: xr.DataTree, search: str | None = None) -> Convergence:
    """Return the sampling diagnostics of a fit, or of one of its searches.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    search : str, optional
        Name of a search. Default: the worst over all.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit.
    """
    validate_tree(tree)
    table = tree["candidates"].dataset
    if search is not None:
        table = table.sel(search=[search])
    used = table["weight"].to_numpy() > 0.0
    columns = {name: table[name].to_numpy()[used] for name in _COLUMNS}
    by_search = np.where(used, table["divergences"].to_numpy(), 0).sum(axis=-1)
    # Searches that were fitted together share their draws, and so their divergences.
    together = "pooled" in tree.children
    return Convergence(
        divergences=int(by_search.max() if together else by_search.sum()),
        # A nan, of a fit with one chain, must not get lost.
        max_rhat=float(columns["max_rhat"].max()),
        min_ess_bulk=float(columns["min_ess_bulk"].min()),
        min_ess_tail=float(columns["min_ess_tail"].min()),
    )
