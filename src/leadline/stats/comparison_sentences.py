"""What a comparison says, in words: made from the figures of `compare` alone."""

import itertools

import numpy as np
import xarray as xr

from leadline.stats.rounding import percent

_WORDS = (
    (0.99, "almost certainly"),
    (0.95, "very probably"),
    (0.8, "probably"),
    (0.6, "perhaps"),
)
_LEAST = _WORDS[-1][0]


def comparison_sentences(comparison: xr.Dataset) -> list[str]:
    """Return one sentence for each pair overall, one on what is best, and first what is wrong.

    Parameters
    ----------
    comparison : Dataset
        What `leadline.compare` returned.
    """
    by = comparison.attrs["by"]
    items = [str(name) for name in comparison[by].to_numpy()]
    budget = comparison.attrs["budget"]
    where = f"after {budget:g} trials each" if budget else "fully tuned"
    tasks = "tasks" if by == "model" else "models"
    alone = comparison.sizes["task" if by == "model" else "model"] == 1
    over = "" if alone else f", over the {tasks} that both have"
    problems = comparison.attrs["problems"]
    sentences = [f"Do not rely on this comparison: {problems}."] if problems else []
    if comparison.attrs["not_checked"]:
        sentences.append(
            f"Known from reported bests alone: {comparison.attrs['not_checked']}. That their best "
            "scores follow the law is assumed, not checked."
        )
    chances = comparison["p_best_overall"].to_numpy()
    if np.isfinite(chances).any():
        name = items[int(np.nanargmax(chances))]
        chance = float(np.nanmax(chances))
        # A best model in one sentence and no difference in the next would read as two opinions.
        best = f"{name} is the best {by}"
        if chance < _LEAST:
            best = f"no {by} is clearly the best; most likely it is {name},"
        sentences.append(f"{where.capitalize()}, {best} with probability {percent(chance)}.")
    for first, second in itertools.combinations(items, 2):
        pair = comparison.sel({by: first, f"other_{by}": second})
        figures = [float(pair[f"p_{name}_overall"]) for name in ("better", "equal", "worse")]
        if figures[0] != figures[0]:
            sentences.append(f"{first} and {second} share none of the {tasks}: not compared.")
            continue
        verdict = _verdict(first, second, figures, rope=comparison.attrs["rope"] > 0)
        sentences.append(f"{where.capitalize()}{over}, {verdict}.")
        mean = float(pair["difference_overall"])
        if figures[1] < max(figures) and mean * (figures[0] - figures[2]) < 0:
            sentences[-1] += (
                f" By posterior means {first if mean > 0 else second} is ahead: large differences "
                "in its favour are less likely, but not excluded."
            )
        new = float(pair["p_better_new_task"])
        if new == new:
            other = float(pair["p_worse_new_task"])
            winner, likely = (first, new) if new >= other else (second, other)
            sentences[-1] += (
                f" On a new task like these, {winner} is better with probability {percent(likely)}."
            )
    return sentences


def _verdict(first: str, second: str, figures: list[float], *, rope: bool) -> str:
    """Return the words for three probabilities: the largest decides.

    Without a rope nothing is practically equal, and that number is left out.
    """
    better, equal, worse = figures
    between = f"practically equal {percent(equal)}, " if rope or equal else ""
    numbers = f"(better {percent(better)}, {between}worse {percent(worse)})"
    largest = max(figures)
    how = next((words for least, words in _WORDS if largest >= least), "")
    if not how:
        return f"{first} and {second} cannot be told apart {numbers}"
    if equal == largest:
        return f"{first} and {second} are {how} practically equal {numbers}"
    relation = "better" if better == largest else "worse"
    return f"{first} is {how} {relation} than {second} {numbers}"
