"""`comparison_sentences`: a comparison in words, from the figures of `compare` alone.

Every sentence begins with the budget and the practically equal difference that its figures used.
"""

import itertools

import numpy as np
import xarray as xr

from leadline.stats.improvements import context_of
from leadline.stats.leaning import caution
from leadline.stats.rounding import percent, with_interval

# Words by their smallest probability in per cent, from the largest.
_WORDS = {99: "almost certainly", 95: "very probably", 80: "probably", 60: "perhaps"}
LEAST = min(_WORDS)
"""The probability, in per cent, from which on a comparison is more than undecided."""
# With so small a probability of being ahead, a name would mislead.
_UNLIKELY = 0.05
_RANKS_AND_ROPE = " A rank counts every difference, however small."
# With more tasks, only the smallest and the largest scale are named.
_MOST_SCALES = 6


def comparison_sentences(comparison: xr.Dataset) -> list[str]:
    """Return a comparison in words: doubts, the best, each pair, and what a task scale is.

    Parameters
    ----------
    comparison : Dataset
        Result of `leadline.compare`.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> for sentence in ll.comparison_sentences(ll.compare(fit)):
    ...     print(sentence)
    Do not rely on this comparison: R-hat 1.064 > 1.01, bulk ESS 39 < 400, tail ESS 19 < 400.
    The law rests on the best 20 trials of each search on average, which are few for a
    comparison (below 30; for one search, below 20). Fully tuned, the answer extrapolates and
    can be far too certain. Answers for 100 trials or fewer: read with caution.
    Fully tuned, over the 2 tasks, mlp is probably better than forest (better 84 %, worse 16 %).
    The mean difference over these tasks is 0.13 [-0.11, 0.35] task scales, or 0.021 [-0.022,
    0.057] in loss (89 % intervals; positive: mlp is ahead). On a new task like these, mlp is
    perhaps better than forest (better 62 %, worse 38 %).
    Overall and on a new task, differences are in task scales, so that tasks count alike. A
    task scale is about the distance from the worst to the median of the trials used, a mean over
    the models, in loss 0.171 (digits), 0.175 (mnist); their harmonic mean, 0.173, turns them into
    loss.
    Words are those of the largest probability: perhaps from 60 %, probably from 80 %, very
    probably from 95 %, almost certainly from 99 %.
    """
    attrs = comparison.attrs
    by = attrs["by"]
    items = [str(name) for name in comparison[by].to_numpy()]
    when = conditions(comparison)
    context = context_of(by)
    sentences = [*doubts(comparison), *_wide_rope(comparison)]
    # Comparisons of earlier versions do not have it.
    sentences += filter(None, [attrs.get("beside_law", "")])
    sentences += [f"{when}, {text}" for text in _best(comparison, items)]
    sentences += [f"{when}, {text}" for text in _mean_ranks(comparison, items)]
    for first, second in itertools.combinations(items, 2):
        pair = comparison.sel({by: first, f"other_{by}": second})
        if np.isnan(pair["p_better_overall"]):
            sentences.append(f"{first} and {second} have no {context} in common: not compared.")
            continue
        over = over_contexts(pair)
        sentence = f"{when}{', ' * bool(over)}{over}, {_pair_sentence(first, second, pair)}"
        if over and by == "model":
            prob = f"{100 * attrs['ci_prob']:g} % intervals"
            sentence += (
                f" The mean difference over these tasks is {mean_differences(pair)} ({prob}; "
                f"positive: {first} is ahead)."
            )
        if not np.isnan(pair["p_better_new_task"]):
            sentence += f" On a new task like these, {_verdict(first, second, pair, '_new_task')}."
        sentences.append(sentence)
    if by == "model":
        if attrs.get("no_new_task"):
            sentences.append(f"No answer for a new task: {attrs['no_new_task']}.")
        sentences += task_scales(comparison)
    words = ", ".join(f"{word} from {least} %" for least, word in reversed(_WORDS.items()))
    sentences.append(f"Words are those of the largest probability: {words}.")
    return sentences


def over_contexts(pair: xr.Dataset) -> str:
    """Return over which tasks, or models, the mean of a pair is, "" where there is one."""
    context = context_of(pair.attrs["by"])
    if pair.sizes[context] == 1:
        return ""
    if pair["difference"].isnull().any():
        return f"over the {context}s that both have"
    return f"over the {pair.sizes[context]} {context}s"


