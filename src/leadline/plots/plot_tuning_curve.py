"""`plot_tuning_curve`: the best of k trials against k, re-run and as measured, extrapolated."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import hline, hspan, line_xy, vline

from leadline.plots.figures import Options, decades, limits, open_picture, set_log_x
from leadline.plots.picture import Picture, Visuals, best_seen_label, score_label
from leadline.plots.style import DASHED, DOTTED, MARK, OBSERVED, QUIET
from leadline.stats.fitted_search import best_seen, validate_tree
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.leaning import far_beyond
from leadline.stats.options import validate_budget
from leadline.stats.rounding import with_interval
from leadline.stats.tuning_curve import empirical_tuning_curve, tuning_curve

_POINTS = 32
_EXTRAPOLATION = 10
_BEST = {"measured": "best of k", "expected": "best of k, if re-run"}


def tuning_curve_numbers(
    tree: xr.DataTree,
    budgets: Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64] | None = None,
    *,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "expected",
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_tuning_curve`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`.
    budgets : array_like, optional
        Numbers of trials, k. Default: from the smallest k whose best is beyond the threshold, to
        ten times the number of trials that were run.
    quantile, kind
        As in `leadline.tuning_curve`; the default is the score expected if re-run.

    Returns
    -------
    Dataset
        In score units: `curve`, the posterior mean, `lower` and `upper` (search, budget);
        `measured` (search, budget), the posterior mean of the measured curve, whatever the `kind`;
        `observed` (search, observed_budget), nan beyond the trials run; `optimum`,
        `optimum_lower`, `optimum_upper`, `best_seen` and `n_trials` (search). A curve is nan where
        the best of k may be a failed trial, `n_trials` where a search has only reported bests.

    Examples
    --------
    >>> ll.tuning_curve_numbers(fit, [10, 100, 1000])["curve"].dims
    ('search', 'budget')
    """
    validate_tree(tree, asked="this picture")
    prob, ci = validate_interval(ci_prob, ci_kind)
    sizes = _default_budgets(tree) if budgets is None else np.asarray(budgets).reshape(-1)
    curve = _finite_curve(tree, sizes, quantile, kind)
    measured = curve if kind == "measured" else _finite_curve(tree, sizes, quantile, "measured")
    optimum = tree["posterior"].dataset["optimum"]
    n_trials = tree["constant_data"].dataset["n_trials"]
    observed = _observed_curve(tree, sizes, quantile).rename(budget="observed_budget")
    figures = {"curve": curve.mean(SAMPLE_DIMS), "measured": measured.mean(SAMPLE_DIMS)}
    figures["observed"] = observed
    figures["lower"], figures["upper"] = interval(curve, prob, ci)
    figures["optimum"] = optimum.mean(SAMPLE_DIMS)
    figures["optimum_lower"], figures["optimum_upper"] = interval(optimum, prob, ci)
    figures["best_seen"] = best_seen(tree)
    figures["n_trials"] = n_trials.where(n_trials > 0)
    # A trial that was repeated counts with its first seed, as the curve is of single runs.
    repeated = bool((tree["constant_data"]["trial_replicates"] > 1).any())
    attrs = {**curve.attrs, "ci_prob": prob, "ci_kind": ci, "repeated": int(repeated)}
    return xr.Dataset(figures, attrs=attrs)


