"""`Picture`: draws visuals in a plot collection, then its titles, legend and warning."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots import visuals as arviz_visuals

from leadline.plots.backends import backend_module
from leadline.plots.legend import CHARACTERS_PER_INCH, Entry, add_legend, make_entry
from leadline.plots.page import text_scale
from leadline.plots.style import MARK, model_styles, search_models
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import best_runs, search_names
from leadline.stats.rounding import of_best
from leadline.stats.surface_tree import fitted_trials, is_surface

Visuals = Mapping[str, Mapping[str, Any] | bool]

# Diameter of a dot: points squared on matplotlib, dots elsewhere.
_DOT_SIZE = {"matplotlib": 36.0, "plotly": 64.0, "bokeh": 8.0}
_TITLE_SIZE = {"matplotlib": "medium", "plotly": 13, "bokeh": 13}
_WARNING_SIZE = {"matplotlib": "medium", "plotly": 14}
# The width of a panel of 3.2 inches.
TITLE_CHARACTERS = 32
# The room of tick labels beside a panel.
_LABEL_INCHES = 0.6
BETTER = {"minimize": "lower is better", "maximize": "higher is better"}


def score_label(tree: xr.DataTree) -> str:
    """Return the name of the metric and its direction, for an axis."""
    return f"{tree.attrs['metric']} ({BETTER[tree.attrs['direction']]})"


def best_seen_label(tree: xr.DataTree) -> str:
    """Return the label of best scores in a legend."""
    return f"best seen{of_best(best_runs(tree))}"


class Picture:
    """A plot collection with the styles of the models and the choices of the caller.

    `names` are the searches that have a panel, none where panels are of something else. `visuals`
    are those of the caller, see `leadline.plots`.
    """

    def __init__(
        self,
        collection: PlotCollection,
        tree: xr.DataTree,
        names: Iterable[str],
        visuals: Visuals | None = None,
    ) -> None:
        self.collection = collection
        self.tree = tree
        self.names = [str(name) for name in names]
        self.backend = collection.backend
        self.module = backend_module(collection.backend)
        models = search_models(tree, self.names)
        styles = model_styles(tree)
        self.styles = {model: styles[model] for model in styles if model in models}
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
        return defaults if given is True else {**defaults, **given}

    def draw(
        self,
        name: str,
        visual: Callable[..., Any],
        data: xr.DataArray,
        style: Mapping[str, Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        label: str | None = None,
        kind: Literal["line", "band", "dot"] = "line",
        option: str | None = None,
    ) -> None:
        """Draw `visual`, a function like those of `arviz_plots.visuals`, in every panel.

        The caller may replace `style`, where a DataArray has one value per panel, but not
        `arguments`, whose `coords` select panels. `option` is the name in the caller's `visuals`,
        by default `name`. `label` and `kind` are the text and the mark in the legend.
        """
        if kind == "dot" and self.backend in _DOT_SIZE:
            style = {"size": _DOT_SIZE[self.backend] * text_scale() ** 2, **style}
        chosen = self.options(option or name, **style)
        if chosen is None:
            return
        arguments = {"ignore_aes": "all", **(arguments or {}), **chosen}
        # The default caps would draw an interval longer than it is.
        butt = {"lines.solid_capstyle": "butt"}
        with mpl.rc_context(butt) if self.backend == "matplotlib" else nullcontext():
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
        style: Mapping[str, Any] | None = None,
    ) -> None:
        """Fill between the two ends of a curve, by default in the colour of each search's model."""
        sides = {"x": x, "y_bottom": ends[0], "y_top": ends[1]}
        style = {"color": self.colors, "alpha": alpha} if style is None else style
        self.draw(name, _fill_between, curve, style, sides, label=label, kind="band")

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

    def add_title(self, text: str, target: Any, characters: int = TITLE_CHARACTERS) -> None:
        """Write a title over a panel, in lines of so many characters."""
        size = {"size": _TITLE_SIZE[self.backend]} if self.backend in _TITLE_SIZE else {}
        self.module.title(textwrap.fill(text, characters), target, **size)

    def characters(self, target: Any, beside: float, most: int) -> int:
        """Return how many characters fit below a panel, at most `most`.

        `beside` is the room beside the panel, in inches of text of the usual size.
        """
        if self.backend != "matplotlib":
            return most
        columns = target.get_subplotspec().get_gridspec().ncols
        inches = target.get_figure().get_figwidth() / columns / text_scale()
        return max(10, min(most, int(CHARACTERS_PER_INCH * (inches - beside))))

    def label_axes(self, x: str, y: str | None = None) -> None:
        """Write `x` below each column of panels, and `y` left of each row, or of all."""
        positions = self.collection.viz.dataset
        if y is not None and self.backend == "matplotlib" and positions["row_index"].max() > 0:
            # Labels of rows that are lower than they are long would touch.
            figure = self.collection.get_viz("figure")
            figure.supylabel(" ".join(y.split("\n")), size="medium")
            y = None
        columns = [int(positions["col_index"].sel(search=name)) for name in self.names]
        lowest = dict(zip(columns, self.names, strict=True))
        for name, column in zip(self.names, columns, strict=True):
            if lowest[column] == name:
                target = self.target(search=name)
                most = self.characters(target, _LABEL_INCHES, 80)
                lines = [textwrap.fill(line, most) for line in x.split("\n")]
                self.module.xlabel("\n".join(lines), target)
            if y is not None and column == 0:
                self.module.ylabel(y, self.target(search=name))

    def finish(
        self, *, titles: bool = True, conditions: str = "", searches: Sequence[str] = ()
    ) -> PlotCollection:
        """Write legend, warning and the names of several searches; return the plot collection.

        `conditions` are those of the answer, for the caption. `searches` are those of a picture
        whose panels are of something else; default: all.
        """
        if titles and len(self.names) > 1 and self.options("title") is not None:
            for name in self.names:
                self.add_title(name, self.target(search=name))
        if self.options("legend") is not None:
            if len(self.styles) > 1:
                models = self.styles.items()
                self.add_entries([make_entry(name, "dot", vars(style)) for name, style in models])
            caption = make_caption(self.tree, conditions, searches or self.names)
            caption = "" if self.options("caption") is None else caption
            add_legend(self.collection, self._entries, caption)
        found = convergence(self.tree)
        if not found.ok and self.options("warning") is not None:
            size = _WARNING_SIZE.get(self.backend)
            text = f"not converged: {', '.join(found.problems)}"
            if self.backend == "matplotlib":
                inches = self.collection.get_viz("figure").get_figwidth() / text_scale()
                text = textwrap.fill(text, int(CHARACTERS_PER_INCH * inches))
            self.collection.add_title(text, color=MARK, size=size)
        return self.collection


