"""Legend below the panels of a picture, on every plotting backend.

ArviZ's own legends show lines only, and on bokeh they shrink the panel that holds them.
"""

import dataclasses
import html
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import xarray as xr
from arviz_plots import PlotCollection

from leadline.plots.backends import backend_module
from leadline.plots.page import make_room
from leadline.plots.style import QUIET

CHARACTERS_PER_INCH = 12
# The caption is smaller.
_CAPTION_CHARACTERS_PER_INCH = 15
# Replaces a property that differs between searches; entries of their own explain those.
_NEUTRAL = {"color": QUIET, "facecolor": QUIET, "marker": "C0"}
_SVG_DASHES = {"C1": "6,4", "C2": "2,3", "C3": "6,3,2,3"}
_SVG_MARKERS = {
    "C0": '<circle cx="13" cy="6" r="4"',
    "C2": '<path d="M13 1 L18 11 L8 11 Z"',
    "C4": '<path d="M13 1 L17 6 L13 11 L9 6 Z"',
    "C5": '<rect x="9" y="2" width="8" height="8"',
}


@dataclass(frozen=True)
class Entry:
    """A mark and its label; properties have ArviZ's names and values."""

    label: str
    kind: Literal["line", "band", "dot"]
    color: str | None = None
    facecolor: str | None = None
    linestyle: str = "C0"
    marker: str = "C0"
    width: float = 1.5
    alpha: float = 1.0

    @property
    def filling(self) -> str | None:
        """The colour inside a dot."""
        return self.facecolor or self.color


def make_entry(label: str, kind: Literal["line", "band", "dot"], style: Mapping[str, Any]) -> Entry:
    """Return the legend's entry of a visual that was drawn with keyword arguments."""
    known = {field.name for field in dataclasses.fields(Entry)} - {"label", "kind"}
    common: dict[str, Any] = {}
    for name, value in style.items():
        if isinstance(value, xr.DataArray):
            different = set(value.to_numpy().ravel().tolist())
            value = different.pop() if len(different) == 1 else _NEUTRAL.get(name)
        if name in known:
            common[name] = value
    return Entry(label, kind, **common)


def add_legend(
    plot_collection: PlotCollection, entries: Sequence[Entry], caption: str = ""
) -> None:
    """Write the caption and the label of each mark below the panels; a title is above them."""
    writers = {"matplotlib": _matplotlib, "plotly": _plotly, "bokeh": _bokeh}
    if entries and plot_collection.backend in writers:
        writers[plot_collection.backend](plot_collection, entries, caption)


def _native(backend: str, name: str, value: str) -> str:
    """Return a backend's own word for an alias of ArviZ, such as the line style "C1"."""
    alias = re.fullmatch(r"C(\d)", value)
    if not alias:
        return value
    return str(backend_module(backend).get_default_aes(name, 10)[int(alias[1])])


def _matplotlib(plot_collection: PlotCollection, entries: Sequence[Entry], caption: str) -> None:
    import matplotlib as mpl
    from matplotlib.lines import Line2D

    handles = []
    for entry in entries:
        style: dict[str, Any] = {"color": entry.color, "linewidth": entry.width}
        if entry.kind == "band":
            style |= {"linewidth": 8, "alpha": entry.alpha, "solid_capstyle": "butt"}
        elif entry.kind == "dot":
            style |= {"linestyle": "none", "markerfacecolor": entry.filling}
            style["marker"] = _native("matplotlib", "marker", entry.marker)
        else:
            style["linestyle"] = _native("matplotlib", "linestyle", entry.linestyle)
        handles.append(Line2D([], [], **style))
    figure = plot_collection.get_viz("figure")
    labels = [entry.label for entry in entries]
    # In inches of text of the usual size.
    inches = figure.get_figwidth() * 10.0 / mpl.rcParams["font.size"]
    title = textwrap.fill(caption, int(_CAPTION_CHARACTERS_PER_INCH * inches)) or None
    columns = _count_columns(labels, inches)
    lines = math.ceil(len(labels) / columns) + (title or "").count("\n") + 1
    figure.set_figheight(make_room(figure.get_figheight(), lines))
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title=title,
        title_fontsize="small",
    )


