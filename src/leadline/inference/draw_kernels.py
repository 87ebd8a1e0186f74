"""Draws of searches as a few normal kernels each, for the model of what searches share.

The mean ratio of `leadline.models.population` over all draws of a search costs a term per draw. The
draws are split into groups, always the widest one, along its widest coordinate. Each group becomes
a normal with the mean and the variance of its draws, weighted as in the ratio. What they leave out
is made good by resampling (`leadline.inference.shared_draws`).

A group matters as it is wide beside the population of the search, and near it. Where a population
is known (`leadline.inference.bridged_draws`), it gives the units, and draws far from it count less.
Split in units of the draws themselves, kernels of 300 searches shift all means by 0.8 posterior
sds, and more kernels shift them further.
"""

import heapq
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import logsumexp

from leadline.models.population import COORDINATES

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# The distance from a population, in units of its width, at which a draw counts half.
_FAR = 5.0


def kernels_of(draws: Sequence[xr.Dataset], count: int) -> xr.Dataset:
    """Return `count` kernels of the draws of each search, as `search_draws.draws_of` returns them.

    Returns
    -------
    xarray.Dataset
        `centre` and `variance` (search, kernel, coordinate), `log_weight` (search, kernel), the log
        of the sum of ``1 / p_0`` over the draws of a kernel, per draw of the search, and
        `noise_ratio` (search), the mean over draws. A search with fewer distinct draws than `count`
        has kernels without weight.
    """
    shape = len(draws), count, len(COORDINATES)
    centre, variance = np.zeros(shape), np.ones(shape)
    log_weight = np.full(shape[:2], -np.inf)
    noise_ratio = np.empty(len(draws))
    for search, own in enumerate(draws):
        z, log_base = own["z"].to_numpy(), own["log_base"].to_numpy()
        noise_ratio[search] = np.exp(z[:, COORDINATES.index("log_noise")]).mean()
        for kernel, group in enumerate(split(*_units_and_shares(own), count)):
            total = logsumexp(-log_base[group])
            share = np.exp(-log_base[group] - total)
            centre[search, kernel] = share @ z[group]
            within = share @ (z[group] - centre[search, kernel]) ** 2
            variance[search, kernel] = within + own["width"].to_numpy() ** 2
            log_weight[search, kernel] = total - np.log(len(z))
    of_kernels = ("search", "kernel", "coordinate")
    return xr.Dataset(
        {
            "centre": (of_kernels, centre),
            "variance": (of_kernels, variance),
            "log_weight": (of_kernels[:2], log_weight),
            "noise_ratio": ("search", noise_ratio),
        }
    )


def _units_and_shares(own: xr.Dataset) -> tuple[Array, Array]:
    """Return the draws of a search in units in which groups are to be narrow, and their shares."""
    z = own["z"].to_numpy()
    if "population_sd" not in own:
        return z / np.maximum(z.std(axis=0), 1e-300), np.ones(len(z))
    unit = np.hypot(own["population_sd"].to_numpy(), own["width"].to_numpy())
    points = (z - own["population_mean"].to_numpy()) / unit
    return points, 1.0 / (1.0 + (points**2).sum(axis=-1) / _FAR**2)


def split(points: Array, share: Array, count: int) -> list[Index]:
    """Return the positions of points (point, coordinate) in at most `count` narrow groups.

    The group with the largest sum of squares along one coordinate is split there, at its mean.
    `share` (point,) says how much each point counts.
    """
    groups: list[tuple[float, int, Index, Index]] = []
    # Arrays are not compared where widths are equal.
    order = itertools.count()

    def add(own: Index) -> None:
        mean = share[own] @ points[own] / share[own].sum()
        squares = share[own] @ (points[own] - mean) ** 2
        widest_along = squares.argmax()
        below = points[own, widest_along] <= mean[widest_along]
        # Equal points, apart from rounding, are not split.
        widest = 0.0 if below.all() or not below.any() else float(squares.max())
        heapq.heappush(groups, (-widest, next(order), own[below], own[~below]))

    add(np.arange(len(points)))
    while len(groups) < count and groups[0][0] < 0.0:
        _, _, below, above = heapq.heappop(groups)
        add(below)
        add(above)
    return [np.concatenate(own) for _, _, *own in groups]
