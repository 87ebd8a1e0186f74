"""Pairwise differences and ranks of draws: the arithmetic of `compare`, on labelled losses.

Losses have dims (item, sample, ...), with "model" or "task" for "item" and `sample` for the draws;
they are nan where an item is missing. Differences have dims (item, other_item, sample, ...), are
positive where the first item is better, and nan for pairs that were not compared.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import rankdata


def differences(loss: xr.DataArray) -> xr.DataArray:
    """Return the improvement of each item over each other."""
    item = str(loss.dims[0])
    other = f"other_{item}"
    return (loss.rename({item: other}) - loss).transpose(item, other, *loss.dims[1:])


def summarize_differences(
    gain: xr.DataArray, rope: xr.DataArray | float, prob: float, suffix: str = ""
) -> xr.Dataset:
    """Return the probabilities of each pair, and the mean and the interval of the difference.

    Parameters
    ----------
    gain : DataArray, dims (item, other_item, sample, ...)
        Result of `differences`.
    rope : DataArray or float
        Largest difference that counts as practically equal; broadcasts with `gain`.
    prob : float
        Probability of the equal-tailed interval.
    suffix : str
        Appended to ``p_better``, ``p_equal``, ``p_worse`` and ``difference``; the interval is
        ``difference_lower``, ``difference_upper``, with the suffix in the middle.
    """
    item, other = gain.dims[:2]
    compared = gain.notnull().all("sample") & (gain[item] != gain[other])
    filled = gain.fillna(0.0)
    lower, upper = filled.quantile(_ends(prob), "sample", skipna=False).drop_vars("quantile")
    figures = {
        f"p_better{suffix}": (filled > rope).mean("sample"),
        # Counted, and not 1 − the others, so that the three add up to 1 without rounding.
        f"p_equal{suffix}": (abs(filled) <= rope).mean("sample"),
        f"p_worse{suffix}": (filled < -rope).mean("sample"),
        f"difference{suffix}": filled.mean("sample"),
        f"difference{suffix}_lower": lower,
        f"difference{suffix}_upper": upper,
    }
    return xr.Dataset(figures).where(compared)


def summarize_ranks(loss: xr.DataArray, prob: float, suffix: str = "") -> xr.Dataset:
    """Return the mean rank of each item, 1 for the best, its interval, and P(best).

    The names are `rank`, `rank_lower`, `rank_upper` and `p_best`, followed by the suffix.
    """
    rank = ranks(loss)
    ends = rank.fillna(0.0).quantile(_ends(prob), "sample", method="nearest", skipna=False)
    lower, upper = ends.drop_vars("quantile")
    figures = {
        f"rank{suffix}": rank.fillna(0.0).mean("sample"),
        f"rank_lower{suffix}": lower,
        f"rank_upper{suffix}": upper,
        f"p_best{suffix}": (rank == rank.min(str(loss.dims[0]))).mean("sample"),
    }
    return xr.Dataset(figures).where(loss.notnull().all("sample"))


def ranks(loss: xr.DataArray) -> xr.DataArray:
    """Return the rank of each item in each draw; items with the same loss share the mean rank."""
    rank = loss.copy(data=rankdata(loss.fillna(np.inf), axis=0))
    return rank.where(loss.notnull())


def mean_deficit(gain: xr.DataArray) -> xr.DataArray:
    """Return the mean difference by which each item is worse than those compared with it."""
    item, other = gain.dims[:2]
    return -gain.where(gain[item] != gain[other]).mean(str(other))


def first_lasting(true: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the first index along the last axis from which all are true, −1 if there is none."""
    lasting = np.logical_and.accumulate(true[..., ::-1], axis=-1)[..., ::-1]
    return np.where(lasting[..., -1], lasting.argmax(axis=-1), -1)


def _ends(prob: float) -> list[float]:
    """Return the probabilities at the ends of an equal-tailed interval."""
    return [(1 - prob) / 2, (1 + prob) / 2]
