"""Backends, figures with one panel per search, axis limits and logarithmic axes."""

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr
from arviz import rc_context, rcParams
from arviz_plots import PlotCollection

from leadline.errors import LeadlineError, format_value, join_values

_BACKENDS = ("matplotlib", "plotly", "bokeh", "none")
_PACKAGES = {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}
_MOST_COLUMNS = 4
_DOTS_PER_INCH = 100


def choose_backend(plot_collection: PlotCollection | None, backend: str | None) -> str:
    """Return the name of the plotting backend, by default that of ArviZ.

    Raises
    ------
    LeadlineError
        If the backend is unknown.
    ImportError
        If its packages are not installed.
    """
    if backend is None:
        backend = plot_collection.backend if plot_collection else rcParams["plot.backend"]
    if backend not in _BACKENDS:
        raise LeadlineError(
            f"backend must be one of {join_values(_BACKENDS)}; got {format_value(backend)}"
        )
    for package in _PACKAGES.get(backend, ()):
        try:
            import_module(package)
        except ImportError:
            raise ImportError(
                f"backend {backend!r} needs the package {package}: "
                f"pip install 'leadline[{backend}]'"
            ) from None
    return str(backend)


def backend_module(backend: str) -> Any:
    """Return ArviZ's module of a plotting backend."""
    return import_module(f"arviz_plots.backend.{backend}")


def make_figure(
    data: xr.Dataset,
    backend: str,
    size: tuple[float, float],
    figure_kwargs: Mapping[str, Any] | None,
    facets: Mapping[str, Any],
    *,
    spaces: tuple[float, float] = (0.0, 0.0),
    log_x: bool = False,
) -> PlotCollection:
    """Return a faceted figure in a plain style.

    Parameters
    ----------
    data : Dataset
        A variable with the facets as dims.
    backend : str
        ArviZ's name of the plotting library.
    size : (float, float)
        Width and height in inches.
    figure_kwargs : mapping, optional
        Replaces the options of the figure made here.
    facets : mapping
        Keyword arguments of `PlotCollection.wrap`, or of `grid` where `rows` is among them.
    spaces : (float, float)
        Space between columns and between rows, in inches, for plotly.
    log_x : bool
        Whether the horizontal axes are logarithmic.
    """
    if backend == "matplotlib":
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
        collection = arrange(
            data, backend=backend, figure_kwargs={**figure, **(figure_kwargs or {})}, **facets
        )
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


def search_panels(
    data: xr.Dataset,
    backend: str,
    size: tuple[float, float],
    figure_kwargs: Mapping[str, Any] | None,
    facets: Mapping[str, Any],
    *,
    one_column: bool = False,
    log_x: bool = False,
) -> PlotCollection:
    """Return a figure with one panel per search, in rows of up to four.

    Parameters
    ----------
    data : Dataset
        With dim (search).
    backend, figure_kwargs, log_x
        As in `make_figure`.
    size : (float, float)
        Width and height of a panel in inches.
    facets : mapping
        Further keyword arguments of `PlotCollection.wrap`.
    one_column : bool
        Whether to stack the panels.
    """
    number = data.sizes["search"]
    columns = 1 if one_column else min(math.ceil(math.sqrt(number)), _MOST_COLUMNS)
    columns = facets.get("col_wrap", columns)
    rows = math.ceil(number / columns)
    # The legend and the labels of the outer axes need room for any number of panels.
    inches = (size[0] * min(columns, number) + 0.4, size[1] * rows + 0.7)
    between = 0.0 if rows == 1 else 0.4 if one_column else 0.78
    spaces = (0.75 if columns > 1 else 0.0, between)
    facets = {"cols": ["search"], **facets, "col_wrap": columns}
    return make_figure(data, backend, inches, figure_kwargs, facets, spaces=spaces, log_x=log_x)


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


def set_log_x(target: Any, backend: str, ends: tuple[float, float], labels: Sequence[str]) -> None:
    """Make a horizontal axis logarithmic, with labelled ticks at the powers of ten.

    Parameters
    ----------
    target : object
        A panel; on bokeh, made with ``log_x=True``.
    backend : str
        ArviZ's name of the plotting library.
    ends : (float, float)
        The smallest and the largest number on the axis.
    labels : sequence of str
        One per power of ten, see `decades`.
    """
    module = backend_module(backend)
    module.xscale(target, "log")
    if backend == "plotly":
        target.update_xaxes(type="log")
        module.xlim((math.log10(ends[0]), math.log10(ends[1])), target)
        labels = [label.replace("\n", "<br>") for label in labels]
    else:
        module.xlim(ends, target)
    module.xticks(decades(*ends), list(labels), target)
