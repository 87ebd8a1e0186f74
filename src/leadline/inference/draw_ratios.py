"""Ratios of what searches share to the priors of searches fitted alone, at the draws of these.

Let z_k be the draws of a search fitted alone, p_0 its prior, and p(z | shared) the population that
draws of the shared parameters give it. ``p(z_k | shared) / p_0(z_k)`` is the weight of a draw in
the joint posterior, and its mean over k is the evidence of the search for the shared parameters
(`leadline.models.population`).

A population may be narrower than the distance between draws: its mean ratio is then that of a few
draws, too small in most places, which adds up over searches. A draw therefore stands for a narrow
normal (`SMOOTHING`).
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import xarray as xr
from threadpoolctl import threadpool_limits

Array = npt.NDArray[np.float64]

SMOOTHING = 0.1
"""The sd of the normal that a draw stands for, in sds of the draws of the last fit of a search."""

# Draws of the shared parameters for which ratios are computed at once. So few ratios stay in the
# processor's cache: 500 take twice as long.
_BLOCK = 32


def log_ratios(own: xr.Dataset, mean: Array, sd: Array) -> Array:
    """Return log p(z_k | shared) / p_0(z_k), shape (sample, draw), up to a constant.

    `own` are draws as `search_draws.draws_of` returns them, with the `width` (coordinate) of each.
    `mean` and `sd` are (sample, coordinate).
    """
    return np.concatenate(list(_log_ratio_blocks(own, mean, sd)))


def ratio_blocks(
    own: xr.Dataset, mean: Array, sd: Array
) -> Iterator[tuple[slice, npt.NDArray[np.float32], Array]]:
    """Yield ratios (sample, draw), the largest of a sample being 1, and the log of their mean.

    Each block comes with its place among the samples. The logs of the means (sample,) have the
    constant that `log_ratios` leaves out of all ratios.
    """
    start = 0
    for log_ratio in _log_ratio_blocks(own, mean, sd):
        block = slice(start, start + len(log_ratio))
        start = block.stop
        most = log_ratio.max(axis=-1, keepdims=True)
        # Four times as fast as double precision, which the draws do not need.
        ratio = np.exp((log_ratio - most).astype(np.float32))
        yield block, ratio, np.log(ratio.mean(axis=-1, dtype=float)) + most[:, 0]


def _log_ratio_blocks(own: xr.Dataset, mean: Array, sd: Array) -> Iterator[Array]:
    """Yield what `log_ratios` returns, a few samples at a time.

    The squares are expanded: one product of matrices is several times faster than 16 million
    squares per search.
    """
    z = own["z"].to_numpy()
    # Near the draws, so that the expanded squares do not cancel.
    middle = z.mean(axis=0)
    z, mean, variance = z - middle, mean - middle, sd**2 + own["width"].to_numpy() ** 2
    precision = 1.0 / variance
    ones = np.ones((len(z), 1))
    by_draw = np.concatenate([z**2, z, ones, own["log_base"].to_numpy()[:, None]], axis=1).T
    constant = -0.5 * (mean**2 * precision).sum(axis=-1, keepdims=True)
    constant -= 0.5 * np.log(variance).sum(axis=-1, keepdims=True)
    by_sample = [-0.5 * precision, mean * precision, constant, -np.ones((len(mean), 1))]
    of_samples = np.concatenate(by_sample, axis=1)
    for start in range(0, len(mean), _BLOCK):
        yield of_samples[start : start + _BLOCK] @ by_draw


def of_each_search[Result](function: Callable[[int], Result], searches: int) -> list[Result]:
    """Return what a function of ratios returns for the number of each search, on all cores."""
    # Products of matrices this small are slower on several threads.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, range(searches)))
