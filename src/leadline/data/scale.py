"""The scale of the score on which the law is taken to hold: the score itself, its log or logit.

The law of arXiv:2510.02721 is invariant under smooth monotone maps of the score only in the limit
of good scores; further out one scale of a score may obey it and another not, and noise that
grows with a loss may be constant in its logarithm. A scale is an increasing map g of the score.
Models see g(score); users see scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from leadline.errors import LeadlineError, format_value

Array = Any
"""An array of numbers or one NumPy number; what comes back is of its kind."""

# Exact to 1e-7 for noise of up to 2 units of log or logit, which is noise by a factor of 7.
_NORMAL_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_NORMAL_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Scale:
    """An increasing map of the score.

    Attributes
    ----------
    name : str
        What users call it.
    allowed : str
        Which scores it takes, for messages.
    lower, upper : float
        The open interval of the scores that it takes.
    forward, inverse : callable
        The map and its inverse.
    log_slope : callable
        Log of the derivative of the map, at scores.
    """

    name: str
    allowed: str
    lower: float
    upper: float
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    log_slope: Callable[[Array], Array]

    def takes(self, scores: Array) -> Array:
        """Return which of the scores are on the scale."""
        return (scores > self.lower) & (scores < self.upper)

    def expected_score(self, place: Array, noise: Array) -> Array:
        """Return the mean of the score whose place on the scale has normal noise.

        Parameters
        ----------
        place, noise : ndarray
            Mean and sd on the scale; they broadcast.
        """
        return self._moment(place, noise, lambda score: score)

    def score_sd(self, place: Array, noise: Array) -> Array:
        """Return the sd of the score whose place on the scale has normal noise."""
        if self.name == "identity":
            return np.broadcast_to(noise, np.broadcast_shapes(place.shape, noise.shape)).copy()
        mean = self.expected_score(place, noise)
        return np.sqrt(self._moment(place, noise, lambda score: (score - mean[..., None]) ** 2))

    def _moment(self, place: Array, noise: Array, power: Callable[[Array], Array]) -> Array:
        if self.name == "identity":
            return np.broadcast_to(place, np.broadcast_shapes(place.shape, noise.shape)).copy()
        return power(self.inverse(place[..., None] + noise[..., None] * _NORMAL_NODES)) @ (
            _NORMAL_WEIGHTS
        )


SCALES = {
    "identity": Scale(
        "identity",
        "any number",
        -np.inf,
        np.inf,
        forward=lambda score: score,
        inverse=lambda place: place,
        log_slope=np.zeros_like,
    ),
    "log": Scale(
        "log",
        "positive scores",
        0.0,
        np.inf,
        forward=np.log,
        inverse=np.exp,
        log_slope=lambda score: -np.log(score),
    ),
    "logit": Scale(
        "logit",
        "scores between 0 and 1",
        0.0,
        1.0,
        forward=logit,
        inverse=expit,
        log_slope=lambda score: -np.log(score) - np.log1p(-score),
    ),
}


def validate_scale(scale: object) -> None:
    """Raise `LeadlineError` unless `scale` is the name of a scale or "auto"."""
    if not isinstance(scale, str) or scale not in (*SCALES, "auto"):
        raise LeadlineError(
            f"scale must be {', '.join(map(repr, SCALES))} or 'auto', got {format_value(scale)}"
        )


def scales_to_fit(scale: str, scores: Array, name: str) -> list[Scale]:
    """Return the scales on which a search is to be fitted.

    Parameters
    ----------
    scale : str
        One name, or "auto" for all that take the scores.
    scores : ndarray of float
        The scores of the search that are not nan.
    name : str
        Name of the search, for messages.

    Raises
    ------
    LeadlineError
        If the scale does not take all of the scores.
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
