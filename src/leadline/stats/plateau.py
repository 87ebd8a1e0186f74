"""Searches that end in a plateau: the share of trials that reach the best score, and in words."""

import numpy as np
import xarray as xr

from leadline.errors import LeadlineError
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import best_seen, plateau_trials, search_names
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.rounding import percent

NOT_CHECKED = "The search ends in a plateau: no law was fitted that could be checked."
"""Why no check of such a search could be made."""


def plateaus(tree: xr.DataTree) -> list[str]:
    """Return the names of the searches that end in a plateau."""
    return [name for name in search_names(tree) if plateau_trials(tree, name)]


def with_law(tree: xr.DataTree) -> xr.DataTree:
    """Return the tree without the searches that end in a plateau.

    Raises `LeadlineError` if it has no others.
    """
    flat = plateaus(tree)
    others = [name for name in search_names(tree) if name not in flat]
    if not others:
        raise LeadlineError("no search of this fit has a law: each ends in a plateau")
    return tree.sel(search=others) if flat else tree


def plateau_share(tree: xr.DataTree) -> xr.DataArray:
    """Return the probability that a trial reaches the best score, dims (chain, draw, search).

    It is nan for searches with a law. Until a trial reaches the best score, 1 / share trials are
    expected (the mean of the geometric distribution).
    """
    share = tree["posterior"].dataset["tail_fraction"]
    flat = np.isin(share["search"].to_numpy(), plateaus(tree))
    return share.where(xr.DataArray(flat, {"search": share["search"]}, dims="search"))


def plateau_sentences(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> dict[str, str]:
    """Return the answer of each search that ends in a plateau in words, by its name."""
    prob, kind = validate_interval(ci_prob, ci_kind)
    result = {}
    for name in plateaus(tree):
        share = plateau_share(tree).sel(search=name)
        low, high = (float(end) for end in interval(share, prob, kind))
        trials = [_count(1.0 / value) for value in (float(share.median()), high, low)]
        result[name] = (
            f"the best score, {float(best_seen(tree).sel(search=name)):g}, is reached by "
            f"{percent(float(share.mean(SAMPLE_DIMS)))} [{percent(low)}, {percent(high)}] of "
            f"trials, so that {trials[0]} [{trials[1]}, {trials[2]}] are expected until one "
            "reaches it; it is a plateau, and no law of better scores was fitted"
        )
    return result


def sampling_line(tree: xr.DataTree) -> str:
    """Return one line on the convergence of sampling, or that there was nothing to sample."""
    if len(plateaus(tree)) == len(search_names(tree)):
        return "nothing was sampled: no search has a law to fit"
    return convergence(tree).message


def _count(trials: float) -> str:
    return f"{trials:.0f}" if trials >= 10 else f"{trials:.2g}"
