"""What the pictures share: panels for the searches, their limits, words on the axes, warnings."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr
from arviz import rc_context, rcParams
from arviz_plots import PlotCollection

from leadline.errors import LeadlineError, format_value, join_values
from leadline.plots.style import MARK
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import search_names

_BETTER = {"minimize": "lower is better", "maximize": "higher is better"}
_MOST_COLUMNS = 4
_DOTS_AN_INCH = 100
# What fits over a panel 3.2 inches wide.
_TITLE_CHARACTERS = 32
_TITLE_SIZE = {"matplotlib": 10, "plotly": 13, "bokeh": 13}

_BACKENDS = ("matplotlib", "plotly", "bokeh", "none")
_PACKAGES = {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}


def backend_of(plot_collection: PlotCollection | None, backend: str | None) -> str:
    """Return the name of the plotting backend, by default ArviZ's.

    Raises
    ------
    LeadlineError
        If there is no such backend.
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


def figure_options(
    backend: str,
    size: tuple[float, float],
    figure_kwargs: Mapping[str, Any] | None,
    *,
    log_x: bool = False,
) -> dict[str, Any]:
    """Return the keyword arguments with which a backend makes a figure of a size in inches."""
    if backend == "matplotlib":
        own: dict[str, Any] = {"figsize": size, "figsize_units": "inches", "layout": "constrained"}
    else:
        dots = (_DOTS_AN_INCH * size[0], _DOTS_AN_INCH * size[1])
        own = {"figsize": dots, "figsize_units": "dots"}
    if backend == "bokeh":
        own["toolbar_location"] = "right"
        if log_x:
            # Bokeh chooses the scale of an axis when it makes it.
            own["subplot_kws"] = {"x_axis_type": "log"}
    return {**own, **(figure_kwargs or {})}


def panels(
    data: xr.Dataset,
    backend: str,
    size: tuple[float, float],
    *,
    one_column: bool = False,
    log_x: bool = False,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Return a panel for each search.

    Parameters
    ----------
    data : Dataset
        With dim (search).
    backend : str
        ArviZ's name of the plotting library.
    size : (float, float)
        Width and height of a panel in inches.
    one_column : bool
        Stack the panels, else fill rows of up to four.
    log_x : bool
        Whether the horizontal axes are logarithmic.
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.
    """
    number = data.sizes["search"]
    columns = 1 if one_column else min(math.ceil(math.sqrt(number)), _MOST_COLUMNS)
    columns = pc_kwargs.pop("col_wrap", columns)
    rows = math.ceil(number / columns)
    # The legend and the words on the outer axes need room whatever the number of panels.
    inches = (size[0] * min(columns, number) + 0.4, size[1] * rows + 0.7)
    figure = figure_options(backend, inches, figure_kwargs, log_x=log_x)
    if backend == "plotly":
        # Its spaces are shares of the figure.
        between = 0.4 if one_column else 0.78
        figure.setdefault("vertical_spacing", between / inches[1] if rows > 1 else 0.0)
        figure.setdefault("plot_hspace", 0.75 / inches[0] if columns > 1 else 0.0)
    with rc_context({"plot.max_subplots": None}):
        collection = PlotCollection.wrap(
            data,
            cols=["search"],
            backend=backend,
            col_wrap=columns,
            figure_kwargs=figure,
            **pc_kwargs,
        )
    finish_figure(collection)
    return collection


def finish_figure(plot_collection: PlotCollection) -> None:
    """Give the figures of plotly and bokeh a plain look, and room for long names."""
    if plot_collection.backend == "plotly":
        figure = plot_collection.get_viz("figure")
        margin = {"l": 80, "r": 30, "t": 50, "b": 60}
        figure.update_layout(template="simple_white", margin=margin)
        # In this template lines across a panel are faint, and 0 wide.
        figure.layout.template.layout.shapedefaults = {"line": {"width": 1.5}}
        figure.update_yaxes(automargin=True)
    if plot_collection.backend == "bokeh":
        for panel, _, _ in plot_collection.get_viz("figure").children:
            panel.axis.minor_tick_line_color = None
            panel.axis.axis_label_text_font_style = "normal"


def limits(*numbers: Any, margin: float = 0.05) -> tuple[float, float]:
    """Return the ends of an axis that shows all of the numbers.

    Lines across a panel count for the automatic limits of matplotlib alone.
    """
    values = np.concatenate([np.ravel(np.asarray(number, dtype=float)) for number in numbers])
    low, high = np.nanmin(values), np.nanmax(values)
    room = margin * (high - low) or margin * abs(high) or 1.0
    return float(low - room), float(high + room)


def set_log_x(
    plot_collection: PlotCollection, ends: tuple[float, float], labels: Mapping[str, Sequence[str]]
) -> None:
    """Make the horizontal axes logarithmic, with ticks at the powers of ten.

    Parameters
    ----------
    plot_collection : PlotCollection
        Faceted by search; of bokeh, made with ``log_x=True``.
    ends : (float, float)
        The smallest and the largest number on the axis.
    labels : mapping of str to sequence of str
        For each search what its ticks are called, see `decades`.
    """
    backend = backend_module(plot_collection.backend)
    ticks = decades(*ends)
    for name, words in labels.items():
        target = plot_collection.get_target(None, {"search": name})
        backend.xscale(target, "log")
        shown = ends
        if plot_collection.backend == "plotly":
            target.update_xaxes(type="log")
            shown = (math.log10(ends[0]), math.log10(ends[1]))
            words = [word.replace("\n", "<br>") for word in words]
        backend.xlim(shown, target)
        backend.xticks(ticks, list(words), target)


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten from low to high."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def score_label(tree: xr.DataTree) -> str:
    """Return what the scores are called, and which of them are good."""
    return f"{tree.attrs['metric']} ({_BETTER[tree.attrs['direction']]})"


def add_title(plot_collection: PlotCollection, text: str, target: Any) -> None:
    """Write over a panel, long words on several lines."""
    backend = plot_collection.backend
    size = {"size": _TITLE_SIZE[backend]} if backend in _TITLE_SIZE else {}
    backend_module(backend).title(textwrap.fill(text, _TITLE_CHARACTERS), target, **size)


def add_titles(plot_collection: PlotCollection, tree: xr.DataTree) -> None:
    """Write the name of each search over its panel."""
    for name in search_names(tree):
        add_title(plot_collection, name, plot_collection.get_target(None, {"search": name}))


def add_axis_labels(
    plot_collection: PlotCollection, tree: xr.DataTree, x: str | None, y: str | None
) -> None:
    """Write on the outer axes: `x` below each column of panels, `y` left of each row."""
    backend = backend_module(plot_collection.backend)
    names = search_names(tree)
    places = plot_collection.viz.dataset
    columns = [int(places["col_index"].sel(search=name)) for name in names]
    lowest = dict(zip(columns, names, strict=True))
    for name, column in zip(names, columns, strict=True):
        target = plot_collection.get_target(None, {"search": name})
        if x is not None and lowest[column] == name:
            backend.xlabel(x, target)
        if y is not None and column == 0:
            backend.ylabel(y, target)


def add_warning(plot_collection: PlotCollection, tree: xr.DataTree) -> None:
    """Write over the figure why its numbers should not be relied on, if so."""
    found = convergence(tree)
    if not found.ok:
        size = {"matplotlib": "medium", "plotly": 14}.get(plot_collection.backend)
        plot_collection.add_title(
            f"not converged: {', '.join(found.problems)}", color=MARK, size=size
        )
