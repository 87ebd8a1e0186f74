"""Sentences for a paper on the trials: how they were chosen, and the best of them."""

import re

import xarray as xr

from leadline.stats.best_seen import best_seen_expected
from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.fitted_search import best_seen, search_names
from leadline.stats.intervals import estimate
from leadline.stats.rounding import rounded
from leadline.stats.surface_tree import is_surface, learned_searches
from leadline.stats.trials_used import trials_used

MOST_LISTED = 12
"""Estimates of more searches are not read in one sentence."""


def how_searched(tree: xr.DataTree) -> str:
    """Return how the trials were chosen, and their numbers, as the end of a sentence."""
    sampler = str(tree.attrs.get("search_sampler") or "unknown")
    if is_surface(tree) and learned_searches(tree):
        search = "a search" if sampler == "unknown" else f"a search with {sampler}"
    elif "random" in sampler.casefold():
        search = "random search"
    else:
        search = "a search whose trials are taken to be random draws"
    # Brackets in brackets are not printed.
    return f"{search} ({re.sub(r' [(](.*?)[)]', r', \1', str(tree.attrs['trials']))})"


def best_trials(tree: xr.DataTree, names: list[str], prob: float, kind: str) -> list[str]:
    """Return, in a list, what the best trial of each search measured, and what that rests on.

    `names` are the searches that have a law or a surface; of many the list is empty.
    """
    if len(names) > MOST_LISTED:
        return []
    posterior, surface = tree["posterior"].dataset, is_surface(tree)
    again = posterior["best_seen_expected"] if surface else best_seen_expected(tree)
    used = xr.zeros_like(best_seen(tree)) if surface else trials_used(tree)
    by_prior = {} if surface else dict(zip(search_names(tree), decided_by_prior(tree), strict=True))
    parts = []
    for name in names:
        own = again.sel(search=name)
        measured = rounded(float(best_seen(tree).sel(search=name)), float(own.std()))
        noise = estimate(posterior["noise_sd"].sel(search=name), prob, kind)
        if "noise_sd" in by_prior.get(name, ()):
            noise += " (decided by the prior more than by the scores)"
        part = (
            f"the best score is {measured}, expected if re-run to be {estimate(own, prob, kind)}; "
            f"the noise sd of one run is {noise}"
        )
        if count := int(used.sel(search=name)):
            part += f"; the law rests on the best {count} trials on average"
        parts.append(part if len(names) == 1 else f"for {name} {part}")
    return [f"{part[0].upper()}{part[1:]}." for part in parts]
