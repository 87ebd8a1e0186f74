"""`Picture`: draws visuals in a plot collection, then its titles, legend and warning."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots import visuals as arviz_visuals

from leadline.plots.legend import Entry, add_legend, make_entry
from leadline.plots.panels import backend_module, choose_backend, search_panels
from leadline.plots.style import MARK, model_styles, search_models
from leadline.stats.convergence import convergence

Visuals = Mapping[str, Mapping[str, Any] | bool]

# Diameter of a dot: points squared on matplotlib, dots elsewhere.
_DOT_SIZE = {"matplotlib": 36.0, "plotly": 64.0, "bokeh": 8.0}
_TITLE_SIZE = {"matplotlib": 10, "plotly": 13, "bokeh": 13}
_WARNING_SIZE = {"matplotlib": "medium", "plotly": 14}
# The width of a panel of 3.2 inches.
_TITLE_CHARACTERS = 32
BETTER = {"minimize": "lower is better", "maximize": "higher is better"}


def score_label(tree: xr.DataTree) -> str:
    """Return the name of the metric and its direction, for an axis."""
    return f"{tree.attrs['metric']} ({BETTER[tree.attrs['direction']]})"


class Picture:
    """A plot collection with the styles of the models and the choices of the caller.

    Parameters
    ----------
    collection : PlotCollection
        The figure.
    tree : DataTree
        The result of a fit.
    names : sequence of str
        The searches that have a panel; empty where panels are of something else.
    visuals : mapping, optional
        Keyword arguments for visuals by name; False leaves one out.
    """

    def __init__(
        self,
        collection: PlotCollection,
        tree: xr.DataTree,
        names: Sequence[str],
        visuals: Visuals | None = None,
    ) -> None:
        self.collection = collection
        self.tree = tree
        self.names = [str(name) for name in names]
        self.backend = collection.backend
        self.module = backend_module(collection.backend)
        models = search_models(tree, self.names)
        self.styles = {
            model: style for model, style in model_styles(tree).items() if model in models
        }
        coords = {"search": self.names}
        self.colors, self.markers = (
            xr.DataArray([getattr(self.styles[model], part) for model in models], coords, "search")
            for part in ("color", "marker")
        )
        self._visuals = visuals or {}
        self._entries: list[Entry] = []

    def options(self, name: str, **defaults: Any) -> dict[str, Any] | None:
        """Return the keyword arguments of a visual, None if the caller left it out."""
        given = self._visuals.get(name, {})
        if given is False:
            return None
        return {**defaults, **({} if given is True else given)}

    def draw(
        self,
        name: str,
        visual: Callable[..., Any],
        data: xr.DataArray,
        arguments: Mapping[str, Any] | None = None,
        *,
        label: str | None = None,
        kind: Literal["line", "band", "dot"] = "line",
        coords: Mapping[str, Any] | None = None,
        option: str | None = None,
        **style: Any,
    ) -> None:
        """Draw one visual in every panel, unless the caller left it out.

        Parameters
        ----------
        name : str
            Name of the visual in the plot collection.
        visual : callable
            A function of `arviz_plots.visuals`, or one with the same signature.
        data : DataArray
            What to draw, with a name.
        arguments : mapping, optional
            Keyword arguments that the caller cannot change.
        label : str, optional
            Label in the legend; without one the visual has no entry.
        kind : {"line", "band", "dot"}
            The mark in the legend.
        coords : mapping, optional
            Selects panels. Default: all.
        option : str, optional
            Name of the visual in the caller's `visuals`. Default: `name`.
        **style
            Keyword arguments that the caller may replace; a DataArray has one value per panel.
        """
        if kind == "dot" and self.backend in _DOT_SIZE:
            style.setdefault("size", _DOT_SIZE[self.backend])
        chosen = self.options(option or name, **style)
        if chosen is None:
            return
        arguments = {"coords": coords, "ignore_aes": "all", **(arguments or {}), **chosen}
        self.collection.map(_unpack_scalars(visual), name, data=data, **arguments)
        if label is not None:
            self.add_entries([make_entry(label, kind, chosen)])

    def fill(
        self,
        name: str,
        curve: xr.DataArray,
        x: xr.DataArray,
        ends: tuple[xr.DataArray, xr.DataArray],
        *,
        label: str,
        alpha: float = 0.3,
    ) -> None:
        """Fill between the two ends of a curve, in the colour of the model of each search."""
        sides = {"x": x, "y_bottom": ends[0], "y_top": ends[1]}
        style = {"color": self.colors, "alpha": alpha}
        self.draw(name, _fill_between, curve, sides, label=label, kind="band", **style)

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """Add entries to the legend."""
        self._entries.extend(entries)

    def target(self, **selection: str) -> Any:
        """Return a panel."""
        return self.collection.get_target(None, selection)

    def panels(self, numbers: xr.Dataset) -> Iterator[tuple[Any, xr.Dataset]]:
        """Yield the panel of each search with the numbers of the search."""
        for name in self.names:
            yield self.target(search=name), numbers.sel(search=name)

    def add_title(self, text: str, target: Any) -> None:
        """Write a title over a panel, wrapped."""
        size = {"size": _TITLE_SIZE[self.backend]} if self.backend in _TITLE_SIZE else {}
        self.module.title(textwrap.fill(text, _TITLE_CHARACTERS), target, **size)

    def label_axes(self, x: str, y: str | None = None) -> None:
        """Write `x` below each column of panels and `y` left of each row."""
        positions = self.collection.viz.dataset
        columns = [int(positions["col_index"].sel(search=name)) for name in self.names]
        lowest = dict(zip(columns, self.names, strict=True))
        for name, column in zip(self.names, columns, strict=True):
            if lowest[column] == name:
                self.module.xlabel(x, self.target(search=name))
            if y is not None and column == 0:
                self.module.ylabel(y, self.target(search=name))

    def finish(self, *, titles: bool = True) -> PlotCollection:
        """Write titles, legend and warning, and return the plot collection.

        Parameters
        ----------
        titles : bool
            Whether to write the names of several searches over their panels.
        """
        if titles and len(self.names) > 1 and self.options("title") is not None:
            for name in self.names:
                self.add_title(name, self.target(search=name))
        if self.options("legend") is not None:
            if len(self.styles) > 1:
                self.add_entries(
                    [make_entry(name, "dot", vars(style)) for name, style in self.styles.items()]
                )
            add_legend(self.collection, self._entries)
        found = convergence(self.tree)
        if not found.ok and self.options("warning") is not None:
            size = _WARNING_SIZE.get(self.backend)
            text = f"not converged: {', '.join(found.problems)}"
            self.collection.add_title(text, color=MARK, size=size)
        return self.collection


def open_picture(
    tree: xr.DataTree,
    data: xr.Dataset,
    sizes: Mapping[str, tuple[float, float]],
    plot_collection: PlotCollection | None,
    backend: str | None,
    visuals: Visuals | None,
    figure_kwargs: Mapping[str, Any] | None,
    facets: Mapping[str, Any],
    *,
    log_x: bool = False,
) -> Picture:
    """Return a picture with one panel per search, in a new figure unless one is given.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    data : Dataset
        A variable with dim (search).
    sizes : mapping of str to (float, float)
        Width and height in inches of the panel of a single search, "one", and of a panel among
        "several".
    plot_collection, backend, visuals, figure_kwargs, facets
        As in `leadline.plots`; `facets` are its `pc_kwargs`.
    log_x : bool
        Whether the horizontal axes are logarithmic.
    """
    backend = choose_backend(plot_collection, backend)
    if plot_collection is None:
        size = sizes["one" if data.sizes["search"] == 1 else "several"]
        plot_collection = search_panels(data, backend, size, figure_kwargs, facets, log_x=log_x)
    return Picture(plot_collection, tree, data["search"].to_numpy(), visuals)


def _fill_between(
    da: xr.DataArray,
    target: Any,
    *,
    x: xr.DataArray,
    y_bottom: xr.DataArray,
    y_top: xr.DataArray,
    **kwargs: Any,
) -> Any:
    """Fill between two curves where both are finite; plotly would fill the gaps."""
    x, low, high = np.broadcast_arrays(x, y_bottom, y_top)
    finite = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    return arviz_visuals.fill_between_y(
        da, target, x=x[finite], y_bottom=low[finite], y_top=high[finite], **kwargs
    )


def _unpack_scalars(visual: Callable[..., Any]) -> Callable[..., Any]:
    """Return a visual that accepts the value of a panel, which ArviZ passes as a 0-d array."""

    def unpacked(da: xr.DataArray, target: Any, **kwargs: Any) -> Any:
        items = {
            key: value.item() if isinstance(value, xr.DataArray) and value.ndim == 0 else value
            for key, value in kwargs.items()
        }
        return visual(da, target, **items)

    return unpacked
