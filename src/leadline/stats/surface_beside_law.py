"""The law beside the surface of a random search: which to act on, and its answers and advice."""

import json

import xarray as xr

from leadline.stats.decided_by_prior import dimension_is_flat
from leadline.stats.fitted_search import direction_sign, search_names, trial_data
from leadline.stats.intervals import SAMPLE_DIMS, estimate, validate_interval
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import (
    LAW_NOTE,
    axes_of,
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

ACT_ON = "act on the"
"""The beginning of a sentence of `law_sentences`, before the name of the one to act on."""

_SURFACE = (
    f"{ACT_ON} surface, which uses the hyperparameters that were tried{{}}; for comparison, the "
    "law{} has"
)
_LAW = f"{ACT_ON} law{{}} as the surface does not predict its own trials: it has"


def law_sentences(
    tree: xr.DataTree, *, ci_prob: float | None = None, minimum_gain: float | None = None
) -> dict[str, str]:
    """Return which of surface and law to act on, and what the law says, of each search with one.

    The surface uses more of the data. Its assumption, a smooth score of hyperparameters that are
    all recorded, is tested by the check "surface fit, leave-one-out"; where that fails, act on the
    law. `benchmarks/few_trials.py` measured both on smooth scores: the surface was closer to the
    truth in all answers on eight searches. `ci_prob` is that of the intervals; gains above
    `minimum_gain`, by default above the noise of one run, are worth having.
    """
    laws = law_draws(tree)
    if "law_optimum" not in laws:
        # Earlier versions kept no more of the law than its effective dimension.
        return {}
    prob, _ = validate_interval(ci_prob, None)
    sentences: dict[str, str] = {}
    names = _with_law(tree)
    for name in names:
        own, law = tree["posterior"].dataset.sel(search=name), laws.sel(search=name)
        answers = [
            words.format(estimate(law[f"law_{answer}"], prob))
            for answer, words in _ANSWERS.items()
            # Earlier versions did not keep the noise.
            if f"law_{answer}" in law
        ]
        if "law_noise_sd" in law:
            gain = _headroom(tree, law)
            worth = law["law_noise_sd"] if minimum_gain is None else minimum_gain
            chance = percent(float((gain > worth).mean()))
            amount = "the noise of one run" if minimum_gain is None else f"{minimum_gain:g}"
            answers.append(
                f"a gain of {estimate(gain, prob)} by a perfect search, more than {amount} with "
                f"probability {chance}"
            )
        acts, noise = _predicts(tree, name), _on_noise(tree, name, own, law)
        source = law_source(tree, name)
        reason = _SURFACE.format(noise, source) if acts else _LAW.format(source or ",")
        sentences[name] = f"{reason} {', '.join(answers[:-1])} and {answers[-1]}"
        if not acts and (failed := _failed_of_law(tree, name)):
            sentences[name] += f"; but of the law, {failed}"
    return sentences


def law_source(tree: xr.DataTree, search: str) -> str:
    """Return from what the law of a search is fitted, between commas, "" after the first search.

    Said once, of each: models of several searches are fitted together otherwise.
    """
    names = _with_law(tree)
    if search not in names[:1]:
        return ""
    return f", from the scores{' of each search' * (len(names) > 1)} alone,"


def comparison_beside_law(tree: xr.DataTree) -> str:
    """Return that laws may compare the models of surfaces otherwise, and which to act on."""
    if not (names := _with_law(tree)):
        return ""
    failed = [name for name in names if not _predicts(tree, name)]
    text = (
        "A comparison of the same trials by the law, from the scores alone, may differ: "
        f"{ACT_ON} {'law' if len(failed) == len(names) else 'surface'}"
    )
    if len(failed) == len(names):
        return f"{text}, as no surface predicts its own trials."
    text += ", which uses the hyperparameters that were tried"
    if failed:
        text += f", but on the law in {', '.join(failed)}, where it does not predict its own trials"
    return f"{text}."


def flat_dimensions(tree: xr.DataTree) -> list[str]:
    """Return the searches whose law has an effective dimension that the prior decides."""
    laws = law_draws(tree)
    return [
        name
        for name in _with_law(tree)
        if "effective_dim" in laws
        and dimension_is_flat(
            laws["effective_dim"].sel(search=name),
            max(2.0, len(axes_of(surface_groups(tree)[name]))),
        )
    ]


def opposite_advice(
    tree: xr.DataTree, minimum_gain: float | None, probability: float, *, stop: bool
) -> str:
    """Return what an advice rests on, and where a law would advise the opposite; "" without one.

    A law beside a surface has no forecast. What it says of a perfect search, which gains at least
    as much as further trials, bounds its advice.
    """
    names, laws = _with_law(tree), law_draws(tree)
    if not names:
        return ""
    text = "This advice rests on the surface."
    if failed := [name for name in names if not _predicts(tree, name)]:
        where = f" in {', '.join(failed)}" * (len(search_names(tree)) > 1)
        text += f" But act on the law{where}: for its advice, fit without a surface."
    if "law_noise_sd" not in laws:
        return text
    laws = laws.sel(search=names)
    worth = laws["law_noise_sd"] if minimum_gain is None else minimum_gain
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


def _failed_of_law(tree: xr.DataTree, search: str) -> str:
    """Return how many checks of a law failed, and which, "" where none did: it has a note then."""
    own = tree["posterior"].dataset.sel(search=search)
    about = f" of {own['task'].item()} / {own['model'].item()}"
    begins = tuple(LAW_NOTE.format(words) for words in ("", about))
    notes = json.loads(tree.attrs.get("notes", "[]"))
    return next((note.split(": ", 1)[1] for note in notes if note.startswith(begins)), "")


def _headroom(tree: xr.DataTree, laws: xr.Dataset) -> xr.DataArray:
    """Return what a perfect search would gain by laws, as `headroom_of` by a surface."""
    gain = laws["law_best_seen_expected"] - laws["law_optimum"]
    return (direction_sign(tree) * gain).clip(min=0.0)


def _on_noise(tree: xr.DataTree, search: str, own: xr.Dataset, law: xr.Dataset) -> str:
    """Return which to act on of noises that a scale of scores sets apart, "" where none does.

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
    advice = f"for the noise, {ACT_ON} law" if seeds else "the noise is open without more seeds"
    return f"; {advice}: the surface takes it to be even on the {scale} scale"


def _predicts(tree: xr.DataTree, search: str) -> bool:
    """Return whether the surface of a search passed the check of its predictions."""
    if "checks" not in tree.children:
        return False
    checks = tree["checks"].dataset
    if _PREDICTS not in checks["check"]:
        return False
    return bool(checks["passed"].sel(search=search, check=_PREDICTS) == 1)
