"""One row per search: density, mean and intervals of one quantity."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x

from leadline.plots.figures import Options, open_picture
from leadline.plots.picture import Picture
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval

# The density is drawn where it is above this share of its peak: a long tail does not compress the
# rest, and the ends have no visible step.
_LEAST_DENSITY = 0.01
_POINTS = 200
# Densities are 1 high; the interval lies below them.
_INTERVAL_HEIGHT = -0.2
_LIMITS = (-0.45, 1.15)
_NAME_HEIGHT = 0.35


def posterior_numbers(
    draws: xr.DataArray, ci_prob: float | None, ci_kind: str | None
) -> xr.Dataset:
    """Return mean and intervals of a quantity, dims (search), from (chain, draw, search).

    `inner_lower` and `inner_upper` hold half the draws. ``attrs``: `ci_prob`, `ci_kind`, and the
    probability of the inner interval, `inner_prob`.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    inner = 0.5 if prob > 0.5 else 0.5 * prob
    attrs = {"ci_prob": prob, "ci_kind": kind, "inner_prob": inner}
    numbers = xr.Dataset({"mean": draws.mean(SAMPLE_DIMS)}, attrs=attrs)
    numbers["lower"], numbers["upper"] = interval(draws, prob, kind)
    numbers["inner_lower"], numbers["inner_upper"] = interval(draws, inner, kind)
    return numbers


def density_numbers(draws: xr.DataArray, *, few: bool = False) -> xr.Dataset:
    """Return a kernel density estimate relative to its peak, from (chain, draw, search).

    `value` and `density` (search, point) cover where it is at least 1 % of the peak. The density is
    nan where all draws are the same. It ends with the draws, which may have a bound, or if they are
    `few` beyond them, where it is small.
    """
    lowest, highest = (draws.reduce(own, SAMPLE_DIMS).to_numpy() for own in (np.min, np.max))
    values = np.linspace(lowest, highest, _POINTS, axis=-1)
    heights = np.full_like(values, np.nan)
    varied = np.flatnonzero(highest > lowest)
    if len(varied):
        beyond = {"bound_correction": False, "extend": True, "extend_fct": 1.0} if few else {}
        estimate = draws.isel(search=varied).azstats.kde(dim=list(SAMPLE_DIMS), **beyond)
        for row, curve in zip(varied, estimate.transpose("search", "plot_axis", ...), strict=True):
            x, y = curve.sel(plot_axis=["x", "y"]).to_numpy()
            seen = x[y >= _LEAST_DENSITY * y.max()]
            values[row] = np.linspace(seen[0], seen[-1], _POINTS)
            heights[row] = np.interp(values[row], x, y) / y.max()
    dims = ("search", "point")
    return xr.Dataset(
        {"value": (dims, values), "density": (dims, heights)}, {"search": draws["search"]}
    )


def open_forest(tree: xr.DataTree, data: xr.Dataset, options: Options, *, shared: bool) -> Picture:
    """Return a picture with one low panel per search; with `shared`, on one horizontal axis."""
    names = data["search"].to_numpy().astype(str)
    alone = len(names) == 1
    figure: dict[str, Any] = {"sharex": shared and not alone}
    if options.backend == "plotly" and shared:
        figure["vertical_spacing"] = 0.1 / len(names)
    options = replace(options, figure_kwargs={**figure, **(options.figure_kwargs or {})})
    low = 0.65 if shared and options.backend == "matplotlib" else 0.9
    size = (6.0, 2.2) if alone else (6.0 + 0.08 * max(map(len, names)), low)
    return open_picture(tree, data, size, options, one_column=True)


def draw_density(picture: Picture, numbers: xr.Dataset, label: str) -> None:
    """Draw the density of each search; see `density_numbers`."""
    height = numbers["density"]
    ends = (xr.zeros_like(height), height)
    picture.fill("density", height, numbers["value"], ends, label=label, alpha=0.25)


def draw_rows(picture: Picture, numbers: xr.Dataset) -> None:
    """Draw the intervals and the mean of each search; see `posterior_numbers`."""
    height = {"y": _INTERVAL_HEIGHT}
    for name, inner, width in (("twig", "", 1.5), ("trunk", "inner_", 4)):
        ends = xr.concat([numbers[f"{inner}lower"], numbers[f"{inner}upper"]], "ci_bound")
        label = f"{100 * numbers.attrs['inner_prob' if inner else 'ci_prob']:g} % interval"
        style = {"color": picture.colors, "width": width}
        picture.draw(name, line_x, ends.rename("interval"), style, height, label=label)
    dot = {"color": picture.colors, "marker": picture.markers, "facecolor": "white", "width": 1.5}
    label, mean = "posterior mean", numbers["mean"]
    picture.draw("point_estimate", scatter_x, mean, dot, height, label=label, kind="dot")


def finish_rows(picture: Picture, x_label: str) -> PlotCollection:
    """Write the name of each search beside its row and the label of the axis below the last."""
    labelled = picture.options("labels") is not None and len(picture.names) > 1
    for name in picture.names:
        target = picture.target(search=name)
        picture.module.ylim(_LIMITS, target)
        ticks = ([_NAME_HEIGHT], [name]) if labelled else ([], [])
        picture.module.yticks(*ticks, target)
    picture.label_axes(x_label)
    return picture.finish(titles=False)
