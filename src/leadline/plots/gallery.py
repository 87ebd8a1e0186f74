"""Pictures by name, and saving one to a file."""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from arviz_plots import PlotCollection

from leadline.plots.page import dots_per_inch
from leadline.plots.plot_comparison import plot_comparison
from leadline.plots.plot_effective_dim import plot_effective_dim
from leadline.plots.plot_forecast import plot_forecast
from leadline.plots.plot_optimum import plot_optimum
from leadline.plots.plot_ranks import plot_ranks
from leadline.plots.plot_scaling import plot_scaling
from leadline.plots.plot_surface import plot_surface
from leadline.plots.plot_tail_fit import plot_tail_fit
from leadline.plots.plot_threshold import plot_threshold
from leadline.plots.plot_tuning_curve import plot_tuning_curve
from leadline.stats.fitted_search import search_names
from leadline.stats.plateau import plateaus
from leadline.stats.scaling_law import has_law
from leadline.stats.surface_tree import PICTURES as PICTURES_OF_SURFACES
from leadline.stats.surface_tree import is_surface

PICTURES: dict[str, Callable[..., PlotCollection]] = {
    "optimum": plot_optimum,
    "tuning_curve": plot_tuning_curve,
    "forecast": plot_forecast,
    "effective_dim": plot_effective_dim,
    "tail_fit": plot_tail_fit,
    "threshold": plot_threshold,
    "surface": plot_surface,
    "comparison": plot_comparison,
    "ranks": plot_ranks,
    "scaling": plot_scaling,
}
PER_PAGE = 24
"""Searches per page of a picture with a row or a panel for each."""

# These pictures; of more searches than a page holds, only the first is drawn by default.
_PAGED = ("optimum", "tuning_curve", "forecast", "effective_dim", "tail_fit", "threshold")

_MOST_CHARACTERS = 60

# Fewer tasks are few enough to be compared one by one.
_RANKS_FROM = 7


def options_of(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a picture takes, without those that are None."""
    taken = inspect.signature(PICTURES[name]).parameters
    return {key: value for key, value in options.items() if key in taken and value is not None}


def pictures_of(tree: xr.DataTree) -> list[str]:
    """Return the names of the pictures that apply to a fit."""
    posterior, of_surface = tree["posterior"].dataset, is_surface(tree)
    count = posterior.sizes["search"]
    without = set(PICTURES) - set(PICTURES_OF_SURFACES) if of_surface else set()
    if not of_surface:
        without.add("surface")
    if not has_law(tree):
        without.add("scaling")
    if len(plateaus(tree)) == count:
        without |= {"effective_dim", "tail_fit", "threshold"}
    if not of_surface and tree["candidates"].sizes["candidate"] < 2:
        without.add("threshold")
    if len(set(posterior["model"].to_numpy())) < 2:
        without |= {"comparison", "ranks"}
    elif len(set(posterior["task"].to_numpy())) < _RANKS_FROM:
        without.add("ranks")
    if count > PER_PAGE:
        without |= {*_PAGED[1:], "surface"}
    return [name for name in PICTURES if name not in without]


def pages_of(name: str, tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Return the pages of a picture: the name of each, and the arguments with its searches."""
    count = tree["posterior"].sizes["search"]
    if name == "surface" and count > 1:
        # Each hyperparameter has a panel, so that a page is of one search. The number keeps names
        # apart that differ in what a file cannot be called.
        return {
            f"{name}-{number:0{len(str(count))}d}-{_as_file(search)}": {
                "tree": tree,
                "search": search,
            }
            for number, search in enumerate(search_names(tree), 1)
        }
    if name not in _PAGED or count <= PER_PAGE:
        return {name: {"tree": tree}}
    starts = range(0, count, PER_PAGE)
    digits = len(str(len(starts)))
    return {
        f"{name}-{number:0{digits}d}": {"tree": tree.isel(search=slice(start, start + PER_PAGE))}
        for number, start in enumerate(starts, 1)
    }


def _as_file(search: str) -> str:
    """Return the name of a search as a part of the name of a file."""
    return re.sub(r"[^\w.]+", "-", search).strip("-.")[:_MOST_CHARACTERS]


def save_picture(plot_collection: PlotCollection, path: Path) -> None:
    """Write a picture to a file, with the same bytes each time where the backend allows it.

    The suffix is the format: png, svg, pdf on matplotlib, self-contained html on plotly and bokeh.
    """
    options: dict[str, Any] = {}
    if plot_collection.backend == "plotly":
        options = {"div_id": path.stem, "include_plotlyjs": True}
    elif plot_collection.backend == "bokeh":
        from bokeh.resources import INLINE

        options = {"resources": INLINE, "title": path.stem}
    elif path.suffix == ".png":
        options = {"dpi": dots_per_inch()}
    else:
        # Matplotlib writes the date by default.
        options = {"metadata": {"Date" if path.suffix == ".svg" else "CreationDate": None}}
    plot_collection.savefig(path, **options)
