"""Sampling diagnostics and failed checks of a fit, as its tree records them."""

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from leadline.errors import pluralize
from leadline.stats.diagnostics import Diagnostics
from leadline.stats.fitted_search import validate_tree


def convergence(tree: xr.DataTree, search: str | None = None) -> Diagnostics:
    """Return the sampling diagnostics of a fit, or of one of its searches.

    They are the worst over all candidates that have weight, each with all of its draws.

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
    by_search = np.where(used, table["divergences"].to_numpy(), 0).sum(axis=-1)
    # Searches that were fitted together share their draws, and so their divergences.
    pooled = "pooled" in tree.children
    sizes = tree["posterior"].sizes

    def used_values(name: str) -> np.ndarray:
        return table[name].to_numpy()[used]

    return Diagnostics(
        divergences=int(by_search.max() if pooled else by_search.sum()),
        # Unlike nanmax, max keeps the nan of a fit with one chain.
        max_rhat=float(used_values("max_rhat").max()),
        min_ess_bulk=float(used_values("min_ess_bulk").min()),
        min_ess_tail=float(used_values("min_ess_tail").min()),
        draws=sizes["chain"] * sizes["draw"],
    )


def recorded_checks(tree: xr.DataTree) -> str:
    """Return one line on the checks that failed when the tree was fitted."""
    failed = tree.attrs.get("failed_checks")
    return "not checked" if failed is None else checks_line(json.loads(failed))


def checks_line(failed: Sequence[str]) -> str:
    """Return one line with the number and the names of failed checks.

    Examples
    --------
    >>> checks_line(["ties", "order of trials"])
    '2 checks failed: ties; order of trials'
    """
    if not failed:
        return "no check failed"
    # Some names contain commas.
    return f"{pluralize(len(failed), 'check')} failed: {'; '.join(failed)}"
