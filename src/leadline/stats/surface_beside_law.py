"""The law beside the surface of a random search: its answers, which to believe, and its advice."""

import xarray as xr

from leadline.stats.fitted_search import direction_sign, search_names, trial_data
from leadline.stats.intervals import SAMPLE_DIMS, estimate, validate_interval
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import (
    is_surface,
    law_draws,
    learned_searches,
    scores_of,
    surface_groups,
)

_PREDICTS = "surface fit, leave-one-out"

_ANSWERS = {
    "optimum": "an optimum of {}",
    "best_seen_expected": "{} for the best trial re-run",
    "noise_sd": "a noise sd of {}",
}

_FACTOR = 1.5
"""Noises that differ by more are explained."""

_SURFACE = "believe the surface, which also uses the hyperparameters and predicts its own trials"
_LAW = (
    "believe the law, which needs no hyperparameters: the surface does not predict its own trials"
)


def law_sentences(tree: xr.DataTree, *, ci_prob: float | None = None) -> dict[str, str]:
    """Return what the law says of each search that has one, and which of the two to believe.

    The surface uses more of the data. Its assumption, a smooth score of hyperparameters that are
    all recorded, is tested by the check "surface fit, leave-one-out"; where that fails, the law is
    to be believed. `benchmarks/few_trials.py` measured both on smooth scores: the surface was
    closer to the truth in all answers on eight searches. `ci_prob` is that of the intervals.
    """
    laws = law_draws(tree)
    if "law_optimum" not in laws:
        # Earlier versions kept no more of the law than its effective dimension.
        return {}
    prob, _ = validate_interval(ci_prob, None)
    sentences = {}
    for name in _with_law(tree):
        own, law = tree["posterior"].dataset.sel(search=name), laws.sel(search=name)
        answers = [
            words.format(estimate(law[f"law_{answer}"], prob))
            for answer, words in _ANSWERS.items()
            # Earlier versions did not keep the noise.
            if f"law_{answer}" in law
        ]
        if "law_noise_sd" in law:
            gain = _headroom(tree, law)
            chance = percent(float((gain > law["law_noise_sd"]).mean()))
            answers.append(
                f"a gain of {estimate(gain, prob)} by a perfect search, more than the noise of one "
                f"run with probability {chance}"
            )
        text = f"the law beside the surface has {', '.join(answers[:-1])} and {answers[-1]}"
        reason = _SURFACE + _on_noise(tree, name, own, law) if _predicts(tree, name) else _LAW
        sentences[name] = f"{text}; {reason}"
    return sentences


def opposite_advice(
    tree: xr.DataTree, minimum_gain: float, probability: float, *, stop: bool
) -> str:
    """Return what an advice rests on, and where a law would advise the opposite; "" without one.

    A law beside a surface has no forecast. What it says of a perfect search, which gains at least
    as much as further trials, bounds its advice.
    """
    names, laws = _with_law(tree), law_draws(tree)
    if not names:
        return ""
    text = "This advice rests on the surface."
    if not all(_predicts(tree, name) for name in names):
        text += " The law is to be believed: for its advice, fit without a surface."
    if "law_noise_sd" not in laws:
        return text
    laws = laws.sel(search=names)
    worth = minimum_gain or laws["law_noise_sd"]
    largest = float((_headroom(tree, laws) > worth).mean(SAMPLE_DIMS).max())
    gain = f"a perfect search would gain more than that with probability {percent(largest)}"
    if stop and largest > 0.5:
        text += f" The law may advise to go on: by it, {gain}."
    elif not stop and largest < probability and len(names) == len(search_names(tree)):
        text += f" The law would advise to stop: by it, {gain}."
    return text


def _with_law(tree: xr.DataTree) -> list[str]:
    """Return the names of the searches that have a law beside their surface."""
    if not is_surface(tree):
        return []
    learned = learned_searches(tree)
    return [name for name in search_names(tree) if name not in learned]


def _headroom(tree: xr.DataTree, laws: xr.Dataset) -> xr.DataArray:
    """Return what a perfect search would gain by laws, as `headroom_of` by a surface."""
    gain = laws["law_best_seen_expected"] - laws["law_optimum"]
    return (direction_sign(tree) * gain).clip(min=0.0)


def _on_noise(tree: xr.DataTree, search: str, own: xr.Dataset, law: xr.Dataset) -> str:
    """Return what to believe of noises that a scale of scores sets apart, "" where none does.

    Noise that is even in scores is not on a log or logit scale. The law has that of the good scores
    alone, which only seeds tell; `benchmarks/README.md` has an example with a known noise.
    """
    scale = scores_of(surface_groups(tree)[search]).scale.name
    if scale == "identity" or "law_noise_sd" not in law:
        return ""
    ratio = float(law["law_noise_sd"].mean(SAMPLE_DIMS) / own["noise_sd"].mean(SAMPLE_DIMS))
    if max(ratio, 1.0 / ratio) < _FACTOR:
        return ""
    seeds = trial_data(tree, search, "trial_replicates").max() > 1
    advice = "of the noise believe the law" if seeds else "the noise is open without more seeds"
    return f"; {advice}: the surface takes it to be even on the {scale} scale"


def _predicts(tree: xr.DataTree, search: str) -> bool:
    """Return whether the surface of a search passed the check of its predictions."""
    if "checks" not in tree.children:
        return False
    checks = tree["checks"].dataset
    if _PREDICTS not in checks["check"]:
        return False
    return bool(checks["passed"].sel(search=search, check=_PREDICTS) == 1)
