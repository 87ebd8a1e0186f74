"""A note on comparisons of few trials, and how often such comparisons were wrong."""

import xarray as xr

from leadline.errors import pluralize
from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.fitted_search import search_names
from leadline.stats.reported import has_trials
from leadline.stats.surface_tree import is_surface

FEW = 30
"""With fewer trials beyond the threshold of a search that has fewer than `FEW_RUN`, a comparison
says so. Measured with 8 to 28 of 40; how far a law of as few of 400 can be trusted is not."""

FEW_RUN = 100

WITHIN = 2.5
"""A budget of up to so many times the trials of a search was right where full tuning was not."""

TUNED_WRONG = (3, 6)
BUDGET_WRONG = (0, 6)
EXAMPLES = 10
"""What `benchmarks/few_trials.py` counted, in so many comparisons of two models on three data sets
with 40 trials each: overall answers with P ≥ 0.9 that were wrong, of all such answers."""


def leaning(tree: xr.DataTree, budget: float | None) -> str:
    """Return on how few trials a comparison rests, and how far to trust it, "" where on many.

    The count is that of the trials beyond the threshold with the largest weight. A fully tuned
    model is far beyond 40 trials, so that the answer leans on the prior of the number of
    hyperparameters that matter; after a few times the trials that were run, it leans on the scores.
    """
    if is_surface(tree):
        return ""
    names = [name for name in search_names(tree) if has_trials(tree, name)]
    tails = tree["candidates"].dataset.sel(search=names)
    heaviest = tails["weight"].fillna(0.0).argmax("candidate")
    used = tails["n_tail"].isel(candidate=heaviest).to_numpy().astype(int)
    run = tree["constant_data"]["n_trials"].sel(search=names).to_numpy()
    few = (used < FEW) & (run < FEW_RUN)
    if not few.any():
        return ""
    used = used[few]
    least, most = int(used.min()), int(used.max())
    count = f"{least}" if least == most else f"{least} to {most}"
    which = "each search" if few.all() else f"{few.sum()} of {len(few)} searches"
    text = f"Few trials: the law rests on the best {count} trials of {which}"
    marked = [
        name
        for name, own in zip(search_names(tree), decided_by_prior(tree), strict=True)
        if "optimum" in own and name in names
    ]
    if marked and budget is None:
        text += f", and the prior decides the optimum of {len(marked)} of {len(names)}"
    trials = float(run.min())
    of_size = f"in {EXAMPLES} simulated comparisons of 40 trials each"
    answers = "an overall probability of 90 % or more was wrong in"
    if budget is None:
        return (
            f"{text}. Fully tuned, the answer leans on the prior: {of_size}, {answers} "
            f"{_of(TUNED_WRONG)}, and after 100 trials in {_of(BUDGET_WRONG)}."
        )
    if budget <= WITHIN * trials:
        return f"{text}; {of_size}, {answers} {_of(BUDGET_WRONG)} after 100 trials."
    return f"{text}; {budget:g} trials are far beyond the {trials:g} that were run."


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {pluralize(counts[1], 'case')}"
