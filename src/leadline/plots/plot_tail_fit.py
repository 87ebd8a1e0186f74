"""`plot_tail_fit`: the fitted law over the observed scores, threshold marked."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ecdf_line, fill_between_y, line_xy, vline

from leadline.answers.fitted_search import (
    FittedSearch,
    by_part,
    completed_losses,
    direction_sign,
    search_names,
    validate_tree,
)
from leadline.answers.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.law import log_survival
from leadline.plots.panels import (
    FIT,
    MARK,
    OBSERVED,
    Visuals,
    add_axis_labels,
    add_legend,
    add_titles,
    add_warning,
    backend_module,
    backend_of,
    panels,
    score_label,
    settings,
)

_POINTS = 80
# How far the picture goes past the threshold, in distances from the best score to it.
_PAST_THRESHOLD = 0.3


def plot_tail_fit(
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
    """Plot the share of trials that reach a score: as the law has it, and as observed.

    One panel a search. The band should cover the steps on the good side of the threshold; beyond
    it the law need not hold, and is drawn to show whether it still would.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind : optional
        Probability and kind of the band. Default: those of ``arviz.rcParams``.
    plot_collection : PlotCollection, optional
        Draw into this one, faceted by `search`.
    backend : str, optional
        "matplotlib", "bokeh" or "plotly". Default: ``arviz.rcParams["plot.backend"]``.
    visuals : mapping of str to mapping or False, optional
        Keyword arguments for, or False to leave out: `ci_band` (`fill_between_y`), `fit_line`
        (`line_xy`), `observed` (`ecdf_line`), `threshold` (`vline`), `legend`, `title`,
        `warning`.
    figure_kwargs, **pc_kwargs
        Passed to `arviz_plots.PlotCollection.wrap`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    share = _fitted_share(tree)
    score = share["score"]
    middle = share.mean(SAMPLE_DIMS).rename("share")
    lower, upper = interval(share, prob, kind)
    threshold = tree["posterior"]["threshold"].median(SAMPLE_DIMS)

    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        size = (6.0, 3.7) if middle.sizes["search"] == 1 else (3.2, 2.6)
        data = xr.Dataset({"share": middle})
        plot_collection = panels(data, backend, size, figure_kwargs=figure_kwargs, **pc_kwargs)

    legend: list[tuple[str, Mapping[str, Any]]] = []
    everywhere: dict[str, Any] = {"ignore_aes": "all"}
    if (style := settings(visuals, "ci_band", color=FIT, alpha=0.25)) is not None:
        ends = {"x": score, "y_bottom": lower, "y_top": upper}
        plot_collection.map(fill_between_y, "ci_band", data=middle, **ends, **everywhere, **style)
        legend.append((f"{100 * prob:g} % interval", {**style, "width": 8}))
    if (style := settings(visuals, "fit_line", color=FIT, width=2)) is not None:
        plot_collection.map(line_xy, "fit_line", data=middle, x=score, **everywhere, **style)
        legend.append(("fit", style))
    if (style := settings(visuals, "observed", color=OBSERVED, width=1.5)) is not None:
        plot_collection.map(
            ecdf_line, "observed", data=_observed_share(tree, score), **everywhere, **style
        )
        legend.append(("observed trials", style))
    if (style := settings(visuals, "threshold", color=MARK, linestyle="C1")) is not None:
        plot_collection.map(vline, "threshold", data=threshold, **everywhere, **style)
        legend.append(("threshold", style))

    module = backend_module(backend)
    for name in search_names(tree):
        top = 1.1 * float(upper.sel(search=name).max())
        target = plot_collection.get_target(None, {"search": name})
        module.ylim((0.0, min(top, 1.05)), target)
    add_axis_labels(plot_collection, tree, score_label(tree), "share of trials\nat least as good")
    if settings(visuals, "title") is not None and middle.sizes["search"] > 1:
        add_titles(plot_collection, tree)
    if settings(visuals, "legend") is not None and legend:
        add_legend(plot_collection, legend)
    if settings(visuals, "warning") is not None:
        add_warning(plot_collection, tree)
    return plot_collection


