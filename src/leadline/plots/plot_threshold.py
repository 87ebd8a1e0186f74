"""`plot_threshold`: what each threshold says, and how much it counts: a stability plot."""

import textwrap
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz import rc_context
from arviz_plots import PlotCollection
from arviz_plots.visuals import ci_line_y, hline, scatter_xy

from leadline.plots.panels import add_title, backend_of, figure_options, finish_figure, limits
from leadline.plots.picture import Picture, Visuals
from leadline.plots.style import MARK, QUIET
from leadline.plots.threshold_numbers import QUANTITIES, threshold_numbers
from leadline.stats.fitted_search import search_names, validate_tree
from leadline.stats.reported import with_trials

_SHOWN = (*QUANTITIES, "weight")
# Colours are of models, so that scales are told apart by the inside of the dot.
_SCALE_FILLINGS = {"identity": None, "log": "white", "logit": "#BBBBBB"}
# Scales share tail fractions: their marks stand side by side, this share of the axis apart.
_APART = 0.012
_NAME_CHARACTERS = 20
_NAME_SIZE = {"matplotlib": 8.5, "plotly": 11, "bokeh": 11}


def plot_threshold(
    tree: xr.DataTree,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot optimum, effective dimension and noise against the tail fraction, with the weights.

    One row a search; a single search has its panels one below the other. Where the law holds, the
    estimates agree within their intervals and only get more certain as the tail widens; where
    they start to drift, it has ended. Thresholds whose tail did not look like the law were left
    out, and are grey. The dashed lines are the averages.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit` with several candidate thresholds.
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`. The collection is faceted by `search` and
        `quantity`.
    visuals : mapping of str to mapping or False, optional
        `interval`, `dropped` (`ci_line_y`), `point_estimate` (`scatter_xy`), `average` (`hline`),
        `legend`, `title`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, has one threshold only, or an option is not valid.

    See Also
    --------
    leadline.threshold_numbers : The numbers behind it.
    """
    tree = with_trials(validate_tree(tree))
    numbers = threshold_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    ranges, middles, averages = _arrays(numbers)
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        plot_collection = _grid(ranges, backend, figure_kwargs, **pc_kwargs)
    picture = Picture(plot_collection, tree, visuals)
    kept, scale = numbers["kept"] == 1, numbers["scale"]
    scales = [name for name in _SCALE_FILLINGS if (kept & (scale == name)).any()]
    interval = f"{100 * numbers.attrs['ci_prob']:g} % interval, and weight"
    for name in scales:
        shown = kept & (scale == name)
        picture.draw(
            f"interval_{name}",
            ci_line_y,
            ranges.where(shown),
            option="interval",
            label=interval if name == scales[0] else None,
            color=picture.colors,
            width=2,
        )
        picture.draw(
            f"point_estimate_{name}",
            scatter_xy,
            middles.where(shown),
            option="point_estimate",
            label=f"on the {name} scale" if len(scales) > 1 else "posterior mean",
            kind="dot",
            color=picture.colors,
            facecolor=_SCALE_FILLINGS[name] or picture.colors,
            marker=picture.markers,
        )
    dropped = (numbers["kept"] == 0) & (scale != "")
    if dropped.any():
        picture.draw(
            "dropped",
            ci_line_y,
            ranges.where(dropped),
            label="does not look like the law: left out",
            color=QUIET,
            width=2,
        )
    for name in QUANTITIES:
        picture.draw(
            f"average_{name}",
            hline,
            averages.sel(quantity=name, drop=True),
            coords={"quantity": name},
            option="average",
            label="average over thresholds" if name == QUANTITIES[0] else None,
            color=MARK,
            linestyle="C1",
            width=1.5,
        )
    _add_words(picture, numbers, ranges)
    return picture.finish(titles=False)


def _arrays(numbers: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return ends and means of each candidate, bars of its weight, and the averages.

    Dims (quantity, search, candidate, plot_axis), with x, y_bottom and y_top, or x and y; the
    averages (quantity, search).
    """
    places = {name: place for place, name in enumerate(_SCALE_FILLINGS)}
    scale = numbers["scale"].to_numpy().astype(str)
    x = numbers["tail_fraction"] + _APART * np.vectorize(lambda name: places.get(name, 0))(scale)
    bars = [
        xr.concat([x, numbers[f"{name}_lower"], numbers[f"{name}_upper"]], "plot_axis")
        for name in QUANTITIES
    ]
    weight = numbers["weight"]
    bars.append(xr.concat([x, xr.zeros_like(weight), weight], "plot_axis"))
    dots = [xr.concat([x, numbers[name]], "plot_axis") for name in _SHOWN]
    averages = xr.concat([numbers[f"{name}_average"] for name in QUANTITIES], "quantity")
    ranges = xr.concat(bars, "quantity").rename("range")
    middles = xr.concat(dots, "quantity").rename("middle")
    return (
        ranges.assign_coords(plot_axis=["x", "y_bottom", "y_top"], quantity=list(_SHOWN)),
        middles.assign_coords(plot_axis=["x", "y"], quantity=list(_SHOWN)),
        averages.rename("average").assign_coords(quantity=list(QUANTITIES)),
    )


def _grid(
    ranges: xr.DataArray, backend: str, figure_kwargs: Mapping[str, Any] | None, **pc_kwargs: Any
) -> PlotCollection:
    """Return a row of panels for each search, a column for a single one."""
    number = ranges.sizes["search"]
    alone = number == 1
    size = (6.2, 7.4) if alone else (11.0, 1.35 * number + 1.3)
    figure = figure_options(backend, size, figure_kwargs)
    figure.setdefault("sharex", "col")
    if backend == "plotly":
        figure.setdefault("plot_hspace", 0.0 if alone else 0.07)
        figure.setdefault("vertical_spacing", 0.03 if alone else 0.3 / size[1])
    rows, columns = ["quantity"], ["search"]
    with rc_context({"plot.max_subplots": None}):
        collection = PlotCollection.grid(
            xr.Dataset({"range": ranges}),
            rows=rows if alone else columns,
            cols=columns if alone else rows,
            backend=backend,
            figure_kwargs=figure,
            **pc_kwargs,
        )
    finish_figure(collection)
    return collection


def _add_words(picture: Picture, numbers: xr.Dataset, ranges: xr.DataArray) -> None:
    """Write what the rows and the columns are, and give every panel its limits."""
    names = search_names(picture.tree)
    alone = len(names) == 1
    words = {
        "optimum": f"optimum\n({picture.tree.attrs['metric']})",
        "effective_dim": "effective\ndimension",
        "noise_sd": "noise sd",
        "weight": "weight",
    }
    backend = picture.collection.backend
    size = {"size": _NAME_SIZE[backend]} if backend in _NAME_SIZE else {}
    x_limits = limits(ranges.sel(plot_axis="x"), margin=0.08)
    for name in names:
        for quantity in _SHOWN:
            target = picture.target(search=name, quantity=quantity)
            of_panel = ranges.sel(search=name, quantity=quantity)
            y = [of_panel.sel(plot_axis=end) for end in ("y_bottom", "y_top")]
            picture.module.xlim(x_limits, target)
            if quantity == "weight":
                top = float(numbers["weight"].sel(search=name).max())
                picture.module.ylim((0.0, 1.15 * top if np.isfinite(top) else 1.0), target)
            else:
                average = numbers[f"{quantity}_average"].sel(search=name)
                picture.module.ylim(limits(*y, average, margin=0.08), target)
            if alone:
                picture.module.ylabel(words[quantity], target)
            elif quantity == _SHOWN[0] and picture.style("title") is not None:
                picture.module.ylabel(textwrap.fill(name, _NAME_CHARACTERS), target, **size)
            if not alone and name == names[0]:
                add_title(picture.collection, words[quantity].replace("\n", " "), target)
            if name == names[-1] and (not alone or quantity == "weight"):
                picture.module.xlabel("tail fraction", target)
