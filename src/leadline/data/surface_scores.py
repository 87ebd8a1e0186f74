"""Scores as a surface is fitted to them: losses on a scale, bad ones compressed, standardised.

A stationary surface cannot follow a score that is flat among good configurations and explodes among
bad ones. Losses beyond a *knee*, the median, are compressed by a logarithm; better ones, where the
optimum is, stay as they are on the scale.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.data.scale import SCALES, Scale
from leadline.errors import LeadlineError

Floats = npt.NDArray[np.float64]

_KNEE = 0.5
"""Share of the trials that are better than the knee."""

_REFERENCE = 0.1
"""The distance from the knee to this quantile is the unit in which the rest is compressed."""

_FURTHEST = 20.0
"""Compressed losses further beyond the knee, which only a prior draw reaches, have no inverse."""


@dataclass(frozen=True)
class SurfaceScores:
    """The map from scores to standardised losses, and back.

    `scale` maps scores; `margin` widens its domain on both sides, so that it takes scores at its
    ends, such as an accuracy of 1. Losses on the scale beyond `knee` are compressed in units of
    `unit`, then standardised by `centre` and `spread`.
    """

    scale: Scale
    sign: float
    margin: float
    knee: float
    unit: float
    centre: float
    spread: float

    @classmethod
    def from_json(cls, text: str) -> "SurfaceScores":
        """Return the map that `to_json` wrote."""
        stored = json.loads(text)
        return cls(**(stored | {"scale": SCALES[stored["scale"]]}))

    def to_json(self) -> str:
        """Return the map as text, for the attributes of a tree."""
        names = [entry.name for entry in dataclasses.fields(self)]
        return json.dumps({own: getattr(self, own) for own in names} | {"scale": self.scale.name})

    def forward(self, scores: Floats) -> Floats:
        """Return standardised losses."""
        return np.asarray((self._compress(self._losses(scores)) - self.centre) / self.spread)

    def uncompressed(self, scores: Floats) -> Floats:
        """Return losses on the scale in the same units; bad ones are not compressed."""
        return np.asarray((self._losses(scores) - self.centre) / self.spread)

    def loss_of(self, score: float) -> float:
        """Return the standardised loss of any score, infinite beyond the ends of the scale."""
        widened = self._widen(np.array([score]))
        if not self.scale.takes(widened)[0]:
            return float(self.sign * (np.inf if widened[0] >= self.scale.upper else -np.inf))
        return float(self.forward(np.array([score]))[0])

    def log_slope(self, scores: Floats) -> Floats:
        """Return the log of the absolute derivative of `forward`."""
        beyond = np.maximum(self._losses(scores) - self.knee, 0.0) / self.unit
        widened = self.scale.log_slope(self._widen(scores)) - self._log_width()
        return np.asarray(widened - np.log1p(beyond) - np.log(self.spread))

    def expected_score(self, mean: Floats, noise_sd: Floats) -> Floats:
        """Return the mean score of runs whose standardised losses are normal.

        Good losses are on the scale, where the expectation is exact; compressed ones are mapped
        back as they are.
        """
        compressed = self.centre + self.spread * mean
        beyond = np.clip((compressed - self.knee) / self.unit, 0.0, _FURTHEST)
        loss = np.minimum(compressed, self.knee) + self.unit * np.expm1(beyond)
        value, noise = np.broadcast_arrays(self.sign * loss, self.spread * noise_sd)
        expected = self.scale.expected_score(value, noise)
        if self.scale.name == "logit":
            expected = np.clip(expected * (1.0 + 2.0 * self.margin) - self.margin, 0.0, 1.0)
        return np.asarray(expected)

    def noise_sd(self, mean: Floats, noise_sd: Floats) -> Floats:
        """Return the sd of single scores around an expected loss, in score units."""
        loss = np.minimum(self.centre + self.spread * mean, self.knee)
        value, noise = np.broadcast_arrays(self.sign * loss, self.spread * noise_sd)
        return np.asarray(self.scale.score_sd(value, noise) * np.exp(self._log_width()))

    def _widen(self, scores: Floats) -> Floats:
        if self.scale.name != "logit":
            return scores
        return np.asarray((scores + self.margin) / (1.0 + 2.0 * self.margin))

    def _log_width(self) -> float:
        return float(np.log1p(2.0 * self.margin)) if self.scale.name == "logit" else 0.0

    def _losses(self, scores: Floats) -> Floats:
        return np.asarray(self.sign * self.scale.forward(self._widen(scores)))

    def _compress(self, losses: Floats) -> Floats:
        beyond = np.maximum(losses - self.knee, 0.0) / self.unit
        return np.asarray(np.minimum(losses, self.knee) + self.unit * np.log1p(beyond))


def surface_scales(scores: Floats, sign: float, scale: str, name: str) -> list[str]:
    """Return the names of the scales to try, the one asked for or, for "auto", all that fit.

    The first one is to be taken unless another is clearly better: the logit of scores from 0 to 1
    whose `sign` is −1 (maximised), such as accuracies, which cannot pass 1, and the score itself
    otherwise. `scores` are finite; `name` is that of the search, for messages.
    """
    low, high = float(scores.min()), float(scores.max())
    takes = {"identity": True, "log": low > 0.0, "logit": low >= 0.0 and high <= 1.0}
    if scale == "auto":
        usual = "logit" if takes["logit"] and sign < 0.0 else "identity"
        return sorted((own for own in takes if takes[own]), key=lambda own: own != usual)
    if not takes[scale]:
        raise LeadlineError(
            f"{name}: scale={scale!r} takes {SCALES[scale].allowed}, and the scores are "
            f"{low:g} to {high:g}; use scale='identity'"
        )
    return [scale]


def surface_scores(scores: Floats, sign: float, scale: str, name: str) -> SurfaceScores:
    """Return the map for finite scores, whose `sign` is 1 if they are minimised, else −1.

    Raises `LeadlineError` if all scores are equal.
    """
    distinct = np.unique(scores)
    if len(distinct) < 2:
        raise LeadlineError(
            f"{name}: all {len(scores)} scores are equal ({distinct[0]:g}), so that the optimum "
            "cannot be inferred; check the score column"
        )
    margin = 0.0
    if scale == "logit" and (distinct[0] <= 0.0 or distinct[-1] >= 1.0):
        # Half the smallest difference: scores of a finite sample lie on a grid.
        margin = 0.5 * max(float(np.diff(distinct).min()), 1e-4)
    bare = SurfaceScores(SCALES[scale], sign, margin, np.inf, 1.0, 0.0, 1.0)
    losses = bare.forward(scores)
    knee, reference = np.quantile(losses, [_KNEE, _REFERENCE])
    unit = float(knee - reference) or float(losses.std())
    knelt = SurfaceScores(SCALES[scale], sign, margin, float(knee), unit, 0.0, 1.0)
    compressed = knelt.forward(scores)
    centre, spread = float(compressed.mean()), float(compressed.std())
    return SurfaceScores(SCALES[scale], sign, margin, float(knee), unit, centre, spread)


def mean_by_trial(values: Floats, trial: Sequence[int] | npt.NDArray[np.intp]) -> Floats:
    """Return the mean of `values` (evaluation) for each trial position."""
    counts = np.bincount(trial)
    return np.asarray(np.bincount(trial, weights=values) / counts)
