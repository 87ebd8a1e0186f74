"""A comparison of models as results for a paper: probabilities, and no verdicts in words."""

import itertools

import numpy as np
import xarray as xr

from leadline.stats.comparison_sentences import (
    chances,
    conditions,
    doubts,
    mean_differences,
    superlative,
    task_scales,
)
from leadline.stats.rounding import percent

# The probabilities of more pairs are not read one after the other.
_MOST_PAIRS = 6


def comparison_results(comparison: xr.Dataset) -> list[str]:
    """Return the result of `leadline.compare` for models as sentences of a paper.

    They have the probability of each of several models to be ahead of all others, and those of each
    pair unless there are many, the likelier model first.
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
            sentences.append(f"{when}, {_results(first, second, pair)}")
    return [*sentences, *task_scales(comparison)]


def _results(first: str, second: str, pair: xr.Dataset) -> str:
    over = " over the tasks that both have" * (pair.sizes["task"] > 1)
    text = (
        f"{first} is better than {second}{over} with probability {_chances(pair, '_overall')}; the "
        f"mean difference is {mean_differences(pair)}, positive where {first} is better."
    )
    if not np.isnan(pair["p_better_new_task"]):
        text += f" On a new task, that probability is {_chances(pair, '_new_task')}."
    return text


def _chances(pair: xr.Dataset, suffix: str) -> str:
    better, equal, worse = map(percent, chances(pair, suffix))
    middle = f"practically equal {equal}, " * bool(pair.attrs["rope"])
    return f"{better} ({middle}worse {worse})"
