"""`plot_forecast`: what the next trials would bring, against how many there are."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hline, line_xy

from leadline.plots.forecast_numbers import forecast_numbers
from leadline.plots.panels import (
    add_axis_labels,
    backend_of,
    decades,
    panels,
    score_label,
    set_log_x,
)
from leadline.plots.picture import Picture, Visuals, band
from leadline.plots.style import OBSERVED
from leadline.stats.fitted_search import direction_sign, search_names
from leadline.stats.rounding import percent

# How much worse than the best seen the axis goes, in distances from it to the best forecast.
_WORSE = 1.5


def plot_forecast(
    tree: xr.DataTree,
    trials: Sequence[int] | npt.NDArray[np.int64] | None = None,
    *,
    minimum_gain: float = 0.0,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot the best of the next m trials against m, with the chance that it beats the best seen.

    One panel a search: the median and the interval of the best measured score of m more trials,
    the best seen as a line, and under each tick P(gain): whether to pay for that many. Where even
    the good end of the band stays short of the line, m more trials are unlikely to help.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    trials : array_like of int, optional
        Numbers of further trials m. Default: 1 to 1,000.
    minimum_gain : float
        The gain, in score units, that the probability is of exceeding.
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `median` (`line_xy`), `best_seen` (`hline`), `p_gain`,
        `legend`, `title`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    See Also
    --------
    leadline.forecast_numbers : The numbers behind it.
    """
    numbers = forecast_numbers(
        tree, trials, minimum_gain=minimum_gain, ci_prob=ci_prob, ci_kind=ci_kind
    )
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        size = (6.0, 3.8) if numbers.sizes["search"] == 1 else (3.2, 2.7)
        plot_collection = panels(
            numbers[["best_seen"]], backend, size, log_x=True, figure_kwargs=figure_kwargs,
            **pc_kwargs,
        )  # fmt: skip
    picture = Picture(plot_collection, tree, visuals)
    middle, x = numbers["median"], numbers["trials"].astype(float)
    good, bad = _sides(numbers, direction_sign(tree))
    # The interval is open where all of the trials may fail: it ends with the panel.
    open_end = direction_sign(tree) * np.inf
    lower, upper = (numbers[end].where(numbers[end] != open_end, bad) for end in ("lower", "upper"))
    picture.draw(
        "ci_band",
        band,
        middle,
        {"x": x, "y_bottom": lower, "y_top": upper},
        label=f"{100 * numbers.attrs['ci_prob']:g} % of the outcomes",
        kind="band",
        color=picture.colors,
        alpha=0.3,
    )
    picture.draw("median", line_xy, middle, {"x": x}, label="median", color=picture.colors, width=2)
    picture.draw(
        "best_seen",
        hline,
        numbers["best_seen"],
        label="best seen",
        color=OBSERVED,
        linestyle="C1",
        width=1.5,
    )
    sides = (float(x.min()), float(x.max()))
    words = {}
    for name in search_names(tree):
        ends = sorted([float(good.sel(search=name)), float(bad.sel(search=name))])
        picture.module.ylim(ends, picture.target(search=name))
        words[name] = _tick_labels(numbers["p_gain"].sel(search=name), decades(*sides), picture)
    set_log_x(plot_collection, sides, words)
    chance = f"P(gain > {minimum_gain:g})" if minimum_gain else "P(better than the best seen)"
    x_label = "further trials m" + ("" if picture.style("p_gain") is None else f"\n{chance}")
    add_axis_labels(plot_collection, tree, x_label, f"best of the next m\n{score_label(tree)}")
    return picture.finish(titles=True)


def _sides(numbers: xr.Dataset, sign: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the good and the bad end of the vertical axes, dims (search)."""
    seen = sign * numbers["best_seen"]
    losses = sign * xr.concat([numbers["lower"], numbers["upper"]], "end")
    losses = losses.where(np.isfinite(losses))
    good = np.minimum(seen, losses.min(("end", "trials")))
    worst = np.maximum(seen, losses.max(("end", "trials")))
    bad = xr.where(good < seen, np.minimum(worst, seen + _WORSE * (seen - good)), worst)
    room = 0.05 * (bad - good)
    return sign * (good - room), sign * (bad + room)


def _tick_labels(p_gain: xr.DataArray, ticks: Sequence[float], picture: Picture) -> list[str]:
    """Return for each tick the number of trials and, below it, the chance of a gain."""
    if picture.style("p_gain") is None:
        return [f"{tick:g}" for tick in ticks]
    known = p_gain["trials"].to_numpy().astype(float)
    chances = np.interp(np.log(ticks), np.log(known), p_gain.to_numpy())
    return [f"{tick:g}\n{percent(p)}" for tick, p in zip(ticks, chances, strict=True)]
