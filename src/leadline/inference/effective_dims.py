"""One effective dimension per draw, for models that sum over it.

Such a model has the probability of each integer effective dimension given the other parameters of a
draw. One dimension drawn from these probabilities, together with the other parameters, is a draw
from the joint posterior; all answers use it as if it had been sampled.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr


def draw_effective_dims(
    posterior: xr.Dataset, space: npt.NDArray[np.intp], seed: int
) -> xr.Dataset:
    """Return the posterior, dims (chain, draw, ...), with one effective dimension per draw.

    A posterior without `effective_dim_probability` (search or space, dimension) is returned as it
    is; other variables that depend on the dimension are (dimension, search). `space` (search,) is
    the position of the space of each search. The result has `effective_dim` (search),
    `effective_dim_probability` (search, dimension), and `pooled_effective_dim` (space) where
    searches share it.
    """
    if "effective_dim_probability" not in posterior:
        return posterior
    probability = posterior["effective_dim_probability"]
    index = _draw_index(probability, seed)
    dimension = posterior["dimension"].to_numpy()
    pooled = {}
    if "space" in probability.dims:
        pooled["pooled_effective_dim"] = index.copy(data=dimension[index.to_numpy()].astype(float))
        of_search = {"space": xr.DataArray(space, dims="search")}
        index, probability = index.isel(of_search), probability.isel(of_search)
    dims = ("chain", "draw", "search")
    index, probability = (
        array.drop_vars("space", errors="ignore").transpose(*dims, ...)
        for array in (index, probability)
    )
    chosen = {
        name: values.isel(dimension=index).drop_vars("dimension").transpose(*dims)
        for name, values in posterior.data_vars.items()
        if "dimension" in values.dims and name != "effective_dim_probability"
    }
    return posterior.assign(pooled | chosen).assign(
        effective_dim=(dims, dimension[index.to_numpy()].astype(float)),
        effective_dim_probability=probability,
    )


def _draw_index(probability: xr.DataArray, seed: int) -> xr.DataArray:
    """Return positions along `dimension`, drawn with the given probabilities."""
    cumulative = probability.cumsum("dimension").transpose(..., "dimension")
    values = cumulative.to_numpy()
    u = np.random.default_rng(seed).random(values.shape[:-1])
    # Scaled by the last entry, because rounding leaves it near 1.
    index = (u[..., None] * values[..., -1:] >= values).sum(axis=-1)
    return xr.DataArray(index, dims=cumulative.dims[:-1])