def doubts(comparison: xr.Dataset) -> list[str]:
    """Return the reasons to doubt a comparison; empty when there are none."""
    attrs, sentences = comparison.attrs, []
    if attrs["problems"]:
        sentences.append(f"Do not rely on this comparison: {attrs['problems']}.")
    if attrs["not_checked"]:
        sentences.append(
            f"Known from reported bests alone: {attrs['not_checked']}. Their scores are assumed to "
            "be distributed like those of a random search; without trials this cannot be checked."
        )
    # Comparisons of earlier versions have neither attribute.
    if attrs.get("leans_on"):
        sentences.append(attrs["leans_on"])
    # The caution on few trials says it too.
    if attrs.get("far_beyond") and "extrapolates" not in attrs.get("leans_on", ""):
        sentences.append(f"{attrs['far_beyond']}.")
    return sentences


def short_doubts(comparison: xr.Dataset) -> list[str]:
    """Return what `doubts` say of few and of many trials, as clauses for a caption."""
    attrs, clauses = comparison.attrs, []
    far = attrs.get("far_beyond")
    if attrs.get("leans_on"):
        # The optimum of a surface is among the values that were tried.
        near = (attrs["budget"] or attrs.get("model") == "surface") and not far
        clauses.append(f"few trials: {caution(not near)}")
    return [*clauses, far] if far else clauses


def _wide_rope(comparison: xr.Dataset) -> list[str]:
    """Return a warning, in a list, of a rope beyond all differences: it decides the answer."""
    rope = comparison.attrs["rope"]
    if not rope:
        return []
    ends = comparison[["difference_lower", "difference_upper"]].to_dataarray()
    largest = float(abs(ends).max())
    if not rope > largest:
        return []
    return [
        f"A difference of up to {rope:g} counts as equal, and no {comparison.attrs['by']} differs "
        f"by more than {largest:.2g} in {comparison.attrs['metric']} "
        f"({100 * comparison.attrs['ci_prob']:g} % intervals): the choice of {rope:g} decides "
        "these answers, and a smaller one is needed to tell anything apart."
    ]


def conditions(comparison: xr.Dataset) -> str:
    """Return the budget and the practically equal difference of a comparison, in words."""
    budget, rope = comparison.attrs["budget"], comparison.attrs["rope"]
    when = f"After {budget:g} trial{'s' * (budget != 1)} each" if budget else "Fully tuned"
    return f"{when}, differences up to {rope:g} counting as equal" if rope else when


def _mean_ranks(comparison: xr.Dataset, items: list[str]) -> list[str]:
    """Return the mean rank of each item, the best first, in a list; few contexts are in a table."""
    context = context_of(comparison.attrs["by"])
    if comparison.sizes[context] <= _MOST_SCALES or "mean_rank" not in comparison:
        return []
    ends = ("mean_rank", "mean_rank_lower", "mean_rank_upper")
    order = np.argsort(comparison["mean_rank"].to_numpy(), kind="stable")
    parts = []
    for place in order:
        mean, low, high = (float(comparison[name][place]) for name in ends)
        ahead = float(comparison["p_ahead_overall"][place])
        best = f" ({superlative(comparison)} overall {percent(ahead)})"
        best = best if np.isfinite(ahead) else ""
        parts.append(f"{items[place]} {mean:.2f} [{low:.2f}, {high:.2f}]{best}")
    prob = f"{100 * comparison.attrs['ci_prob']:g} %"
    return [
        f"the mean ranks over {comparison.sizes[context]} {context}s, with {prob} intervals, are: "
        f"{', '.join(parts)}." + _RANKS_AND_ROPE * bool(comparison.attrs["rope"])
    ]


def _best(comparison: xr.Dataset, items: list[str]) -> list[str]:
    """Return which item is ahead of all others, in a list, empty where this is not known."""
    by, probabilities = comparison.attrs["by"], comparison["p_ahead_overall"].to_numpy()
    # The one pair of two items says the same.
    if len(items) == 2 or not np.isfinite(probabilities).any():
        return []
    name, largest = items[int(np.nanargmax(probabilities))], float(np.nanmax(probabilities))
    best = superlative(comparison)
    how, chance = _strength(largest), percent(largest)
    if largest < _UNLIKELY:
        return [f"no {by} is {best} (each with at most {chance})."]
    # The strength is that of the sentences on pairs: two for one number would contradict.
    text = (
        f"{name} is {how} {best}" if how else f"no {by} is clearly {best}; most likely it is {name}"
    )
    return [f"{text}, with probability {chance}."]


def superlative(comparison: xr.Dataset) -> str:
    """Return what `p_ahead_overall` is the probability of: with a rope, more than to be best."""
    rope, others = comparison.attrs["rope"], comparison.sizes[comparison.attrs["by"]] > 2
    if not rope:
        return f"the best {comparison.attrs['by']}"
    return f"ahead{' of all others' * others} by more than {rope:g}"


