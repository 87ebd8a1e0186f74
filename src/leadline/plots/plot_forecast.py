"""`plot_forecast`: the best score of the next m trials against m."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hline, line_xy

from leadline.plots.figures import Options, decades, open_picture, set_log_x
from leadline.plots.picture import Visuals, best_seen_label, score_label
from leadline.plots.style import DASHED, DOTTED, MARK, OBSERVED
from leadline.stats.fitted_search import direction_sign, validate_tree
from leadline.stats.forecast import forecast
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.options import validate_budgets
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import is_surface

# 1 to 1,000, evenly on the log scale, with the powers of ten.
_TRIALS = (1, 2, 3, 5, 7, 10, 15, 22, 32, 46, 68, 100, 150, 220, 320, 460, 680, 1000)
# Up to so many numbers of trials are all named on the axis.
_MOST_TICKS = 4
# Stands for a failure: this many ranges of the scores worse than the worst score.
_FAR = 1e3
# The axis extends beyond the best seen by this multiple of its gap to the best forecast.
_WORSE = 6.0
# From so many trials on, those of the tables among them, the median is on the axis.
_SHOWN = 10


def forecast_numbers(
    tree: xr.DataTree,
    trials: Sequence[int] | npt.NDArray[np.int64] | None = None,
    *,
    minimum_gain: float = 0.0,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_forecast`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`.
    trials : array_like of int, optional
        Numbers of further trials m. Default: 1 to 1,000.
    minimum_gain : float
        Smallest gain that counts, in score units.

    Returns
    -------
    Dataset
        In score units: `median`, `lower` and `upper` of the best of the next m trials, and
        `p_gain`, the probability that it beats the best seen by more than `minimum_gain`, dims
        (search, trials); `best_seen` (search). The intervals include luck and the uncertainty of
        the law. The worse end is infinite where the probability that all m trials fail is too
        large for a finite one. Of a surface also `optimum` and `best_seen_expected` (search),
        posterior means: what a perfect search and the best trial would score if re-run.

    Examples
    --------
    >>> ll.forecast_numbers(fit, [10, 100])["p_gain"].dims
    ('search', 'trials')
    """
    validate_tree(tree, surface=True)
    prob, kind = validate_interval(ci_prob, ci_kind)
    wanted = np.asarray(_TRIALS if trials is None else trials).reshape(-1)
    found = forecast(tree, wanted, minimum_gain=minimum_gain)
    # All m trials may fail, and quantiles between infinities are undefined.
    finite = found["best"].where(abs(found["best"]) < np.inf)
    sign = direction_sign(tree)
    worst = sign * (sign * finite).max()
    failed = worst + sign * _FAR * (finite.max() - finite.min() + 1.0)
    best = finite.fillna(failed)
    numbers = found[["p_gain", "best_seen"]].drop_attrs()
    ends = (best.median(SAMPLE_DIMS), *interval(best, prob, kind))
    for name, end in zip(("median", "lower", "upper"), ends, strict=True):
        numbers[name] = end.where(sign * (end - worst) <= 0, sign * np.inf)
    if is_surface(tree):
        answers = tree["posterior"].dataset[["optimum", "best_seen_expected"]]
        numbers = numbers.assign(answers.mean(SAMPLE_DIMS))
    return numbers.assign_attrs(ci_prob=prob, ci_kind=kind, minimum_gain=float(minimum_gain))


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
    """Plot the best of the next m trials against m, with the probability of a gain.

    A panel per search holds the median and the interval of the best measured score of m more
    trials, the best seen as a line, and under each tick P(gain). More trials are unlikely to
    help where even the better end of the band stays short of the line.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`.
    trials, minimum_gain
        As in `leadline.forecast_numbers`. A curve up to a single number, and that of the default,
        starts where the band is on the vertical axis, at 10 at the latest.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `median` (`line_xy`), `best_seen`, `minimum_gain`,
        `optimum`, `best_seen_expected` (`hline`), `p_gain`, `legend`, `caption`, `title`,
        `warning`.

    Examples
    --------
    >>> picture = ll.plot_forecast(fit, [10, 100, 1000], minimum_gain=0.001)
    """
    numbers = forecast_numbers(
        tree, _fill(trials), minimum_gain=minimum_gain, ci_prob=ci_prob, ci_kind=ci_kind
    )
    sign = direction_sign(tree)
    if trials is None or np.size(trials) == 1:
        numbers = _drop_few(numbers, sign)
    size = (6.0, 3.8) if numbers.sizes["search"] == 1 else (3.2, 2.7)
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    picture = open_picture(tree, numbers[["best_seen"]], size, options, log_x=True)
    median, x = numbers["median"], numbers["trials"].astype(float)
    good, bad = _find_limits(numbers, sign)
    # A band whose end is a failure extends to the end of the panel.
    lower, upper = (
        numbers[end].where(numbers[end] != sign * np.inf, bad) for end in ("lower", "upper")
    )
    label = f"{100 * numbers.attrs['ci_prob']:g} % of the outcomes"
    picture.fill("ci_band", median, x, (lower, upper), label=label)
    colored, black = {"color": picture.colors, "width": 2}, {**DASHED, "color": OBSERVED}
    picture.draw("median", line_xy, median, colored, {"x": x}, label="median")
    picture.draw(
        "best_seen", hline, numbers["best_seen"], black, label=best_seen_label(picture.tree)
    )
    if minimum_gain:
        enough = numbers["best_seen"] - sign * minimum_gain
        label = f"better by {minimum_gain:g}"
        picture.draw("minimum_gain", hline, enough, {**black, "linestyle": "C2"}, label=label)
    if "optimum" in numbers:
        # Dots and dashes, between which a line at the same height can be seen.
        dotted = {**DASHED, "linestyle": "C3"}
        label = "a perfect search, without luck"
        picture.draw("optimum", hline, numbers["optimum"], dotted, label=label)
        label = "best trial re-run, without luck"
        again = numbers["best_seen_expected"]
        picture.draw("best_seen_expected", hline, again, {**DOTTED, "color": MARK}, label=label)
    sides = (float(x.min()), float(x.max()))
    ticks, with_chances = decades(*sides), picture.options("p_gain") is not None
    few = trials is not None and len(np.unique(trials)) <= _MOST_TICKS
    asked = np.asarray(trials if few else ticks, dtype=float).reshape(-1)
    # Labels of closer numbers would touch.
    apart = [m for m in (sides[0], *ticks) if (abs(np.log(asked / m)) > math.log(2.0)).all()]
    ticks = np.union1d(apart, asked).tolist()
    for target, panel in picture.panels(numbers.assign(good=good, bad=bad)):
        picture.module.ylim(sorted([float(panel["good"]), float(panel["bad"])]), target)
        chances = np.interp(np.log(ticks), np.log(x), panel["p_gain"])
        words = [
            f"{tick:g}" + (f"\n{percent(chance)}" if with_chances else "")
            for tick, chance in zip(ticks, chances, strict=True)
        ]
        set_log_x(target, picture.backend, sides, words, ticks, minor=not few)
    chance = f"P(gain > {minimum_gain:g})" if minimum_gain else "P(better than the best seen)"
    kind = "random " if "optimum" in numbers else ""
    x_label = f"further {kind}trials m, one run each" + (f"\n{chance}" if with_chances else "")
    picture.label_axes(x_label, f"best of the next m\n{score_label(tree)}")
    conditions = [f"gains above {minimum_gain:g}"] * bool(minimum_gain)
    if bool((sign * xr.concat([numbers["lower"], numbers["upper"]], "end") > sign * bad).any()):
        conditions.append("the interval of few trials extends beyond the axis")
    return picture.finish(conditions="; ".join(conditions))


