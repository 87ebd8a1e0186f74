"""`comparison_sentences`: a comparison in words, from the figures of `compare` alone."""

import itertools

import numpy as np
import xarray as xr

from leadline.stats.rounding import percent

# The smallest probability for each word.
_WORDS = (
    (0.99, "almost certainly"),
    (0.95, "very probably"),
    (0.8, "probably"),
    (0.6, "perhaps"),
)
_CLEAR = _WORDS[-1][0]


def comparison_sentences(comparison: xr.Dataset) -> list[str]:
    """Return a comparison in words: reasons for doubt, the best, and one sentence per pair.

    Parameters
    ----------
    comparison : Dataset
        Result of `leadline.compare`.

    Examples
    --------
    With `fit` the result of `leadline.fit` for the models `mlp` and `forest`:

    >>> for sentence in ll.comparison_sentences(ll.compare(fit))[-2:]:
    ...     print(sentence.split(" with ")[0].split(" (")[0])
    Fully tuned, mlp is the best model
    Fully tuned, mlp is perhaps better than forest
    """
    attrs = comparison.attrs
    by = attrs["by"]
    items = [str(name) for name in comparison[by].to_numpy()]
    when = f"After {attrs['budget']:g} trials each" if attrs["budget"] else "Fully tuned"
    context = "task" if by == "model" else "model"
    sentences = []
    if attrs["problems"]:
        sentences.append(f"Do not rely on this comparison: {attrs['problems']}.")
    if attrs["not_checked"]:
        sentences.append(
            f"Known from reported bests alone: {attrs['not_checked']}. Their scores are assumed to "
            "be distributed like those of a random search; without trials this cannot be checked."
        )
    probabilities = comparison["p_best_overall"].to_numpy()
    if np.isfinite(probabilities).any():
        name, largest = items[int(np.nanargmax(probabilities))], float(np.nanmax(probabilities))
        best = f"{name} is the best {by}"
        # "The best" here and "cannot be told apart" in the next sentence would contradict.
        if largest < _CLEAR:
            best = f"no {by} is clearly the best; most likely it is {name},"
        sentences.append(f"{when}, {best} with probability {percent(largest)}.")
    over = "" if comparison.sizes[context] == 1 else f", over the {context}s that both have"
    for first, second in itertools.combinations(items, 2):
        pair = comparison.sel({by: first, f"other_{by}": second})
        if np.isnan(pair["p_better_overall"]):
            sentences.append(f"{first} and {second} have no {context} in common: not compared.")
        else:
            rope = attrs["rope"] > 0
            sentences.append(f"{when}{over}, {_pair_sentence(first, second, pair, rope=rope)}")
    return sentences


def _pair_sentence(first: str, second: str, pair: xr.Dataset, *, rope: bool) -> str:
    """Return the verdict on a pair, then where the mean or a new task disagree or add to it."""
    better, equal, worse = (
        float(pair[f"p_{kind}_overall"]) for kind in ("better", "equal", "worse")
    )
    sentence = f"{_verdict(first, second, better, equal, worse, rope=rope)}."
    mean = float(pair["difference_overall"])
    if equal < max(better, worse) and mean * (better - worse) < 0:
        sentence += (
            f" By the posterior mean {first if mean > 0 else second} is ahead, because large "
            "differences in its favour are unlikely but possible."
        )
    new = float(pair["p_better_new_task"])
    if not np.isnan(new):
        opposite = float(pair["p_worse_new_task"])
        winner, likely = (first, new) if new >= opposite else (second, opposite)
        sentence += (
            f" On a new task like these, {winner} is better with probability {percent(likely)}."
        )
    return sentence


def _verdict(
    first: str, second: str, better: float, equal: float, worse: float, *, rope: bool
) -> str:
    """Return the words for three probabilities: the largest decides.

    Without a rope, P(equal) is 0 and left out.
    """
    middle = f"practically equal {percent(equal)}, " if rope or equal else ""
    numbers = f"(better {percent(better)}, {middle}worse {percent(worse)})"
    largest = max(better, equal, worse)
    how = next((words for least, words in _WORDS if largest >= least), "")
    if not how:
        return f"{first} and {second} cannot be told apart {numbers}"
    if equal == largest:
        return f"{first} and {second} are {how} practically equal {numbers}"
    return f"{first} is {how} {'better' if better == largest else 'worse'} than {second} {numbers}"
