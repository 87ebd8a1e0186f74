"""`plot_scaling`: the scaling law of the optimum, with each search and its best score seen."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ci_line_y, line_xy, scatter_xy

from leadline.plots.figures import Options, limits, make_figure
from leadline.plots.picture import Picture, Visuals, best_seen_label, score_label
from leadline.plots.style import FIT, OBSERVED
from leadline.stats.scaling_curve import scaling_curves
from leadline.stats.scaling_sentences import short

_PANEL = (4.6, 3.6)
_MOST_TICKS = 5
# Values of ticks in a decade, from few to many.
_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(np.arange(10, 100) / 10))


def scaling_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_scaling`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`; `tree` has a scaling law.

    Returns
    -------
    Dataset
        In score units, dims (covariate, point): `law`, the posterior mean of the law, and `lower`
        and `upper`, the interval of the optimum of a model there, at `position`, sizes or data from
        the smallest of the searches to ten times the largest. The other covariate is at `other`
        (covariate), its geometric mean. Dims (covariate, search): `optimum`, `optimum_lower`,
        `optimum_upper` and `best_seen` of each search at `search_position`, moved along the law to
        that mean.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("scaling.nc")
    >>> ll.scaling_numbers(fit)["law"].dims
    ('covariate', 'point')
    """
    return scaling_curves(tree, ci_prob, ci_kind)


def plot_scaling(
    tree: xr.DataTree,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
) -> PlotCollection:
    """Plot the optimum as a function of size and of data, on logarithmic axes.

    A panel for size, and one for data, if the law has both; the other is at its geometric mean, to
    which searches are moved along the law. The line is the law, the band the interval of the
    optimum of a model there, up to ten times the largest size; bars are the intervals of the
    searches, dots their best scores seen.

    Parameters
    ----------
    tree, ci_prob, ci_kind, backend, figure_kwargs
        As in all pictures, see `leadline.plots`; `tree` is the result of
        ``leadline.fit(model="scaling")``.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `law` (`line_xy`), `interval` (`ci_line_y`), `best_seen`
        (`scatter_xy`), `legend`, `caption`, `title`, `warning`.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("scaling.nc")
    >>> picture = ll.plot_scaling(fit, visuals={"best_seen": False})
    """
    options = Options(None, backend, visuals, figure_kwargs, {})
    numbers = scaling_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    count = numbers.sizes["covariate"]
    size = (_PANEL[0] * count + 0.4, _PANEL[1] + 0.7)
    facets = {"cols": ["covariate"], "col_wrap": count}
    collection = make_figure(numbers[["other"]], size, options, facets, spaces=(0.7, 0.0))
    return draw_scaling(Picture(collection, tree, [], visuals), numbers)


def draw_scaling(picture: Picture, numbers: xr.Dataset) -> PlotCollection:
    """Draw what `scaling_numbers` returned, a panel per covariate."""
    prob = f"{100 * numbers.attrs['ci_prob']:g} %"
    x, at = (xr.ufuncs.log10(numbers[name]) for name in ("position", "search_position"))
    names = ("law", "lower", "upper", "optimum_lower", "optimum_upper", "best_seen")
    # Scores may be negative; only positive ones have a logarithm.
    log_y = all(float(numbers[name].min()) > 0 for name in names)
    y = {name: xr.ufuncs.log10(numbers[name]) if log_y else numbers[name] for name in names}
    band = {"color": FIT, "alpha": 0.25}
    words = f"{prob} interval of an optimum there"
    picture.fill("ci_band", y["law"], x, (y["lower"], y["upper"]), label=words, style=band)
    line = {"color": FIT, "width": 2}
    picture.draw("law", line_xy, y["law"], line, {"x": x}, label="scaling law")
    bars = xr.concat([at, y["optimum_lower"], y["optimum_upper"]], "plot_axis")
    bars = bars.assign_coords(plot_axis=["x", "y_bottom", "y_top"]).rename("interval")
    words = f"{prob} interval of the optimum of a search"
    picture.draw("interval", ci_line_y, bars, {"color": FIT, "width": 2}, label=words)
    dots = xr.concat([at, y["best_seen"]], "plot_axis").assign_coords(plot_axis=["x", "y"])
    black = {"color": OBSERVED, "facecolor": OBSERVED, "marker": "C0", "width": 0.5}
    picture.draw(
        "best_seen",
        scatter_xy,
        dots.rename("best"),
        black,
        label=best_seen_label(picture.tree),
        kind="dot",
    )
    for name in numbers["covariate"].to_numpy().astype(str):
        target, place = picture.target(covariate=name), {"covariate": name}
        ends = limits(*(y[own].sel(place) for own in names))
        span = limits(x.sel(place), margin=0.02)
        picture.module.xticks(*_ticks(*span), target)
        picture.module.xlim(span, target)
        if log_y:
            picture.module.yticks(*_ticks(*ends), target)
        picture.module.ylim(ends, target)
        picture.module.xlabel(name, target)
        picture.module.ylabel(score_label(picture.tree), target)
        other = float(numbers["other"].sel(place))
        if np.isfinite(other) and picture.options("title") is not None:
            what = "data" if name == "size" else "size"
            picture.add_title(f"at {what} {short(other)}", target)
    return picture.finish(titles=False)


def _ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return places and labels of ticks on an axis of logarithms, few and with few digits."""
    first, last = int(np.floor(low)), int(np.ceil(high))
    found: list[float] = []
    for steps in _STEPS:
        values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        inside = [value for value in values if low <= np.log10(value) <= high]
        if len(inside) > _MOST_TICKS and found:
            break
        found = inside
        if len(found) >= _MOST_TICKS - 1:
            break
    if len(found) < 2:
        found = [10.0**own for own in np.linspace(low, high, 3)]
    kept = found[:: int(np.ceil(len(found) / _MOST_TICKS))]
    return [float(np.log10(value)) for value in kept], [short(value) for value in kept]
