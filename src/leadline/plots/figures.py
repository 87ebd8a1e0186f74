"""Figures of pictures: one panel per facet, and their axes, on every plotting backend."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from arviz import rc_context
from arviz_plots import PlotCollection

from leadline.plots.backends import backend_module, choose_backend
from leadline.plots.page import fit_columns, fit_size
from leadline.plots.picture import Picture, Visuals

_MOST_COLUMNS = 4
_DOTS_PER_INCH = 100


@dataclass(frozen=True)
class Options:
    """Arguments of the caller, see `leadline.plots`; `facets` are the `pc_kwargs`."""

    plot_collection: PlotCollection | None
    backend: str | None
    visuals: Visuals | None
    figure_kwargs: Mapping[str, Any] | None
    facets: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Validate the backend, by default that of the collection or of ArviZ."""
        object.__setattr__(self, "backend", choose_backend(self.plot_collection, self.backend))


def open_picture(
    tree: xr.DataTree,
    data: xr.Dataset,
    size: tuple[float, float],
    options: Options,
    *,
    one_column: bool = False,
    log_x: bool = False,
) -> Picture:
    """Return a picture with one panel per search, in a new figure unless one is given.

    `data` has dim (search); `size` is that of a panel in inches; rows hold up to four panels.
    """
    collection = options.plot_collection
    if collection is None:
        number = data.sizes["search"]
        columns = 1 if one_column else min(math.ceil(math.sqrt(number)), _MOST_COLUMNS)
        columns = options.facets.get("col_wrap", fit_columns(columns, size[0]))
        rows = math.ceil(number / columns)
        # The legend and the labels of the outer axes need room for any number of panels.
        inches = (size[0] * min(columns, number) + 0.4, size[1] * rows + 0.7)
        between = 0.0 if rows == 1 else 0.4 if one_column else 0.78
        spaces = (0.75 if columns > 1 else 0.0, between)
        facets = {"cols": ["search"], **options.facets, "col_wrap": columns}
        collection = make_figure(data, inches, options, facets, spaces=spaces, log_x=log_x)
    return Picture(collection, tree, data["search"].to_numpy(), options.visuals)


def make_figure(
    data: xr.Dataset,
    size: tuple[float, float],
    options: Options,
    facets: Mapping[str, Any],
    *,
    spaces: tuple[float, float] = (0.0, 0.0),
    log_x: bool = False,
) -> PlotCollection:
    """Return a faceted figure in a plain style, of a size in inches.

    `data` has a variable with the facets as dims. `facets` are arguments of `PlotCollection.wrap`,
    or of `grid` where `rows` is among them. `spaces` are those between columns and between rows,
    in inches, for plotly.
    """
    backend = options.backend
    if backend == "matplotlib":
        size = fit_size(size)
        figure: dict[str, Any] = {"figsize": size, "figsize_units": "inches"}
        figure["layout"] = "constrained"
    else:
        dots = (_DOTS_PER_INCH * size[0], _DOTS_PER_INCH * size[1])
        figure = {"figsize": dots, "figsize_units": "dots"}
    if backend == "bokeh":
        figure["toolbar_location"] = "right"
        if log_x:
            # Bokeh fixes the scale of an axis when it creates the axis.
            figure["subplot_kws"] = {"x_axis_type": "log"}
    if backend == "plotly":
        # Plotly measures spaces as fractions of the figure.
        figure["plot_hspace"] = spaces[0] / size[0]
        figure["vertical_spacing"] = spaces[1] / size[1]
    arrange = PlotCollection.grid if "rows" in facets else PlotCollection.wrap
    with rc_context({"plot.max_subplots": None}):
        figure |= options.figure_kwargs or {}
        collection = arrange(data, backend=backend, figure_kwargs=figure, **facets)
    if backend == "plotly":
        layout = collection.get_viz("figure")
        margin = {"l": 80, "r": 30, "t": 50, "b": 60}
        layout.update_layout(template="simple_white", margin=margin)
        # The template draws lines across a panel faint and with width 0.
        layout.layout.template.layout.shapedefaults = {"line": {"width": 1.5}}
        layout.update_yaxes(automargin=True)
    if backend == "bokeh":
        for panel, _, _ in collection.get_viz("figure").children:
            panel.axis.minor_tick_line_color = None
            panel.axis.axis_label_text_font_style = "normal"
    return collection


def limits(*numbers: Any, margin: float = 0.05) -> tuple[float, float]:
    """Return the ends of an axis that holds all finite numbers and a margin.

    Only matplotlib's automatic limits include lines across a panel.
    """
    values = np.concatenate([np.ravel(np.asarray(number, dtype=float)) for number in numbers])
    low, high = np.nanmin(values), np.nanmax(values)
    room = margin * (high - low) or margin * abs(high) or 1.0
    return float(low - room), float(high + room)


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten from low to high."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def set_log_x(
    target: Any,
    backend: str,
    ends: tuple[float, float],
    labels: Sequence[str],
    ticks: Sequence[float] | None = None,
    *,
    minor: bool = True,
) -> None:
    """Make the horizontal axis of a panel logarithmic, with a label per tick.

    Ticks are the powers of ten by default, and `ends` the smallest and the largest number. Bokeh
    needs a panel made with ``log_x=True``. `minor` is whether matplotlib draws ticks between them.
    """
    module = backend_module(backend)
    module.xscale(target, "log")
    if backend == "plotly":
        target.update_xaxes(type="log")
        module.xlim((math.log10(ends[0]), math.log10(ends[1])), target)
        labels = [label.replace("\n", "<br>") for label in labels]
    else:
        module.xlim(ends, target)
    module.xticks(list(ticks or decades(*ends)), list(labels), target)
    if backend == "matplotlib":
        # Matplotlib labels minor ticks on axes of less than a decade or two.
        target.xaxis.set_minor_formatter("")
        if not minor:
            target.minorticks_off()