def _fitted_share(tree: xr.DataTree) -> xr.DataArray:
    """Return the probability of a score at least as good, dims (chain, draw, search, point).

    The scores are its coordinate `score`, dims (search, point).
    """
    posterior, sign = tree["posterior"], direction_sign(tree)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], _POINTS)
    shares, scores = [], []
    for name in search_names(tree):
        optimum = float(posterior["optimum"].sel(search=name).mean())
        threshold = float(posterior["threshold"].sel(search=name).mean())
        losses = completed_losses(tree, name)
        best = min(sign * optimum, losses[0])
        low, high = best - 0.1 * (sign * threshold - best), sign * threshold
        high += _PAST_THRESHOLD * (high - best)
        score = sign * np.linspace(low, min(high, losses[-1]), _POINTS)
        share = functools.partial(_share, score=score, by_seeds=_shares_by_seeds(tree, name))
        shares.append(by_part(tree, name, share).reshape(shape))
        scores.append(score)
    coords = {"search": posterior["search"], "score": (("search", "point"), np.stack(scores))}
    return xr.DataArray(
        np.stack(shares, axis=2), coords, ("chain", "draw", "search", "point"), name="share"
    )


def _share(
    part: FittedSearch, score: np.ndarray, by_seeds: Sequence[tuple[int, float]]
) -> np.ndarray:
    """Return the probability of a score at least as good, shape (draw, point)."""
    on_scale = part.scale.takes(score)
    inside = np.where(on_scale, score, part.scale.inverse(np.float64(0.0)))
    loss = np.tile(part.sign * part.scale.forward(inside), (len(part.alpha), 1))
    share = np.zeros_like(loss)
    # A trial's score is the mean over its seeds, which has less noise the more there are.
    for seeds, weight in by_seeds:
        law = (part.alpha, part.beta, part.gamma, part.sigma / np.sqrt(seeds))
        share -= weight * np.expm1(log_survival(loss, law))
    # Past the lower end of a scale no score is to be had, past its upper end all are lower.
    past_upper = score >= part.scale.upper
    return np.where(on_scale, share, past_upper if part.sign > 0 else ~past_upper)


def _shares_by_seeds(tree: xr.DataTree, search: str) -> list[tuple[int, float]]:
    """Return the numbers of seeds that trials of a search had, each with its share of trials."""
    constant = tree["constant_data"].dataset
    of_search = constant["trial_search"].to_numpy().astype(str) == search
    seeds, counts = np.unique(
        constant["trial_replicates"].to_numpy()[of_search], return_counts=True
    )
    return [(int(m), float(count) / counts.sum()) for m, count in zip(seeds, counts, strict=True)]


def _observed_share(tree: xr.DataTree, score: xr.DataArray) -> xr.DataArray:
    """Return the corners of the observed shares within the picture, failures counted.

    Dims (search, plot_axis, corner), nan where a search has fewer corners than another.
    """
    sign = direction_sign(tree)
    corners = []
    for name in search_names(tree):
        n = int(tree["constant_data"]["n_trials"].sel(search=name))
        ends = np.sort(sign * score.sel(search=name).values)[[0, -1]]
        losses = completed_losses(tree, name)
        inside = losses[losses <= ends[1]]
        count = len(inside)
        # From the left edge, each observed score, to the right edge.
        loss = np.concatenate([ends[:1], inside, ends[1:]])
        before = np.concatenate([[0], np.arange(count), [count]]) / n
        after = np.concatenate([[0], np.arange(1, count + 1), [count]]) / n
        # Steps rise at a score, whichever side is the good one.
        x = np.repeat(sign * loss, 2)
        y = np.stack([before, after], axis=1).ravel()
        corners.append(np.stack([x, y]))
    longest = max(corner.shape[1] for corner in corners)
    padded = [
        np.pad(corner, ((0, 0), (0, longest - corner.shape[1])), mode="edge") for corner in corners
    ]
    return xr.DataArray(
        np.stack(padded),
        {"search": score["search"], "plot_axis": ["x", "y"]},
        ("search", "plot_axis", "corner"),
        name="share",
    )
