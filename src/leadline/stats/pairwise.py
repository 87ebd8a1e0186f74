"""Pairs and ranks of draws: the arithmetic of `compare`, on plain arrays of losses."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdicts:
    """What draws of differences say.

    Attributes
    ----------
    p_better, p_equal, p_worse : ndarray, shape (item, item, ...)
        Share of draws in which the first is better than the second by more than the rope,
        equal within it, worse by more. They add up to 1; nan where a pair was not compared.
    difference, lower, upper : ndarray, shape (item, item, ...)
        Mean and interval of how much better the first is.
    """

    p_better: Array
    p_equal: Array
    p_worse: Array
    difference: Array
    lower: Array
    upper: Array


def differences(loss: Array) -> Array:
    """Return how much better the first of each pair is, shape (item, item, draw, ...).

    Parameters
    ----------
    loss : ndarray, shape (item, draw, ...)
        Small is good; nan where an item is missing.
    """
    with np.errstate(invalid="ignore"):
        return loss[None] - loss[:, None]


def verdicts(gain: Array, rope: Array | float, prob: float) -> Verdicts:
    """Return the three probabilities of each pair and the size of the difference.

    Parameters
    ----------
    gain : ndarray, shape (item, item, draw, ...)
        What `differences` returned.
    rope : array_like
        Differences up to it are practically none; broadcasts with `gain`.
    prob : float
        Of the equal-tailed interval.
    """
    missing = np.isnan(gain).any(axis=2)
    missing |= np.eye(len(gain), dtype=bool).reshape(*gain.shape[:2], *[1] * (gain.ndim - 3))
    filled = np.where(np.isnan(gain), 0.0, gain)
    better, worse = (filled > rope).mean(axis=2), (filled < -rope).mean(axis=2)
    # By counts of draws, so that the three add up to 1.
    equal = (np.abs(filled) <= rope).mean(axis=2)
    low, high = np.quantile(filled, [(1 - prob) / 2, (1 + prob) / 2], axis=2)
    figures = (better, equal, worse, filled.mean(axis=2), low, high)
    return Verdicts(*(np.where(missing, np.nan, figure) for figure in figures))


def ranks(loss: Array) -> Array:
    """Return the rank of each item in each draw, 1 the best, nan where it is missing.

    Items with the same loss share the mean of their ranks.

    Parameters
    ----------
    loss : ndarray, shape (item, draw, ...)
    """
    gain = differences(loss)
    rank = 1.0 + (gain < 0).sum(axis=1) + 0.5 * ((gain == 0).sum(axis=1) - 1)
    return np.where(np.isnan(loss), np.nan, rank)


def against_the_others(gain: Array) -> Array:
    """Return how much worse each item is than those that it was compared with, shape (item, draw).

    Parameters
    ----------
    gain : ndarray, shape (item, item, draw)
        Nan where two were not compared.
    """
    off_diagonal = ~np.eye(len(gain), dtype=bool)[..., None] & ~np.isnan(gain)
    count = off_diagonal.sum(axis=1)
    total = np.where(off_diagonal, gain, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return -total / np.where(count, count, np.nan)


def first_lasting(true: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the first place along the last axis from which all are true, −1 when there is none."""
    lasting = np.logical_and.accumulate(true[..., ::-1], axis=-1)[..., ::-1]
    return np.where(lasting[..., -1], lasting.argmax(axis=-1), -1)