def plot_tuning_curve(
    tree: xr.DataTree,
    budgets: Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64] | None = None,
    *,
    budget: float | None = None,
    quantile: float | Literal["mean"] = 0.5,
    kind: Literal["measured", "expected"] = "expected",
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot the best score of k trials against k, beyond the number of trials that were run.

    A panel per search holds the score that the best of k trials is expected to have if it is
    re-run, as a line with a band. Beside it, without a band, is the score that it measures, part of
    which is luck: it may be better than the optimum, which is an expected score. The black line is
    the measured curve of the observed trials, up to their number; of repeated trials it takes the
    first seed, so that the best seen, a mean over seeds, has a dashed line of its own.
    ``kind="measured"`` draws the measured curve with its band, and no other.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`.
    budgets, quantile, kind
        As in `leadline.tuning_curve_numbers`.
    budget : float, optional
        A number of trials to mark by a line. The curve extends to it, and the caption of a picture
        of one search has its score.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `fit_line`, `measured`, `observed` (`line_xy`), `optimum`
        (`hline`), `optimum_band` (`hspan`), `best_seen` (`hline`), `n_trials`, `budget` (`vline`),
        `legend`, `caption`, `title`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_tuning_curve(fit, [1, 10, 100, 1000], budget=100)
    """
    if budget is not None:
        validate_tree(tree, asked="this picture")
        shown = _default_budgets(tree) if budgets is None else np.asarray(budgets)
        budgets = np.union1d(shown, validate_budget(budget))
    numbers = tuning_curve_numbers(
        tree, budgets, quantile=quantile, kind=kind, ci_prob=ci_prob, ci_kind=ci_kind
    )
    size = (6.0, 3.7) if numbers.sizes["search"] == 1 else (3.2, 2.6)
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    picture = open_picture(tree, numbers[["optimum"]], size, options, log_x=True)
    return draw_tuning_curve(picture, numbers, budget)


def draw_tuning_curve(
    picture: Picture, numbers: xr.Dataset, budget: float | None = None
) -> PlotCollection:
    """Draw what `tuning_curve_numbers` returned; `budget` is one of its budgets, to be marked."""
    interval_name = f"{100 * numbers.attrs['ci_prob']:g} % interval"
    expected = numbers.attrs["kind"] == "expected"
    curve, x = numbers["curve"], numbers["budget"].astype(float)
    picture.fill("ci_band", curve, x, (numbers["lower"], numbers["upper"]), label=interval_name)
    colored, black = {"color": picture.colors, "width": 2}, {"color": OBSERVED, "width": 1.5}
    quantile = numbers.attrs["quantile"]
    which = "mean" if quantile == "mean" else f"{100 * quantile:g} % quantile,"
    which = f"{'median' if quantile == 0.5 else which} {_BEST[numbers.attrs['kind']]}"
    label = which if expected else "fit"
    picture.draw("fit_line", line_xy, curve, colored, {"x": x}, label=label)
    if expected:
        lucky = numbers["measured"].rename("curve")
        thin = {"color": picture.colors, "width": 1, "linestyle": "C3"}
        picture.draw("measured", line_xy, lucky, thin, {"x": x}, label="measured, with luck")
    observed, trials = numbers["observed"], {"x": numbers["observed_budget"].astype(float)}
    label = "first seeds of trials" if numbers.attrs["repeated"] else "observed trials"
    label += ", with luck" * expected
    picture.draw("observed", line_xy, observed.rename("curve"), black, trials, label=label)
    if numbers.attrs["repeated"]:
        dashed = {**DASHED, "color": OBSERVED}
        picture.draw(
            "best_seen", hline, numbers["best_seen"], dashed, label=best_seen_label(picture.tree)
        )
    # Plotly draws a line across a panel only where the panel is not empty.
    n_trials = numbers["n_trials"].astype(float)
    picture.draw("n_trials", vline, n_trials, DOTTED, label="trials run")
    conditions = ""
    if budget is not None:
        marked = xr.full_like(n_trials, float(budget))
        label = f"{budget:g} trials"
        picture.draw("budget", vline, marked, DASHED | {"color": QUIET}, label=label)
        parts = _score_at(numbers.sel(budget=budget), budget), far_beyond(picture.tree, budget)
        conditions = "; ".join(filter(None, parts))
    picture.draw("optimum", hline, numbers["optimum"], DASHED, label="optimum (without luck)")
    ends = xr.concat([numbers["optimum_lower"], numbers["optimum_upper"]], "ci_bound")
    label, faint = f"its {interval_name}", {"color": MARK, "alpha": 0.12}
    picture.draw("optimum_band", hspan, ends.rename("optimum"), faint, label=label, kind="band")
    sides = (float(x.min()) / 1.15, float(x.max()) * 1.15)
    ticks = [f"{tick:g}" for tick in decades(*sides)]
    shown = ("lower", "upper", "measured", "observed", "optimum_lower", "optimum_upper")
    shown += ("best_seen",) * numbers.attrs["repeated"]
    for target, panel in picture.panels(numbers):
        picture.module.ylim(limits(*(panel[name] for name in shown)), target)
        set_log_x(target, picture.backend, sides, ticks)
    # On lines as short as the height of a panel.
    best = which.replace(", if", ",\nif")
    picture.label_axes("number of trials k", f"{best}\n{score_label(picture.tree)}")
    return picture.finish(conditions=conditions)


def _score_at(numbers: xr.Dataset, budget: float) -> str:
    """Return the score after so many trials in words, of a picture of one search."""
    ends = [float(numbers[name].isel(search=0)) for name in ("curve", "lower", "upper")]
    if numbers.sizes["search"] > 1 or not np.isfinite(ends).all():
        return ""
    mean, low, high = ends
    score = with_interval(mean, low, high, abs(high - low) / 3)
    interval_name = f"{100 * numbers.attrs['ci_prob']:g} % interval"
    return f"after {budget:g} trial{'s' * (budget != 1)} {score} ({interval_name})"


def _finite_curve(
    tree: xr.DataTree,
    sizes: npt.NDArray[Any],
    quantile: float | Literal["mean"],
    kind: Literal["measured", "expected"],
) -> xr.DataArray:
    """Return a curve, nan where the best of k may be a failed trial."""
    curve = tuning_curve(tree, sizes, quantile=quantile, kind=kind)
    # An interval between a score and a failure has no numeric end.
    return curve.where((abs(curve) < np.inf).all(SAMPLE_DIMS))


def _default_budgets(tree: xr.DataTree) -> npt.NDArray[np.int64]:
    """Return budgets, evenly on the log scale, from where the law describes the best of k."""
    fraction = tree["posterior"]["tail_fraction"].mean(SAMPLE_DIMS).max()
    first = max(1.0, np.log(2.0) / -np.log1p(-min(float(fraction), 0.99)))
    last = _EXTRAPOLATION * int(tree["constant_data"]["n_trials"].max())
    return np.unique(np.round(np.geomspace(first, last, _POINTS))).astype(int)


def _observed_curve(
    tree: xr.DataTree, sizes: npt.NDArray[Any], quantile: float | Literal["mean"]
) -> xr.DataArray:
    """Return the empirical curve at the budgets and at the number of trials, where it ends."""
    every = np.unique(np.concatenate([sizes, tree["constant_data"]["n_trials"].values]))
    every = every[(every >= sizes.min()) & (every <= sizes.max())]
    curve = empirical_tuning_curve(tree, every, quantile=quantile)
    return curve.where(abs(curve) < np.inf)
