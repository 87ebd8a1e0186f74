"""One effective dimension a draw, where a model has summed over them.

A model that sums gamma out says how likely each is given the other parameters of a draw. Drawn from
these probabilities, gamma is a parameter like the others, and all answers are computed as if it
had been sampled.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr


def one_dim_a_draw(posterior: xr.Dataset, seed: int) -> xr.Dataset:
    """Return the posterior of one search with one effective dimension a draw.

    Parameters
    ----------
    posterior : Dataset
        What the sampler returned, dims (chain, draw); with `effective_dim_probability` (dimension)
        where the effective dimension was summed out, and what depends on it likewise. As it is,
        where it was not.
    seed : int
        For the effective dimensions.
    """
    if "effective_dim_probability" not in posterior:
        return posterior
    place = _draw_places(posterior["effective_dim_probability"], seed)
    return _picked(posterior, place)


def one_dim_a_space(posterior: xr.Dataset, space: npt.NDArray[np.intp], seed: int) -> xr.Dataset:
    """Return the posterior of several searches with one effective dimension a draw and space.

    Parameters
    ----------
    posterior : Dataset
        As for `one_dim_a_draw`; `effective_dim_probability` has dims (space, dimension), and what
        depends on it (dimension, search).
    space : ndarray of int, shape (search,)
        Number of the space of each search.
    seed : int
        For the effective dimensions.

    Returns
    -------
    Dataset
        With `pooled_effective_dim` (space), and `effective_dim_probability` (search, dimension),
        the same for all searches of a space.
    """
    if "effective_dim_probability" not in posterior:
        return posterior
    probability = posterior["effective_dim_probability"]
    place = _draw_places(probability, seed)
    of_search = {"space": xr.DataArray(space, dims="search")}
    dims = ("chain", "draw", "search")
    result = _picked(posterior, place.isel(of_search).transpose(*dims))
    shared = probability.drop_vars("space", errors="ignore").isel(of_search)
    return result.assign(
        pooled_effective_dim=(place.dims, _values(posterior, place)),
        effective_dim_probability=shared.transpose(*dims, "dimension"),
    )


def _draw_places(probability: xr.DataArray, seed: int) -> xr.DataArray:
    """Return places along `dimension`, drawn with the probabilities that are there."""
    cumulative = probability.cumsum("dimension").transpose(..., "dimension").to_numpy()
    u = np.random.default_rng(seed).random(cumulative.shape[:-1])
    # Scaled, because the probabilities add up to 1 only nearly.
    place = (u[..., None] * cumulative[..., -1:] >= cumulative).sum(axis=-1)
    return xr.DataArray(place, dims=probability.dims[:-1])


def _picked(posterior: xr.Dataset, place: xr.DataArray) -> xr.Dataset:
    """Return the posterior with the effective dimension at `place`, and what depends on it."""
    chosen = {
        name: values.isel(dimension=place).drop_vars("dimension").transpose(*place.dims)
        for name, values in posterior.data_vars.items()
        if "dimension" in values.dims and name != "effective_dim_probability"
    }
    return posterior.assign(chosen).assign(effective_dim=(place.dims, _values(posterior, place)))


def _values(posterior: xr.Dataset, place: xr.DataArray) -> npt.NDArray[np.float64]:
    return posterior["dimension"].to_numpy()[place.to_numpy()].astype(float)