def _count_columns(labels: Sequence[str], inches: float) -> int:
    """Return the number of columns, filled one after the other, that fit the width."""
    # A column has a mark, and is as wide as its longest label.
    widths = [len(label) / CHARACTERS_PER_INCH + 0.75 for label in labels]
    for columns in range(len(labels), 1, -1):
        rows = math.ceil(len(labels) / columns)
        columns = math.ceil(len(labels) / rows)
        wide = [max(widths[start : start + rows]) for start in range(0, len(labels), rows)]
        if sum(wide) <= inches:
            return columns
    return 1


def _plotly(plot_collection: PlotCollection, entries: Sequence[Entry], caption: str) -> None:
    figure = plot_collection.get_viz("figure")
    for entry in entries:
        line = {"color": entry.color, "width": entry.width}
        line["dash"] = _native("plotly", "linestyle", entry.linestyle)
        marker: dict[str, Any] = {"color": entry.filling, "size": 8}
        marker["symbol"] = _native("plotly", "marker", entry.marker)
        marker["line"] = {"color": entry.color, "width": 1}
        if entry.kind == "band":
            marker |= {"color": entry.color, "symbol": "square", "size": 14}
            marker |= {"opacity": entry.alpha, "line": {"width": 0}}
        mode = "lines" if entry.kind == "line" else "markers"
        shape = {"mode": mode, "line": line, "marker": marker, "showlegend": True}
        figure.add_scatter(x=[None], y=[None], name=html.escape(entry.label), **shape)
    position = {"xref": "container", "x": 0.5, "xanchor": "center", "orientation": "h"}
    position |= {"yref": "container", "y": 0.0, "yanchor": "bottom", "traceorder": "normal"}
    # Plotly wraps a horizontal legend, but makes no room for the lines.
    if caption:
        position["title"] = {"text": html.escape(caption), "side": "top", "font": {"size": 12}}
    length = sum(7 * len(entry.label) + 45 for entry in entries)
    rows = math.ceil(length / max(figure.layout.width or 700, 1)) + bool(caption)
    figure.update_layout(
        showlegend=True, legend=position, margin={"b": 75 + 24 * rows}, hovermode="closest"
    )


def _bokeh(plot_collection: PlotCollection, entries: Sequence[Entry], caption: str) -> None:
    from bokeh.layouts import column
    from bokeh.models.widgets import Div

    parts = [
        f'<span style="white-space:nowrap;margin-right:1.4em">{_svg_mark(entry)} '
        f"{html.escape(entry.label)}</span>"
        for entry in entries
    ]
    if caption:
        parts.insert(0, f"<div>{html.escape(caption)}</div>")
    figure = plot_collection.get_viz("figure")
    width = sum(panel.width for panel, row, _ in figure.children if row == 0)
    words = Div(text=" ".join(parts), width=width, styles={"text-align": "center"})
    plot_collection.viz["figure"] = xr.DataArray(column(figure, words))


def _svg_mark(entry: Entry) -> str:
    if entry.kind == "band":
        mark = f'<rect width="26" height="12" fill="{entry.color}" fill-opacity="{entry.alpha}"/>'
    elif entry.kind == "dot":
        shape = _SVG_MARKERS.get(entry.marker, _SVG_MARKERS["C0"])
        mark = f'{shape} fill="{entry.filling}" stroke="{entry.color}"/>'
    else:
        dashes = _SVG_DASHES.get(entry.linestyle, "none")
        mark = (
            f'<line x2="26" y1="6" y2="6" stroke="{entry.color}" stroke-width="{entry.width}" '
            f'stroke-dasharray="{dashes}"/>'
        )
    return f'<svg width="26" height="12">{mark}</svg>'