def _fill(
    trials: Sequence[int] | npt.NDArray[np.int64] | None,
) -> Sequence[int] | npt.NDArray[np.int64] | None:
    """Return a single number of trials with those of the default up to it: a curve has several."""
    if trials is None or len(validate_budgets(trials, "trials")) > 1:
        return trials
    return np.union1d([m for m in _TRIALS if m < np.max(trials)], trials).astype(int)


def _drop_few(numbers: xr.Dataset, sign: float) -> xr.Dataset:
    """Return the numbers without trials fewer than 10 whose band is off the vertical axis."""
    bad = _find_limits(numbers, sign)[1]
    end = numbers["lower" if sign < 0.0 else "upper"]
    shown = (sign * (end - bad) < 0.0).all("search") | _many(numbers)
    first = int(shown.to_numpy().argmax())
    # A curve has two numbers of trials or more.
    return numbers.isel(trials=slice(min(first, numbers.sizes["trials"] - 2), None))


def _many(numbers: xr.Dataset) -> xr.DataArray:
    """Return which numbers of trials, dim (trials), have their median on the vertical axis."""
    return numbers["trials"] >= min(_SHOWN, int(numbers["trials"].max()))


def _find_limits(numbers: xr.Dataset, sign: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the better and the worse end of the vertical axes, dims (search)."""
    seen = sign * numbers["best_seen"]
    losses = sign * xr.concat([numbers["lower"], numbers["upper"]], "end")
    losses = losses.where(np.isfinite(losses))
    good = np.minimum(seen - numbers.attrs["minimum_gain"], losses.min(("end", "trials")))
    if "optimum" in numbers:
        good = np.minimum(good, sign * numbers["optimum"])
    worst = np.maximum(seen, losses.max(("end", "trials")))
    # The whole band would press the lines together if nothing is better.
    bad = xr.where(good < seen, np.minimum(worst, seen + _WORSE * (seen - good)), seen)
    # Lines that the legend has, and the median of all but the fewest trials.
    lines = [numbers[name] for name in ("optimum", "best_seen_expected") if name in numbers]
    medians = sign * numbers["median"].where(_many(numbers) & np.isfinite(numbers["median"]))
    for line in (*(sign * own for own in lines), medians.max("trials")):
        bad = np.maximum(bad, line.where(np.isfinite(line), bad))
    # The band gives the axis its length if all lines are one, as on a plateau.
    bad = xr.where(good < bad, bad, worst)
    room = 0.05 * (bad - good)
    return sign * (good - room), sign * (bad + room)
