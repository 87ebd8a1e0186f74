"""A row for each search: what is known of one quantity, as `plot_optimum` shows it."""

from collections.abc import Mapping
from typing import Any

import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x

from leadline.plots.panels import add_axis_labels, panels
from leadline.plots.picture import Picture
from leadline.stats.fitted_search import search_names

# Where the interval lies, under densities that are 1 high.
_INTERVAL_HEIGHT = -0.2
_LIMITS = (-0.45, 1.15)
_NAME_HEIGHT = 0.35


def forest_panels(
    data: xr.Dataset,
    backend: str,
    figure_kwargs: Mapping[str, Any] | None,
    *,
    shared: bool,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Return a low panel for each search, one below the other.

    Parameters
    ----------
    data : Dataset
        With dim (search).
    backend : str
        ArviZ's name of the plotting library.
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.
    shared : bool
        Whether all share one horizontal axis.
    """
    names = [str(name) for name in data["search"].to_numpy()]
    alone = len(names) == 1
    longest = 0 if alone else max(map(len, names))
    size = (
        6.0 + 0.08 * longest,
        2.2 if alone else 0.65 if shared and backend == "matplotlib" else 0.9,
    )
    own: dict[str, Any] = {"sharex": shared and not alone}
    if backend == "plotly" and shared:
        own["vertical_spacing"] = 0.1 / len(names)
    return panels(
        data, backend, size, one_column=True, figure_kwargs={**own, **(figure_kwargs or {})},
        **pc_kwargs,
    )  # fmt: skip


def draw_rows(picture: Picture, numbers: xr.Dataset) -> None:
    """Draw the intervals and the mean of each search.

    Parameters
    ----------
    picture : Picture
        With one panel a search.
    numbers : Dataset
        What `posterior_numbers` returned.
    """
    prob, inner = (100 * numbers.attrs[name] for name in ("ci_prob", "inner_prob"))
    for name, ends, share, width in (
        ("twig", ("lower", "upper"), prob, 1.5),
        ("trunk", ("inner_lower", "inner_upper"), inner, 4),
    ):
        picture.draw(
            name,
            line_x,
            xr.concat([numbers[end] for end in ends], "ci_bound").rename("interval"),
            {"y": _INTERVAL_HEIGHT},
            label=f"{share:g} % interval",
            color=picture.colors,
            width=width,
        )
    picture.draw(
        "point_estimate",
        scatter_x,
        numbers["mean"],
        {"y": _INTERVAL_HEIGHT},
        label="posterior mean",
        kind="dot",
        color=picture.colors,
        facecolor="white",
        marker=picture.markers,
        width=1.5,
    )


def name_rows(picture: Picture, x_label: str) -> None:
    """Write the name of each search beside its row, and what the axis shows below the last."""
    names = search_names(picture.tree)
    labelled = picture.style("labels") is not None and len(names) > 1
    for name in names:
        target = picture.target(search=name)
        picture.module.ylim(_LIMITS, target)
        picture.module.yticks(
            [_NAME_HEIGHT] if labelled else [], [name] if labelled else [], target
        )
    add_axis_labels(picture.collection, picture.tree, x_label, None)
