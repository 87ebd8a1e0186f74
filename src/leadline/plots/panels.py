"""What the pictures share: panels for the searches, colours, words on the axes, the legend."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import xarray as xr
from arviz import rc_context, rcParams
from arviz_plots import PlotCollection

from leadline.answers.convergence import convergence
from leadline.answers.fitted_search import search_names

# Okabe and Ito's palette, which colour-blind readers can tell apart.
FIT = "#0072B2"
OBSERVED = "#000000"
MARK = "#D55E00"
QUIET = "#767676"

_BETTER = {"minimize": "lower is better", "maximize": "higher is better"}
_MOST_COLUMNS = 4
# What fits over a panel 3.2 inches wide.
_TITLE_CHARACTERS = 32

Visuals = Mapping[str, Mapping[str, Any] | bool]


def backend_of(plot_collection: PlotCollection | None, backend: str | None) -> str:
    """Return the name of the plotting backend, by default ArviZ's."""
    if backend is not None:
        return backend
    return rcParams["plot.backend"] if plot_collection is None else plot_collection.backend


def backend_module(backend: str) -> Any:
    """Return ArviZ's module of a plotting backend."""
    return import_module(f"arviz_plots.backend.{backend}")


def settings(visuals: Visuals | None, name: str, **defaults: Any) -> dict[str, Any] | None:
    """Return the keyword arguments of a visual, None when it is switched off."""
    given = (visuals or {}).get(name, {})
    if given is False:
        return None
    return {**defaults, **({} if given is True else given)}


def panels(
    data: xr.Dataset,
    backend: str,
    size: tuple[float, float],
    *,
    one_column: bool = False,
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
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.
    """
    number = data.sizes["search"]
    columns = 1 if one_column else min(math.ceil(math.sqrt(number)), _MOST_COLUMNS)
    columns = pc_kwargs.pop("col_wrap", columns)
    # The legend and the words on the outer axes need room whatever the number of panels.
    width = size[0] * min(columns, number) + 0.4
    height = size[1] * math.ceil(number / columns) + 0.7
    figure: dict[str, Any] = {"figsize": (width, height), "figsize_units": "inches"}
    if backend == "matplotlib":
        figure["layout"] = "constrained"
    figure.update(figure_kwargs or {})
    with rc_context({"plot.max_subplots": None}):
        return PlotCollection.wrap(
            data,
            cols=["search"],
            backend=backend,
            col_wrap=columns,
            figure_kwargs=figure,
            **pc_kwargs,
        )


def score_label(tree: xr.DataTree) -> str:
    """Return what the scores are called, and which of them are good."""
    return f"{tree.attrs['metric']} ({_BETTER[tree.attrs['direction']]})"


def add_titles(plot_collection: PlotCollection, tree: xr.DataTree) -> None:
    """Write the name of each search over its panel, long ones on several lines."""
    backend = backend_module(plot_collection.backend)
    for name in search_names(tree):
        text = textwrap.fill(name, _TITLE_CHARACTERS)
        target = plot_collection.get_target(None, {"search": name})
        backend.title(text, target, size="medium")


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


def add_legend(
    plot_collection: PlotCollection, entries: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """Write what each line stands for, below the panels: a title is above them.

    Parameters
    ----------
    plot_collection : PlotCollection
        The figure.
    entries : sequence of (str, mapping)
        The words, and the line's keyword arguments as ArviZ names them.
    """
    backend = plot_collection.backend
    labels = [label for label, _ in entries]
    lines = [dict(line) for _, line in entries]
    options: dict[str, Any] = {}
    if backend == "matplotlib":
        width = plot_collection.get_viz("figure").get_figwidth()
        # About 13 characters an inch, and the line itself.
        rows = math.ceil(sum(len(label) / 13 + 0.75 for label in labels) / width)
        columns = math.ceil(len(labels) / rows)
        options = {"loc": "outside lower center", "ncols": columns, "frameon": False}
    backend_module(backend).legend(plot_collection, lines, labels, **options)


def add_warning(plot_collection: PlotCollection, tree: xr.DataTree) -> None:
    """Write over the figure why its numbers should not be relied on, if so."""
    found = convergence(tree)
    if not found.ok:
        plot_collection.add_title(
            f"not converged: {', '.join(found.problems)}", color=MARK, size="medium"
        )
