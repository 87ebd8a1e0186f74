"""Notes on answers of few trials, and on those far beyond the trials that were run."""

import numpy as np
import xarray as xr

from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.fitted_search import search_names
from leadline.stats.reported import has_trials
from leadline.stats.surface_tree import fitted_trials, is_surface
from leadline.stats.trials_used import ENOUGH, trials_used

FEW = 30
"""With fewer trials beyond the threshold of a search that has fewer than `FEW_RUN`, a comparison
says so. Tried with 8 to 28 of 40 (`benchmarks/few_trials.py`), in fits too short to be counted."""

FEW_RUN = 100
"""A search that ran so many trials is no small one."""

WITHIN = 2.5
"""A budget of up to so many times the trials of a search rests on the scores; the law extrapolates
to a larger one."""


def caution(far: bool) -> str:
    """Return how to take an answer of few trials, `far` beyond those that were run or not."""
    return "extrapolates and can be far too certain" if far else "read with caution"


def leaning(tree: xr.DataTree, budget: float | None) -> str:
    """Return on how few trials a comparison rests, and how far to trust it, "" where on many.

    The count is that of `leadline.stats.trials_used`. A fully tuned model is far beyond 40 trials,
    so that the prior of the number of hyperparameters that matter has a say; after a few times the
    trials that were run, the answer rests on the scores more.
    """
    if is_surface(tree):
        return _few_of_surfaces(tree)
    names = [name for name in search_names(tree) if has_trials(tree, name)]
    used = trials_used(tree).sel(search=names).to_numpy()
    run = tree["constant_data"]["n_trials"].sel(search=names).to_numpy()
    few = (used < FEW) & (run < FEW_RUN)
    if not few.any():
        return ""
    used = used[few]
    least, most = int(used.min()), int(used.max())
    count = f"{least}" if least == most else f"{least} to {most}"
    which = "each search" if few.all() else f"{few.sum()} of {len(few)} searches"
    text = f"The law rests on the best {count} trials of {which} on average, which are few"
    text += f" for a comparison (below {FEW}; for one search, below {ENOUGH})"
    marked = [
        name
        for name, own in zip(search_names(tree), decided_by_prior(tree), strict=True)
        if "optimum" in own and name in names
    ]
    if marked and budget is None:
        text += f", and the prior decides the optimum of {len(marked)} of {len(names)}"
    near = WITHIN * run.min()
    if budget is None or budget > near:
        when = "Fully tuned" if budget is None else f"After {budget:g} trials each"
        return (
            f"{text}. {when}, the answer {caution(True)}. Answers for {near:g} trials or fewer: "
            f"{caution(False)}."
        )
    return f"{text}: {caution(False)}."


def _few_of_surfaces(tree: xr.DataTree) -> str:
    """Return that surfaces rest on few trials; one uses them all, not the best alone.

    Of studies by samplers that learn, intervals of 80 % held in 0.71 with 50 trials and in 0.83
    with 100 (`benchmarks/README.md`).
    """
    used = [fitted_trials(tree, name) for name in search_names(tree)]
    few = sorted(count for count in used if count < FEW_RUN)
    if not few:
        return ""
    count = f"{few[0]}" if few[0] == few[-1] else f"{few[0]} to {few[-1]}"
    some = f"{len(few)} of {len(used)} surfaces rest"
    which = "Each surface rests" if len(few) == len(used) else some
    return f"{which} on {count} trials, few for a comparison (below {FEW_RUN}): {caution(False)}."


def far_beyond(tree: xr.DataTree, trials: float | None) -> str:
    """Return a clause on a number of trials that is far beyond those that were run, or ""."""
    if trials is None or is_surface(tree):
        return ""
    run = tree["constant_data"]["n_trials"].to_numpy()
    exceeded = np.unique(run[(run > 0) & (trials > WITHIN * run)])
    if not len(exceeded):
        return ""
    count = " to ".join(f"{number}" for number in exceeded[[0, -1][: len(exceeded)]])
    return f"{trials:g} trials are far beyond the {count} that were run: the law extrapolates"