def _strength(probability: float) -> str:
    """Return the word for a probability as shown, empty where it is too small for one."""
    shown = round(100 * probability) if probability >= 0.0 else 0
    return next((words for least, words in _WORDS.items() if shown >= least), "")


def likeliest(better: float, equal: float, worse: float) -> str:
    """Return "better", "equal" or "worse" if a word applies to it, else empty text."""
    largest = max(better, equal, worse)
    if not _strength(largest):
        return ""
    return "equal" if equal == largest else "better" if better == largest else "worse"


def _pair_sentence(first: str, second: str, pair: xr.Dataset) -> str:
    """Return the verdict on a pair, and where the posterior mean disagrees with it."""
    better, equal, worse = chances(pair, "_overall")
    sentence = f"{_verdict(first, second, pair, '_overall')}."
    mean = float(pair["difference_overall"])
    if equal < max(better, worse) and mean * (better - worse) < 0:
        sentence += (
            f" By the posterior mean {first if mean > 0 else second} is ahead, because large "
            "differences in its favour are unlikely but possible."
        )
    return sentence


def mean_differences(pair: xr.Dataset) -> str:
    """Return the mean difference over tasks, with intervals, in score units.

    Of several tasks it is also in task scales, before: those of the probabilities overall.
    """
    units = {"difference_in_scores": f"in {pair.attrs['metric']}"}
    if pair.sizes["task"] > 1:
        units = {"difference_overall": "task scales"} | units
    return ", or ".join(f"{difference_text(pair, name)} {unit}" for name, unit in units.items())


def difference_text(pair: xr.Dataset, name: str) -> str:
    """Return a difference of a pair and its interval as text, "" where there is none."""
    mean, low, high = (float(pair[f"{name}{end}"]) for end in ("", "_lower", "_upper"))
    return "" if np.isnan(mean) else with_interval(mean, low, high, (high - low) / 3)


def task_scales(comparison: xr.Dataset) -> list[str]:
    """Return what a task scale is and its sizes, in a list, empty where there is one task."""
    known = comparison["scale"].dropna("task")
    if comparison.sizes["task"] < 2 or not known.sizes["task"]:
        return []
    attrs, mean = comparison.attrs, mean_scale(comparison)
    if known.sizes["task"] > _MOST_SCALES:
        values = known.to_numpy()
        known = known.isel(task=[int(values.argmin()), int(values.argmax())])
        sizes = f"from {_size(known[0])} to {_size(known[1])}"
    else:
        sizes = ", ".join(map(_size, known))
    new = not comparison["p_better_new_task"].isnull().all()
    metric = attrs["metric"]
    average = f"; their harmonic mean, {mean:.3g}, turns them into {metric}"
    if rope := attrs["rope"]:
        average += f": differences up to {rope:g} are up to {rope / mean:.3g} task scales"
    return [
        f"Overall{' and on a new task' * new}, differences are in task scales, so that tasks count "
        f"alike. A task scale is about {_meaning_of_scale(attrs.get('model', ''))}, in {metric} "
        f"{sizes}{average}."
    ]


def mean_scale(comparison: xr.Dataset) -> float:
    """Return the harmonic mean of the task scales: that of a new task, and of the rope."""
    return float(1.0 / (1.0 / comparison["scale"]).mean())


def _meaning_of_scale(model: str) -> str:
    if model == "surface":
        return "the distance from the median trial to the best tenth"
    return "the distance from the worst to the median of the trials used, a mean over the models"


def _size(scale: xr.DataArray) -> str:
    return f"{float(scale):.3g} ({scale['task'].item()})"


def chances(pair: xr.Dataset, suffix: str) -> tuple[float, float, float]:
    """Return P(better), P(practically equal) and P(worse) of a pair."""
    kinds = ("better", "equal", "worse")
    better, equal, worse = (float(pair[f"p_{kind}{suffix}"]) for kind in kinds)
    return better, equal, worse


def _verdict(first: str, second: str, pair: xr.Dataset, suffix: str) -> str:
    """Return the words for the largest of three probabilities; P(equal) is shown with a rope."""
    better, equal, worse = chances(pair, suffix)
    middle = f"practically equal {percent(equal)}, " if pair.attrs["rope"] or equal else ""
    numbers = f"(better {percent(better)}, {middle}worse {percent(worse)})"
    found, how = likeliest(better, equal, worse), _strength(max(better, equal, worse))
    if not found:
        return f"{first} and {second} cannot be told apart {numbers}"
    if found == "equal":
        return f"{first} and {second} are {how} practically equal {numbers}"
    return f"{first} is {how} {found} than {second} {numbers}"