def make_caption(tree: xr.DataTree, conditions: str = "", searches: Sequence[str] = ()) -> str:
    """Return the numbers of trials and models, `conditions` of the answer, and failed checks."""
    searches = searches or search_names(tree)
    constant = tree["constant_data"].dataset.sel(search=searches)
    trials, complete = (int(constant[name].sum()) for name in ("n_trials", "n_complete"))
    models = set(search_models(tree, searches))
    parts = [_count(trials, "trial")]
    # The law counts all trials, those without a score as worse.
    if is_surface(tree) and (used := sum(fitted_trials(tree, name) for name in searches)) < trials:
        parts[0] = f"{used:,} of {parts[0]}"
    if complete < trials:
        parts[0] += f" ({trials - complete:,} without a score)"
    parts[0] += f" of {_count(len(models), 'model')}"
    if len(searches) > 1:
        parts[0] += f" in {_count(len(searches), 'search')}"
    parts += [conditions[:1].lower() + conditions[1:]] * bool(conditions)
    parts += [recorded_checks(tree)] * (tree.attrs.get("failed_checks") != "[]")
    return "; ".join(parts)


def _count(number: int, noun: str) -> str:
    """Return "1 search" or "3 searches"."""
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{plural * (number != 1)}"


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
    sides = np.stack(np.broadcast_arrays(x, y_bottom, y_top))
    points, low, high = sides[:, np.isfinite(sides).all(axis=0)]
    return arviz_visuals.fill_between_y(da, target, x=points, y_bottom=low, y_top=high, **kwargs)


def _unpack_scalars(visual: Callable[..., Any]) -> Callable[..., Any]:
    """Return a visual that accepts the value of a panel, which ArviZ passes as a 0-d array."""

    def unpacked(da: xr.DataArray, target: Any, **kwargs: Any) -> Any:
        items = {
            key: value.item() if isinstance(value, xr.DataArray) and value.ndim == 0 else value
            for key, value in kwargs.items()
        }
        return visual(da, target, **items)

    return unpacked
