"""Metrics by their names: the bounds of such scores, and the direction that is usual for them."""

import re

import numpy as np

from leadline.data.trials import Trials

Bounds = tuple[float, float]

_SHARES = (
    *("acc", "accuracy", "auc", "auroc", "auprc", "precision", "recall", "sensitivity"),
    *("specificity", "f1", "dice", "iou", "miou", "jaccard", "ndcg", "top1", "top5"),
)
_AT_LEAST_ZERO = (
    *("err", "error", "errors", "mse", "rmse", "mae", "mape", "msle", "rmsle", "wer", "cer"),
    *("brier",),
)
_COEFFICIENTS = ("r2", "r_2")
_CORRELATIONS = ("mcc", "matthews", "kappa")

KNOWN: tuple[tuple[tuple[str, ...], tuple[Bounds, ...]], ...] = (
    (_SHARES, ((0.0, 1.0), (0.0, 100.0))),
    (_COEFFICIENTS, ((-np.inf, 1.0),)),
    (_CORRELATIONS, ((-1.0, 1.0),)),
    # Scores that scikit-learn calls neg_… are at most 0.
    (_AT_LEAST_ZERO, ((0.0, np.inf), (-np.inf, 0.0))),
)
"""Words of names, and the bounds of such scores: the first that hold all scores apply."""

_GOOD = {
    "minimize": (*_AT_LEAST_ZERO, "loss", "losses", "nll", "perplexity", "ppl"),
    "maximize": (*_SHARES, *_COEFFICIENTS, *_CORRELATIONS),
}
"""Words of the names of scores, by the direction that is usual for them."""

COST_WORDS = frozenset(
    [
        *("cost", "time", "duration", "runtime", "walltime", "elapsed"),
        *("seconds", "secs", "sec", "minutes", "mins", "hours"),
    ]
)
"""Words of the names of columns that hold what an evaluation took."""

# With one of these words the name is that of another score.
DERIVED = frozenset(
    [
        *("log", "log10", "ln", "delta", "diff", "difference", "drop", "gain", "gap"),
        *("reduction", "improvement", "ratio", "relative", "normalized", "normalised", "z"),
    ]
)
# And with one of these, small may be good where large is of the score itself.
_TURNED = (DERIVED - {"log"}) | {"neg", "negative", "inv", "inverse", "minus", "one", "1"}


def words_of(metric: str) -> list[str]:
    """Return the words of the name of a metric, in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", metric)
    return re.findall(r"[a-z0-9]+", spaced.lower())


def named(words: list[str], names: tuple[str, ...]) -> list[str]:
    """Return those of `names` that stand among the words."""
    return [name for name in names if f"_{name}_" in f"_{'_'.join(words)}_"]


def usual_direction(metric: str) -> str:
    """Return the direction that is usual for a metric of this name, "" if it is not known."""
    words = words_of(metric)
    if _TURNED.intersection(words):
        return ""
    usual = [direction for direction, names in _GOOD.items() if named(words, names)]
    # A dice loss has both.
    return usual[0] if len(usual) == 1 else ""


def direction_doubt(trials: Trials) -> str:
    """Return a warning if the name of the metric contradicts the direction or a score, else ""."""
    if COST_WORDS.issuperset(words_of(trials.metric)):
        return (
            f"is the score right? {trials.metric!r} sounds like what an evaluation took; if it is, "
            f"name another column as the score, and this one as cost={trials.metric!r}"
        )
    usual, scores = usual_direction(trials.metric), trials.table["score"].dropna()
    # scikit-learn turns the sign of losses.
    if usual in ("", trials.direction) or (len(scores) and (scores <= 0).all()):
        return ""
    best = "largest" if trials.direction == "maximize" else "smallest"
    return (
        f"is the direction right? A score called {trials.metric!r} is usually {usual}d; with "
        f"direction={trials.direction!r} the {best} one counts as the best; "
        f"if it is wrong, stop and give direction={usual!r}"
    )
