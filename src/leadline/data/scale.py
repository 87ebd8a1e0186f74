"""The scale of the score on which the law is assumed: the score itself, its log or its logit.

The law of arXiv:2510.02721 is invariant under smooth monotone maps of the score only in the limit
of good scores. Further out it may hold on one scale of a score and fail on another, and noise that
grows with a loss may be constant in its logarithm. A scale is an increasing map g of the score.
Models use g(score); users see scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.errors import LeadlineError, format_value

Array = Any
"""An array of numbers or one NumPy number; functions return the same kind."""

# Exact to 1e-7 for noise of up to 2 units of log or logit, which is noise by a factor of 7.
_NORMAL_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_NORMAL_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Scale:
    """An increasing map of the score, `forward`, from an open interval of scores.

    `allowed` describes that interval in messages; `log_slope` is the log of the derivative of the
    map, at scores.
    """

    name: str
    allowed: str
    lower: float
    upper: float
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    log_slope: Callable[[Array], Array]

    def takes(self, scores: Array) -> Array:
        """Return which of the scores are in the domain."""
        return (scores > self.lower) & (scores < self.upper)

    def expected_score(self, mean: Array, noise: Array) -> Array:
        """Return the mean of a score that is normal on the scale, with `mean` and sd `noise`."""
        if self.name == "identity":
            return np.broadcast_to(mean, np.broadcast_shapes(mean.shape, noise.shape)).copy()
        return self._scores_at_nodes(mean, noise) @ _NORMAL_WEIGHTS

    def score_sd(self, mean: Array, noise: Array) -> Array:
        """Return the sd of a score that is normal on the scale, with `mean` and sd `noise`."""
        if self.name == "identity":
            return np.broadcast_to(noise, np.broadcast_shapes(mean.shape, noise.shape)).copy()
        scores = self._scores_at_nodes(mean, noise)
        return np.sqrt((scores - (scores @ _NORMAL_WEIGHTS)[..., None]) ** 2 @ _NORMAL_WEIGHTS)

    def _scores_at_nodes(self, mean: Array, noise: Array) -> Array:
        return self.inverse(mean[..., None] + noise[..., None] * _NORMAL_NODES)


# SciPy takes longer to import than a summary takes to compute, and few fits use this scale.
def _logit(score: Array) -> Array:
    from scipy.special import logit

    return logit(score)


def _inverse_logit(value: Array) -> Array:
    from scipy.special import expit

    return expit(value)


SCALES = {
    scale.name: scale
    for scale in (
        Scale("identity", "any number", -np.inf, np.inf, lambda x: x, lambda x: x, np.zeros_like),
        Scale("log", "positive scores", 0.0, np.inf, np.log, np.exp, lambda x: -np.log(x)),
        Scale(
            *("logit", "scores between 0 and 1", 0.0, 1.0, _logit, _inverse_logit),
            lambda x: -np.log(x) - np.log1p(-x),
        ),
    )
}


def validate_scale(scale: object) -> None:
    """Raise `LeadlineError` unless `scale` is the name of a scale or "auto"."""
    if not isinstance(scale, str) or scale not in (*SCALES, "auto"):
        raise LeadlineError(
            f"scale must be {', '.join(map(repr, SCALES))} or 'auto', got {format_value(scale)}"
        )


def scales_to_fit(scale: str, scores: Array, name: str) -> list[Scale]:
    """Return the scale of that name, or for "auto" all scales whose domain holds the scores.

    `scores` are those of a search, without NaN, and `name` is its name in messages.
    """
    if scale == "auto":
        return [entry for entry in SCALES.values() if entry.takes(scores).all()]
    chosen = SCALES[scale]
    refused = scores[~chosen.takes(scores)]
    if refused.size:
        raise LeadlineError(
            f"{name}: scale={scale!r} takes {chosen.allowed}, and {refused.size} of "
            f"{scores.size} scores are not, {refused[0]:g} for one; use scale='identity'"
        )
    return [chosen]
