"""`plot_threshold`: estimates and weight of each candidate threshold (a stability plot)."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ci_line_y, hline, scatter_xy

from leadline.errors import LeadlineError
from leadline.plots.figures import Options, limits, make_figure
from leadline.plots.page import text_scale
from leadline.plots.picture import Picture, Visuals
from leadline.plots.style import DASHED, QUIET
from leadline.stats.fitted_search import validate_tree
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.plateau import with_law
from leadline.stats.reported import with_trials

_QUANTITIES = ("optimum", "effective_dim", "noise_sd")
_ROWS = (*_QUANTITIES, "weight")
# Colours mark models, so the inside of a dot marks the scale.
_SCALE_FILLINGS = {"identity": None, "log": "white", "logit": "#BBBBBB"}
# Scales share tail fractions: their marks are this share of the axis apart.
_OFFSET = 0.012
# The longest line of a name beside a row, and how many of its characters fit an inch.
_NAME_CHARACTERS, _NAME_CHARACTERS_PER_INCH = 20, 17
# The share of the height of a figure that its rows have; the rest is the legend's.
_ROWS_SHARE = 0.75
# The room of tick labels beside a panel.
_LABEL_INCHES = 0.5
_NAME_SIZE = {"matplotlib": "small", "plotly": 11, "bokeh": 11}


def threshold_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_threshold`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`; one candidate threshold alone is an error.

    Returns
    -------
    Dataset
        For each candidate, dims (search, candidate): `tail_fraction`, `scale`, `weight` and `kept`
        (1: averaged over, 0: left out, as its tail does not follow the law); `optimum`,
        `effective_dim` and `noise_sd`, posterior means, each with `_lower` and `_upper`. Averaged
        over the candidates, dims (search): the same with `_average`. Searches with fewer
        candidates than others have an empty `scale` and nan in their place. Searches without
        trials, known from reported bests alone, and those that end in a plateau have no thresholds
        and are left out.

    Examples
    --------
    >>> ll.threshold_numbers(fit)["weight"].dims
    ('search', 'candidate')
    """
    tree = with_trials(with_law(validate_tree(tree, asked="this picture")))
    prob, kind = validate_interval(ci_prob, ci_kind)
    candidates = tree["candidates"].dataset
    if candidates.sizes["candidate"] < 2:
        raise LeadlineError(
            "this fit has one threshold, so there is nothing to compare: tail_fraction was one "
            "number, or only the deepest tail follows the law; fit again with several values of "
            "tail_fraction"
        )
    numbers = candidates[["scale", "weight", "kept"]]
    fraction = candidates["n_tail"] / tree["constant_data"]["n_trials"]
    numbers["tail_fraction"] = fraction.where(candidates["scale"] != "")
    for name in _QUANTITIES:
        draws = candidates[name].rename(sample="draw").expand_dims(chain=1)
        numbers[name] = draws.mean(SAMPLE_DIMS)
        numbers[f"{name}_lower"], numbers[f"{name}_upper"] = interval(draws, prob, kind)
        numbers[f"{name}_average"] = tree["posterior"][name].mean(SAMPLE_DIMS)
    return numbers.assign_attrs(ci_prob=prob, ci_kind=kind)


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
    """Plot optimum, effective dimension, noise and weight against the tail fraction.

    A row per search; a single search has its panels one below the other. Estimates agree within
    their intervals where the law holds, and become more certain as the tail widens. The law ends
    where they start to drift. Grey thresholds were left out: their tails do not follow the law.
    Dashed lines are averages; of searches fitted together, they are the joint posterior, and the
    marks are each search alone.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`; one candidate threshold alone is an error. The
        collection is faceted by `search` and `quantity`.
    visuals : mapping of str to mapping or False, optional
        `interval`, `dropped` (`ci_line_y`), `point_estimate` (`scatter_xy`), `average` (`hline`),
        `legend`, `caption`, `title`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_threshold(fit, visuals={"dropped": False})
    """
    numbers = threshold_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    ranges, means = _arrange(numbers)
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    collection = plot_collection or _make_grid(ranges, options)
    picture = Picture(collection, tree, numbers["search"].to_numpy(), visuals)
    kept, scale = numbers["kept"] == 1, numbers["scale"]
    scales = [name for name in _SCALE_FILLINGS if (kept & (scale == name)).any()]
    colored = {"color": picture.colors, "width": 2}
    # The interval of several models is grey in the legend.
    grey = {"color": QUIET, "width": 2, "linestyle": "C2"}
    alone, line = "", "average over thresholds"
    if "overlap" in tree["candidates"]:
        # In two stages, the joint posterior weighs draws that each search alone has.
        alone, line = ", each search alone", "all searches together"
    interval_label = f"{100 * numbers.attrs['ci_prob']:g} % interval{alone}, and weight"
    for name in scales:
        ends, middle = (part.where(kept & (scale == name)) for part in (ranges, means))
        label = interval_label if name == scales[0] else None
        picture.draw(f"interval_{name}", ci_line_y, ends, colored, label=label, option="interval")
        label = f"on the {name} scale" if len(scales) > 1 else f"posterior mean{alone}"
        dot = {"facecolor": _SCALE_FILLINGS[name] or picture.colors, "color": picture.colors}
        dot["marker"] = picture.markers
        words: dict[str, Any] = {"label": label, "kind": "dot", "option": "point_estimate"}
        picture.draw(f"point_estimate_{name}", scatter_xy, middle, dot, **words)
    dropped = ranges.where((numbers["kept"] == 0) & (scale != ""))
    if dropped.notnull().any():
        label = "does not follow the law: left out"
        picture.draw("dropped", ci_line_y, dropped, grey, label=label)
    for name in _QUANTITIES:
        average, panel = numbers[f"{name}_average"].rename("average"), {"quantity": name}
        words = {"label": line if name == _QUANTITIES[0] else None, "option": "average"}
        picture.draw(f"average_{name}", hline, average, DASHED, {"coords": panel}, **words)
    _label_panels(picture, numbers, ranges)
    return picture.finish(titles=False)


