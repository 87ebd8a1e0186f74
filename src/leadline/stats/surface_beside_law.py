"""The two answers on a random search that has a surface: its own, and that of the law beside it."""

import xarray as xr

from leadline.stats.fitted_search import direction_sign, trial_data
from leadline.stats.intervals import SAMPLE_DIMS, estimate, validate_interval
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import law_draws, learned_searches, scores_of, surface_groups

_PREDICTS = "surface fit, leave-one-out"

_ANSWERS = {
    "optimum": "the optimum is",
    "best_seen_expected": "the best trial re-run scores",
    "noise_sd": "the noise sd of one run is",
}

_FACTOR = 1.5
"""Noises that differ by more are explained."""

_SURFACE = "believe the surface, which also uses the hyperparameters and predicts its own trials"
_LAW = (
    "believe the law, which needs no hyperparameters: the surface does not predict its own trials"
)


def law_sentences(tree: xr.DataTree, *, ci_prob: float | None = None) -> dict[str, str]:
    """Return for each search with both answers what they are, and which to believe and why.

    The surface uses more of the data. Its assumption, a smooth score of hyperparameters that are
    all recorded, is tested by the check "surface fit, leave-one-out"; where that fails, the law is
    to be believed. `benchmarks/few_trials.py` measured both on smooth scores: the surface was
    closer to the truth in all answers on eight searches. `ci_prob` is that of the intervals.
    """
    posterior = tree["posterior"].dataset
    laws = law_draws(tree)
    if "law_optimum" not in laws:
        # Earlier versions kept no more of the law than its effective dimension.
        return {}
    prob, _ = validate_interval(ci_prob, None)
    names = [str(name) for name in posterior["search"].to_numpy()]
    learned = learned_searches(tree)
    sentences = {}
    for name in names:
        if name in learned:
            continue
        own, law = posterior.sel(search=name), laws.sel(search=name)
        both = "; ".join(
            f"{words} {estimate(own[answer], prob)} by the surface and "
            f"{estimate(law[f'law_{answer}'], prob)} by the law"
            for answer, words in _ANSWERS.items()
            # Earlier versions did not keep the noise.
            if f"law_{answer}" in law
        )
        both += _headrooms(own, law, direction_sign(tree), prob)
        reason = _SURFACE + _on_noise(tree, name, own, law) if _predicts(tree, name) else _LAW
        sentences[name] = f"two answers: {both}; {reason}"
    return sentences


def _headrooms(own: xr.Dataset, law: xr.Dataset, sign: float, prob: float) -> str:
    """Return what a perfect search would gain by both, on which the advice to stop rests."""
    if "law_noise_sd" not in law:
        return ""
    pairs = {"the surface": own, "the law": law.rename({f"law_{name}": name for name in _ANSWERS})}
    gains, chances = [], []
    for name, answers in pairs.items():
        gain = (sign * (answers["best_seen_expected"] - answers["optimum"])).clip(min=0.0)
        chance = percent(float((gain > answers["noise_sd"]).mean()))
        gains.append(f"{estimate(gain, prob)} by {name}")
        chances.append(f"{chance} by {name}")
    return (
        f"; a perfect search would gain {' and '.join(gains)}, more than the noise of one run with "
        f"probability {' and '.join(chances)}"
    )


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
