"""Pairwise differences and ranks of draws: the arithmetic of `compare`, on labelled losses.

The first dim of the losses has the compared items; `sample` is the dim of the draws.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import rankdata


def differences(loss: xr.DataArray) -> xr.DataArray:
    """Return how much better the first item of each pair is than the second.

    Parameters
    ----------
    loss : DataArray, dims (item, sample, ...)
        Small is good; nan where an item is missing.

    Returns
    -------
    DataArray
        Dims (item, other_item, sample, ...), with the name of the first dim for "item".
    """
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
        Appended to ``p_better``, ``p_equal``, ``p_worse`` and ``difference``.

    Returns
    -------
    Dataset
        `p_better`, `p_equal`, `p_worse`, `difference`, `difference_lower`, `difference_upper`,
        dims (item, other_item, ...); nan for pairs that were not compared.
    """
    item, other = gain.dims[:2]
    compared = gain.notnull().all("sample") & (gain[item] != gain[other])
    filled = gain.fillna(0.0)
    ends = filled.quantile([(1 - prob) / 2, (1 + prob) / 2], "sample", skipna=False)
    figures = {
        f"p_better{suffix}": (filled > rope).mean("sample"),
        # Counted, and not 1 − the others, so that the three add up to 1 without rounding.
        f"p_equal{suffix}": (abs(filled) <= rope).mean("sample"),
        f"p_worse{suffix}": (filled < -rope).mean("sample"),
        f"difference{suffix}": filled.mean("sample"),
        f"difference{suffix}_lower": ends.isel(quantile=0, drop=True),
        f"difference{suffix}_upper": ends.isel(quantile=1, drop=True),
    }
    return xr.Dataset(figures).where(compared)


def summarize_ranks(loss: xr.DataArray, prob: float, suffix: str = "") -> xr.Dataset:
    """Return the mean rank of each item, 1 for the best, its interval, and P(best).

    Parameters
    ----------
    loss : DataArray, dims (item, sample, ...)
        Small is good; nan where an item is missing.
    prob : float
        Probability of the equal-tailed interval.
    suffix : str
        Appended to the names.

    Returns
    -------
    Dataset
        `rank`, `rank_lower`, `rank_upper`, `p_best`, dims (item, ...).
    """
    item = loss.dims[0]
    rank = ranks(loss)
    filled = rank.fillna(0.0)
    tails = [(1 - prob) / 2, (1 + prob) / 2]
    ends = filled.quantile(tails, "sample", method="nearest", skipna=False)
    figures = {
        f"rank{suffix}": filled.mean("sample"),
        f"rank_lower{suffix}": ends.isel(quantile=0, drop=True),
        f"rank_upper{suffix}": ends.isel(quantile=1, drop=True),
        f"p_best{suffix}": (rank == rank.min(item)).mean("sample"),
    }
    return xr.Dataset(figures).where(loss.notnull().all("sample"))


def ranks(loss: xr.DataArray) -> xr.DataArray:
    """Return the rank of each item in each draw, 1 for the best, nan where it is missing.

    Items with the same loss share the mean of their ranks.
    """
    rank = loss.copy(data=rankdata(loss.fillna(np.inf), axis=0))
    return rank.where(loss.notnull())


def mean_deficit(gain: xr.DataArray) -> xr.DataArray:
    """Return the mean difference by which each item is worse than those compared with it.

    Parameters
    ----------
    gain : DataArray, dims (item, other_item, sample)
        Result of `differences`; nan where two items were not compared.
    """
    item, other = gain.dims[:2]
    return -gain.where(gain[item] != gain[other]).mean(other)


def first_lasting(true: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the first index along the last axis from which all are true, −1 if there is none."""
    lasting = np.logical_and.accumulate(true[..., ::-1], axis=-1)[..., ::-1]
    return np.where(lasting[..., -1], lasting.argmax(axis=-1), -1)
