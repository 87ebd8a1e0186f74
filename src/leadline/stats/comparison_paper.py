"""A comparison of models as results for a paper: probabilities, and no verdicts in words."""

import itertools

import numpy as np
import xarray as xr

from leadline.stats.comparison_sentences import (
    chances,
    conditions,
    doubts,
    mean_differences,
    over_contexts,
    superlative,
    task_scales,
)
from leadline.stats.rounding import percent, with_intervals

# The probabilities of more pairs are not read one after the other.
_MOST_PAIRS = 6
# Nor are those of more tasks, for one pair and for all.
_MOST_TASKS = 6
_MOST_ROWS = 18


def comparison_results(comparison: xr.Dataset) -> list[str]:
    """Return the result of `leadline.compare` for models as sentences of a paper.

    They have the probability of each of several models to be ahead of all others, and those of each
    pair unless there are many, overall and per task, the likelier model first.
    """
    names = [str(name) for name in comparison["model"].to_numpy()]
    when, sentences = conditions(comparison), doubts(comparison)
    ahead = comparison["p_ahead_overall"].to_numpy()
    if len(names) > 2 and np.isfinite(ahead).any():
        order = np.argsort(-np.nan_to_num(ahead), kind="stable")
        listed = ", ".join(f"{percent(ahead[k])} for {names[k]}" for k in order)
        best = superlative(comparison)
        sentences.append(f"{when}, the probability to be {best} overall is {listed}.")
    pairs = list(itertools.combinations(names, 2))
    for first, second in pairs if len(pairs) <= _MOST_PAIRS else ():
        pair = comparison.sel(model=first, other_model=second)
        if pair["p_worse_overall"] > pair["p_better_overall"]:
            first, second = second, first
            pair = comparison.sel(model=first, other_model=second)
        if not np.isnan(pair["p_better_overall"]):
            own_tasks = pair.sizes["task"] * len(pairs) <= _MOST_ROWS
            sentences.append(f"{when}, {_results(first, second, pair, with_tasks=own_tasks)}")
    return [*sentences, *task_scales(comparison)]


def _results(first: str, second: str, pair: xr.Dataset, *, with_tasks: bool) -> str:
    over = over_contexts(pair)
    text = (
        f"{first} is better than {second}{' ' * bool(over)}{over} with probability "
        f"{_chances(pair, '_overall')}; the mean difference is {mean_differences(pair)}, positive "
        f"where {first} is better."
    )
    if over:
        text += _per_task(first, pair, listed=with_tasks and pair.sizes["task"] <= _MOST_TASKS)
    if not np.isnan(pair["p_better_new_task"]):
        text += f" On a new task, that probability is {_chances(pair, '_new_task')}."
    return text


def _per_task(first: str, pair: xr.Dataset, *, listed: bool) -> str:
    """Return the probabilities and the difference on each task that both have."""
    if not listed:
        return " Probabilities and differences per task are in the table."
    known = pair.isel(task=pair["difference"].notnull().to_numpy())
    mean, low, high = (known[f"difference{end}"] for end in ("", "_lower", "_upper"))
    figures = np.stack([mean, low, high, (high - low) / 3], axis=-1)
    rows = []
    for place, difference in enumerate(with_intervals(figures.tolist())):
        own = known.isel(task=place)
        # With a rope, what is not better need not be worse.
        shown = _chances(own, "") if pair.attrs["rope"] else percent(float(own["p_better"]))
        rows.append(f"{own['task'].item()} {shown}, {difference}")
    return (
        f" Per task, the probability that {first} is better and the difference in "
        f"{pair.attrs['metric']} are: {'; '.join(rows)}."
    )


def _chances(pair: xr.Dataset, suffix: str) -> str:
    better, equal, worse = map(percent, chances(pair, suffix))
    middle = f"practically equal {equal}, " * bool(pair.attrs["rope"])
    return f"{better} ({middle}worse {worse})"
