"""A picture in the making: what is drawn, what was switched off, and the legend that follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots import visuals as arviz_visuals

from leadline.plots.legend import Entry, add_legend
from leadline.plots.panels import add_titles, add_warning, backend_module
from leadline.plots.style import model_looks, search_looks

Visuals = Mapping[str, Mapping[str, Any] | bool]

# Diameter of a dot, in what each backend measures: points squared, or dots.
_DOT_SIZE = {"matplotlib": 36.0, "plotly": 64.0, "bokeh": 8.0}


class Picture:
    """Draws in a plot collection, in the look of each model.

    Parameters
    ----------
    collection : PlotCollection
        The figure.
    tree : DataTree
        The result of a fit.
    visuals : mapping, optional
        Keyword arguments for visuals by name; False leaves one out.
    """

    def __init__(
        self, collection: PlotCollection, tree: xr.DataTree, visuals: Visuals | None
    ) -> None:
        self.collection = collection
        self.tree = tree
        self.module = backend_module(collection.backend)
        self.colors, self.markers = search_looks(tree)
        self._visuals = visuals or {}
        self._entries: list[Entry] = []

    def style(self, name: str, **defaults: Any) -> dict[str, Any] | None:
        """Return the keyword arguments of a visual, None when it is switched off."""
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
        """Draw one visual in every panel, unless it is switched off.

        Parameters
        ----------
        name : str
            What the visual is called.
        visual : callable
            One of `arviz_plots.visuals`, or `band`.
        data : DataArray
            What it shows, with a name.
        arguments : mapping, optional
            What else it shows, which nobody may change.
        label : str, optional
            What it stands for, for the legend.
        kind : {"line", "band", "dot"}
            How the legend shows it.
        coords : mapping, optional
            The panels, when not all.
        option : str, optional
            The name by which callers change it. Default: `name`.
        **style
            Keyword arguments that the caller's take the place of. A DataArray is read for each
            panel.
        """
        if kind == "dot" and self.collection.backend in _DOT_SIZE:
            style.setdefault("size", _DOT_SIZE[self.collection.backend])
        chosen = self.style(option or name, **style)
        if chosen is None:
            return
        self.collection.map(
            _with_items(visual),
            name,
            data=data,
            coords=coords,
            ignore_aes="all",
            **(arguments or {}),
            **chosen,
        )
        if label is not None:
            self._entries.append(Entry(label, kind, chosen))

    def target(self, **selection: str) -> Any:
        """Return a panel."""
        return self.collection.get_target(None, selection)

    def finish(self, *, titles: bool, models: bool = True) -> PlotCollection:
        """Write titles, legend and warning, and return the plot collection.

        Parameters
        ----------
        titles : bool
            Write the names of the searches over their panels, when there are several.
        models : bool
            Explain the looks of the models, when there are several.
        """
        if titles and len(self.colors) > 1 and self.style("title") is not None:
            add_titles(self.collection, self.tree)
        if self.style("legend") is not None:
            looks = model_looks(self.tree)
            if models and len(looks) > 1:
                self.explain([Entry(name, "dot", vars(look)) for name, look in looks.items()])
            add_legend(self.collection, self._entries)
        if self.style("warning") is not None:
            add_warning(self.collection, self.tree)
        return self.collection

    def explain(self, entries: Sequence[Entry]) -> None:
        """Add to the legend."""
        self._entries.extend(entries)


def band(
    da: xr.DataArray,
    target: Any,
    *,
    x: xr.DataArray,
    y_bottom: xr.DataArray,
    y_top: xr.DataArray,
    **kwargs: Any,
) -> Any:
    """Fill between two curves where they are known: plotly draws across gaps."""
    places, low, high = np.broadcast_arrays(x, y_bottom, y_top)
    known = np.isfinite(places) & np.isfinite(low) & np.isfinite(high)
    return arviz_visuals.fill_between_y(
        da, target, x=places[known], y_bottom=low[known], y_top=high[known], **kwargs
    )


def _with_items(visual: Callable[..., Any]) -> Callable[..., Any]:
    """Return a visual that takes the colour of a panel, which ArviZ hands over as an array."""

    def plain(da: xr.DataArray, target: Any, **kwargs: Any) -> Any:
        items = {
            key: value.item() if isinstance(value, xr.DataArray) and value.ndim == 0 else value
            for key, value in kwargs.items()
        }
        return visual(da, target, **items)

    return plain
