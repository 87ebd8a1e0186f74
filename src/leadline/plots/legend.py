"""The legend of a picture, below its panels, on every plotting backend.

ArviZ's own legends show lines only, and on bokeh they shrink the panel that they stand in.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import xarray as xr
from arviz_plots import PlotCollection

from leadline.plots.style import QUIET

# Names of ArviZ for dashes and markers, in the words of each backend.
_MATPLOTLIB_DASHES = {"C0": "-", "C1": "--", "C2": ":", "C3": "-."}
_PLOTLY_DASHES = {"C0": "solid", "C1": "dash", "C2": "dot", "C3": "dashdot"}
_SVG_DASHES = {"C1": "6,4", "C2": "2,3", "C3": "6,3,2,3"}
_MATPLOTLIB_MARKERS = {"C0": "o", "C2": "^", "C4": "d", "C5": "s"}
_PLOTLY_MARKERS = {"C0": "circle", "C2": "triangle-up", "C4": "diamond", "C5": "square"}
_SVG_MARKERS = {
    "C0": '<circle cx="13" cy="6" r="4"',
    "C2": '<path d="M13 1 L18 11 L8 11 Z"',
    "C4": '<path d="M13 1 L17 6 L13 11 L9 6 Z"',
    "C5": '<rect x="9" y="2" width="8" height="8"',
}


@dataclass(frozen=True)
class Entry:
    """What one kind of mark stands for.

    Attributes
    ----------
    label : str
        The words.
    kind : {"line", "band", "dot"}
        What is drawn beside them.
    style : mapping
        Keyword arguments as ArviZ names them. Colours that differ between searches become grey:
        those are explained by entries of their own.
    """

    label: str
    kind: Literal["line", "band", "dot"]
    style: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return a property of the mark."""
        defaults = {"linestyle": "C0", "marker": "C0", "width": 1.5, "alpha": 1.0}
        value = self.style.get(name, defaults.get(name))
        if isinstance(value, xr.DataArray):
            different = dict.fromkeys(value.to_numpy().ravel().tolist())
            neutral = {"color": QUIET, "facecolor": QUIET, "marker": "C0"}
            value = next(iter(different)) if len(different) == 1 else neutral[name]
        return value

    @property
    def filling(self) -> str:
        """The colour inside a dot."""
        return str(self["facecolor"] or self["color"])


def add_legend(plot_collection: PlotCollection, entries: Sequence[Entry]) -> None:
    """Write what each mark stands for, below the panels: a title is above them."""
    writers = {"matplotlib": _matplotlib, "plotly": _plotly, "bokeh": _bokeh}
    if entries and plot_collection.backend in writers:
        writers[plot_collection.backend](plot_collection, entries)


def _matplotlib(plot_collection: PlotCollection, entries: Sequence[Entry]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for entry in entries:
        style: dict[str, Any] = {"color": entry["color"], "linewidth": entry["width"]}
        if entry.kind == "band":
            style |= {"linewidth": 8, "alpha": entry["alpha"], "solid_capstyle": "butt"}
        elif entry.kind == "dot":
            style |= {"linestyle": "none", "markerfacecolor": entry.filling}
            style["marker"] = _MATPLOTLIB_MARKERS[entry["marker"]]
        else:
            style["linestyle"] = _MATPLOTLIB_DASHES[entry["linestyle"]]
        handles.append(Line2D([], [], **style))
    figure = plot_collection.get_viz("figure")
    labels = [entry.label for entry in entries]
    columns = _columns(labels, figure.get_figwidth())
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _columns(labels: Sequence[str], inches: float) -> int:
    """Return into how many columns, filled one after the other, the words fit."""
    # About 12 characters an inch, and the mark itself; columns are as wide as their widest.
    widths = [len(label) / 12 + 0.75 for label in labels]
    for columns in range(len(labels), 1, -1):
        rows = math.ceil(len(labels) / columns)
        columns = math.ceil(len(labels) / rows)
        wide = [max(widths[start : start + rows]) for start in range(0, len(labels), rows)]
        if sum(wide) <= inches:
            return columns
    return 1


def _plotly(plot_collection: PlotCollection, entries: Sequence[Entry]) -> None:
    figure = plot_collection.get_viz("figure")
    for entry in entries:
        line = {"color": entry["color"], "width": entry["width"]}
        line["dash"] = _PLOTLY_DASHES[entry["linestyle"]]
        marker = {"color": entry.filling, "symbol": _PLOTLY_MARKERS[entry["marker"]], "size": 8}
        marker["line"] = {"color": entry["color"], "width": 1}
        if entry.kind == "band":
            marker |= {"color": entry["color"], "symbol": "square", "size": 14}
            marker |= {"opacity": entry["alpha"], "line": {"width": 0}}
        figure.add_scatter(
            x=[None],
            y=[None],
            name=html.escape(entry.label),
            mode="lines" if entry.kind == "line" else "markers",
            line=line,
            marker=marker,
            showlegend=True,
        )
    place = {"xref": "container", "x": 0.5, "xanchor": "center"}
    place |= {"yref": "container", "y": 0.0, "yanchor": "bottom", "orientation": "h"}
    place["traceorder"] = "normal"
    # A horizontal legend breaks its lines where it must; its room is not made for it.
    length = sum(7 * len(entry.label) + 45 for entry in entries)
    rows = math.ceil(length / max(figure.layout.width or 700, 1))
    figure.update_layout(
        showlegend=True, legend=place, margin={"b": 75 + 24 * rows}, hovermode="closest"
    )


def _bokeh(plot_collection: PlotCollection, entries: Sequence[Entry]) -> None:
    from bokeh.layouts import column
    from bokeh.models.widgets import Div

    parts = [
        f'<span style="white-space:nowrap;margin-right:1.4em">{_svg(entry)} '
        f"{html.escape(entry.label)}</span>"
        for entry in entries
    ]
    figure = plot_collection.get_viz("figure")
    width = sum(panel.width for panel, row, _ in figure.children if row == 0)
    words = Div(text=" ".join(parts), width=width, styles={"text-align": "center"})
    plot_collection.viz["figure"] = xr.DataArray(column(figure, words))


def _svg(entry: Entry) -> str:
    color = entry["color"]
    if entry.kind == "band":
        mark = f'<rect width="26" height="12" fill="{color}" fill-opacity="{entry["alpha"]}"/>'
    elif entry.kind == "dot":
        mark = f'{_SVG_MARKERS[entry["marker"]]} fill="{entry.filling}" stroke="{color}"/>'
    else:
        dashes = _SVG_DASHES.get(entry["linestyle"], "none")
        mark = (
            f'<line x2="26" y1="6" y2="6" stroke="{color}" stroke-width="{entry["width"]}" '
            f'stroke-dasharray="{dashes}"/>'
        )
    return f'<svg width="26" height="12">{mark}</svg>'
