"""Sentences for a paper on the trials: how they were chosen, and the best of them."""

import re
from collections.abc import Mapping

import xarray as xr

from leadline.data.trials import RANDOM_SHARE
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.fitted_search import best_runs, best_seen, search_names
from leadline.stats.intervals import estimates
from leadline.stats.leaning import leaning
from leadline.stats.noise_of_seeds import larger_noises
from leadline.stats.rounding import decimals_shown, fixed, of_best, share_decimals
from leadline.stats.surface_tree import is_surface, learned_searches
from leadline.stats.trials_used import ENOUGH, trials_used

MOST_LISTED = 12
"""Estimates of more searches are not read in one sentence."""


def how_searched(tree: xr.DataTree) -> str:
    """Return how the trials were chosen, and their numbers, as the end of a sentence."""
    sampler = str(tree.attrs.get("search_sampler") or "unknown")
    if is_surface(tree) and learned_searches(tree):
        search = "a search" if sampler == "unknown" else f"a search with {sampler}"
    elif sampler == RANDOM_SHARE:
        search = "a guided search with random trials among them, on which the law rests"
    elif "random" in sampler.casefold():
        search = "random search"
    else:
        search = "a search whose trials are taken to be random draws"
    # Brackets in brackets are not printed.
    return f"{search} ({re.sub(r' [(](.*?)[)]', r', \1', str(tree.attrs['trials']))})"


def list_by_name(texts: Mapping[str, str]) -> str:
    """Return estimates in one list, each with the name of its search if there are several."""
    if len(texts) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{text} for {name}" for name, text in texts.items())


def best_trials(tree: xr.DataTree, names: list[str], prob: float, kind: str) -> list[str]:
    """Return, in a list, what the best trial of each search measured, and what that rests on.

    `names` are the searches that have a law or a surface; of many the list is empty. Of several
    models it has the number of trials alone, unless a comparison of few trials says it.
    """
    if not 0 < len(names) <= MOST_LISTED:
        return []
    posterior, surface = tree["posterior"].dataset, is_surface(tree)
    if len(set(posterior["model"].to_numpy().tolist())) > 1:
        return [] if surface or leaning(tree, None) else _trials_used(tree, names)
    re_run = posterior["best_seen_expected"] if surface else best_seen_expected(tree)
    own = [re_run.sel(search=name) for name in names]
    again = estimates(own, prob, kind)
    decimals = share_decimals(decimals_shown(float(draws.std())) for draws in own)
    seen = [float(best_seen(tree).sel(search=name)) for name in names]
    measured = [
        f"{score:.4g}" if places is None else fixed(score, places)
        for score, places in zip(seen, decimals, strict=True)
    ]
    runs = dict(zip(search_names(tree), best_runs(tree), strict=True))
    means = [of_best([runs[name]]) for name in names]
    noise = estimates((posterior["noise_sd"].sel(search=name) for name in names), prob, kind)
    by_prior = {} if surface else dict(zip(search_names(tree), decided_by_prior(tree), strict=True))
    unsure = [name for name in names if "noise_sd" in by_prior.get(name, ())]
    doubt = ""
    if unsure:
        which = "" if len(names) == 1 else " for each" if unsure == names else _named(unsure)
        doubt = f" (decided by the prior more than by the scores{which})"
    if len(names) == 1:
        best = f"The best score is {measured[0]}{means[0]}, expected if re-run to be {again[0]}."
    else:
        rows = (f"{again[k]} (best score {measured[k]}{means[k]})" for k in range(len(names)))
        best = "If re-run, the best trial is expected to score "
        best += f"{list_by_name(dict(zip(names, rows, strict=True)))}."
    larger = larger_noises(tree) if surface else {}
    for place, name in enumerate(names):
        if name in larger:
            noise[place] += f" (between seeds {larger[name]:.2g})"
    listed = list_by_name(dict(zip(names, noise, strict=True)))
    sentences = [best, f"The noise sd of one run near the optimum is {listed}{doubt}."]
    return sentences if surface else sentences + _trials_used(tree, names)


def _named(names: list[str]) -> str:
    return f" for {', '.join(names)}"


def _trials_used(tree: xr.DataTree, names: list[str]) -> list[str]:
    used = trials_used(tree).sel(search=names).to_numpy().astype(int)
    known = used[used > 0]
    if not known.size:
        return []
    least, most = known.min(), known.max()
    count = f"{least}" if least == most else f"{least} to {most}"
    text = f"The law rests on the best {count} trials"
    text = f"{text}{' of each search' * (len(names) > 1)} on average"
    if least < ENOUGH:
        text += f", which are few (below {ENOUGH}): fully tuned, the answers extrapolate"
    return [f"{text}."]
