"""Posteriors at different thresholds as one: a mixture of draws, chosen point by point."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

Index = npt.NDArray[np.intp]


def choose_draws(
    weights: Sequence[float], sizes: Sequence[int], shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Index, Index]:
    """Return the component of each draw of a mixture, and which of its draws it is.

    Within a chain, numbers of draws are proportional to the weights (systematic resampling), and
    components alternate in random order. The draws of a component are those of the same chain, in
    order and evenly spaced. `weights` and `sizes`, numbers of draws per chain, have one entry per
    component; `shape` and both results are (chain, draw).
    """
    chains, draws = shape
    ends = np.cumsum(weights)
    ends = ends / ends[-1]
    start = rng.random()
    labels = np.searchsorted(ends, (np.arange(draws) + start) / draws)
    component = np.stack([rng.permutation(labels) for _ in range(chains)])
    index = np.empty_like(component)
    for chain in range(chains):
        for number in np.unique(component[chain]):
            own = component[chain] == number
            count = int(own.sum())
            index[chain, own] = (np.arange(count) + 0.5) * (sizes[number] / count)
    return component, index


def mix(parts: Sequence[xr.Dataset], component: Index, index: Index) -> xr.Dataset:
    """Return a mixture of datasets with dims (chain, draw, ...), as `choose_draws` chose it.

    The components may differ in their numbers of draws.
    """
    starts = np.cumsum([0, *(part.sizes["draw"] for part in parts)])[:-1]
    bare = [part.drop_vars(("chain", "draw"), errors="ignore") for part in parts]
    together = xr.concat(bare, dim="draw", coords="minimal", compat="override")
    draw = xr.DataArray(starts[component] + index, dims=("chain", "draw"))
    chain = xr.DataArray(np.arange(len(component)), dims="chain")
    mixed = together.isel(chain=chain, draw=draw).transpose("chain", "draw", ...)
    coords = {"chain": chain.to_numpy(), "draw": np.arange(component.shape[1])}
    return mixed.assign_coords(coords)
