"""Draws of searches as a few normal kernels each, for the model of what searches share.

The mean ratio of `leadline.models.population` over all draws of a search costs a term per draw. The
draws are split into groups, always the widest one, along its widest coordinate. Each group becomes
a normal with the mean and the variance of its draws, weighted as in the ratio. What they leave out
is made good by resampling (`leadline.inference.shared_draws`).
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
        spread = np.maximum(z.std(axis=0), 1e-300)
        for kernel, group in enumerate(split(z / spread, count)):
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


def split(points: Array, count: int) -> list[Index]:
    """Return the positions of points (point, coordinate) in at most `count` narrow groups.

    The group with the largest sum of squares along one coordinate is split there, at its mean.
    """
    groups: list[tuple[float, int, Index, Index]] = []
    # Arrays are not compared where widths are equal.
    order = itertools.count()

    def add(own: Index) -> None:
        squares = ((points[own] - points[own].mean(axis=0)) ** 2).sum(axis=0)
        along = points[own, squares.argmax()]
        below = along <= along.mean()
        # Equal points, apart from rounding, are not split.
        widest = 0.0 if below.all() else float(squares.max())
        heapq.heappush(groups, (-widest, next(order), own[below], own[~below]))

    add(np.arange(len(points)))
    while len(groups) < count and groups[0][0] < 0.0:
        _, _, below, above = heapq.heappop(groups)
        add(below)
        add(above)
    return [np.concatenate(own) for _, _, *own in groups]
