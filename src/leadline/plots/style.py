"""Colours and marks: of what is fitted, of what was observed, and of each model."""

from dataclasses import dataclass

import xarray as xr

# Okabe and Ito's palette, which colour-blind readers can tell apart.
FIT = "#0072B2"
OBSERVED = "#000000"
MARK = "#D55E00"
QUIET = "#767676"

# Vermillion is left to marks, black to what was observed, and yellow vanishes on white.
MODEL_COLORS = (FIT, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# ArviZ's names of the circle, the square, the triangle and the diamond in every backend: with five
# colours these make twenty looks, and neighbours differ in both, so that grey print is enough.
_MODEL_MARKERS = ("C0", "C5", "C2", "C4")


@dataclass(frozen=True)
class Look:
    """The colour and the marker of a model."""

    color: str
    marker: str


def model_looks(tree: xr.DataTree) -> dict[str, Look]:
    """Return the look of each model of a fit, the same in every picture of it.

    By order of appearance; a single model is blue.
    """
    models = dict.fromkeys(tree["posterior"].dataset["model"].to_numpy().astype(str).tolist())
    return {
        model: Look(
            MODEL_COLORS[place % len(MODEL_COLORS)], _MODEL_MARKERS[place % len(_MODEL_MARKERS)]
        )
        for place, model in enumerate(models)
    }


def search_looks(tree: xr.DataTree) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the colour and the marker of the model of each search, dims (search)."""
    posterior = tree["posterior"].dataset
    looks = model_looks(tree)
    of_search = [looks[str(model)] for model in posterior["model"].to_numpy()]
    coords = {"search": posterior["search"].to_numpy()}
    colors = xr.DataArray([look.color for look in of_search], coords, dims="search")
    return colors, xr.DataArray([look.marker for look in of_search], coords, dims="search")