def _arrange(numbers: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return intervals and means of each candidate, and bars of its weight.

    Dims (quantity, search, candidate, plot_axis), with x, y_bottom and y_top, or with x and y.
    """
    x = numbers["tail_fraction"]
    for index, scale in enumerate(_SCALE_FILLINGS):
        x = x + _OFFSET * index * (numbers["scale"] == scale)
    weight = numbers["weight"]
    ends = [(numbers[f"{name}_lower"], numbers[f"{name}_upper"]) for name in _QUANTITIES]
    bars = [xr.concat([x, *pair], "plot_axis") for pair in [*ends, (xr.zeros_like(weight), weight)]]
    dots = [xr.concat([x, numbers[name]], "plot_axis") for name in _ROWS]
    ranges = xr.concat(bars, "quantity").rename("range")
    means = xr.concat(dots, "quantity").rename("mean")
    return (
        ranges.assign_coords(plot_axis=["x", "y_bottom", "y_top"], quantity=list(_ROWS)),
        means.assign_coords(plot_axis=["x", "y"], quantity=list(_ROWS)),
    )


def _make_grid(ranges: xr.DataArray, options: Options) -> PlotCollection:
    """Return a row of panels for each search, or a column for a single one."""
    number = ranges.sizes["search"]
    if number == 1:
        size, spaces = (6.2, 7.4), (0.0, 0.22)
        facets = {"rows": ["quantity"], "cols": ["search"]}
    else:
        size, spaces = (11.0, 1.35 * number + 1.3), (0.77, 0.3)
        facets = {"rows": ["search"], "cols": ["quantity"]}
    figure = {"sharex": "col", **(options.figure_kwargs or {})}
    options, facets = replace(options, figure_kwargs=figure), {**facets, **options.facets}
    return make_figure(xr.Dataset({"range": ranges}), size, options, facets, spaces=spaces)


def _name_characters(picture: Picture, target: Any) -> int:
    """Return how many characters of a name fit beside its row, which runs upwards."""
    if picture.backend != "matplotlib":
        return _NAME_CHARACTERS
    rows = target.get_subplotspec().get_gridspec().nrows
    inches = _ROWS_SHARE * target.get_figure().get_figheight() / rows / text_scale()
    return max(8, min(_NAME_CHARACTERS, int(_NAME_CHARACTERS_PER_INCH * inches)))


def _label_panels(picture: Picture, numbers: xr.Dataset, ranges: xr.DataArray) -> None:
    """Label rows and columns, and set the limits of every panel."""
    names, module, alone = picture.names, picture.module, len(picture.names) == 1
    labels = {
        "optimum": f"optimum\n({picture.tree.attrs['metric']})",
        "effective_dim": "effective\ndimension",
        "noise_sd": "noise sd",
        "weight": "weight",
    }
    size = {"size": _NAME_SIZE[picture.backend]} if picture.backend in _NAME_SIZE else {}
    # On a narrow panel a marker takes much of the axis.
    x_limits = limits(ranges.sel(plot_axis="x"), margin=0.08 if alone else 0.2)
    for name in names:
        for quantity in _ROWS:
            target = picture.target(search=name, quantity=quantity)
            bars = ranges.sel(search=name, quantity=quantity)
            module.xlim(x_limits, target)
            if quantity == "weight":
                top = float(numbers["weight"].sel(search=name).max())
                module.ylim((0.0, 1.15 * top if np.isfinite(top) else 1.0), target)
            else:
                average = numbers[f"{quantity}_average"].sel(search=name)
                ends = bars.sel(plot_axis=["y_bottom", "y_top"])
                module.ylim(limits(ends, average, margin=0.08), target)
            if alone:
                module.ylabel(labels[quantity], target)
            elif quantity == _ROWS[0] and picture.options("title") is not None:
                most = _name_characters(picture, target)
                module.ylabel(textwrap.fill(name, most), target, **size)
            if not alone and name == names[0]:
                most = picture.characters(target, _LABEL_INCHES, 32)
                picture.add_title(labels[quantity].replace("\n", " "), target, most)
            if picture.backend == "matplotlib":
                # Without 2.5, ticks need one decimal alone.
                steps = {} if alone else {"nbins": 2, "steps": [1, 2, 3, 5, 10]}
                target.locator_params(axis="x", **steps)
            if name == names[-1] and (not alone or quantity == "weight"):
                most = picture.characters(target, _LABEL_INCHES, 32)
                module.xlabel(textwrap.fill("tail fraction", most), target)
