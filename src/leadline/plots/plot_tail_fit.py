"""`plot_tail_fit`: the fitted law and the observed scores, with the threshold."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ecdf_line, line_xy, vline, vspan

from leadline.plots.figures import Options, open_picture
from leadline.plots.picture import Visuals, score_label
from leadline.plots.style import DASHED, OBSERVED, QUIET
from leadline.stats.fitted_search import (
    completed_losses,
    direction_sign,
    fitted_search,
    search_names,
    trial_data,
    validate_tree,
)
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.observed_body import body_share
from leadline.stats.plateau import with_law
from leadline.stats.reported import with_trials

_POINTS = 80
_MOST_TICKS = 4
# The picture extends beyond the threshold by this share of its distance from the best score.
_BEYOND_THRESHOLD = 0.3
# A threshold with a smaller share of the draws is not drawn.
_MIN_WEIGHT = 0.05


def tail_fit_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_tail_fit`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`.

    Returns
    -------
    Dataset
        Shares of all trials that are at least as good as a score: `share`, the posterior mean,
        `lower` and `upper` (search, point), at `score` (search, point); `observed`
        (search, plot_axis, corner), the corners of its steps; `threshold` (search), the loosest
        one that has 5 % of the draws or more. Draws with a tighter threshold follow the observed
        trials beyond it, as the tuning curve does. Searches without trials, known from reported
        bests alone, and those that end in a plateau are left out.

    Examples
    --------
    >>> ll.tail_fit_numbers(fit)["threshold"].dims
    ('search',)
    """
    tree = with_trials(with_law(validate_tree(tree, asked="this picture")))
    prob, kind = validate_interval(ci_prob, ci_kind)
    share = _fitted_share(tree)
    numbers = xr.Dataset(
        {"share": share.mean(SAMPLE_DIMS), "observed": _observed_share(tree, share["score"])},
        attrs={"ci_prob": prob, "ci_kind": kind},
    )
    numbers["lower"], numbers["upper"] = interval(share, prob, kind)
    numbers["threshold"] = _loosest(tree)
    return numbers.reset_coords("score")


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
    """Plot the share of trials that reach a score, fitted and observed.

    A panel per search that has trials. The band should cover the steps on the good side of the
    threshold, the loosest one of a fit that averages several: laws of tighter ones follow the
    observed trials from theirs on. In the grey the law need not hold; the curve shows if it still
    would.

    Parameters
    ----------
    tree, ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As in all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `fit_line` (`line_xy`), `observed` (`ecdf_line`),
        `threshold` (`vline`), `not_fitted` (`vspan`), `legend`, `caption`, `title`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_tail_fit(fit, ci_prob=0.5)
    """
    numbers = tail_fit_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    size = (6.0, 3.7) if numbers.sizes["search"] == 1 else (3.2, 2.6)
    options = Options(plot_collection, backend, visuals, figure_kwargs, pc_kwargs)
    picture = open_picture(tree, numbers[["threshold"]], size, options)
    share, score, threshold = numbers["share"], numbers["score"], numbers["threshold"]
    edge = score.max("point") if direction_sign(tree) > 0 else score.min("point")
    beyond = xr.concat([threshold, edge], "side").rename("score")
    grey = {"color": QUIET, "alpha": 0.15}
    picture.draw("not_fitted", vspan, beyond, grey, label="not fitted", kind="band")
    label = f"{100 * numbers.attrs['ci_prob']:g} % interval"
    picture.fill("ci_band", share, score, (numbers["lower"], numbers["upper"]), label=label)
    colored, black = {"color": picture.colors, "width": 2}, {"color": OBSERVED, "width": 1.5}
    picture.draw("fit_line", line_xy, share, colored, {"x": score}, label="fit")
    steps = numbers["observed"].rename("share")
    picture.draw("observed", ecdf_line, steps, black, label="observed trials")
    several = bool((tree["posterior"]["threshold"].std(SAMPLE_DIMS) > 0).any())
    label = "loosest threshold" if several else "threshold"
    picture.draw("threshold", vline, threshold, DASHED, label=label)
    for target, panel in picture.panels(numbers):
        picture.module.ylim((0.0, min(1.1 * float(panel["upper"].max()), 1.05)), target)
        picture.module.xlim((float(panel["score"].min()), float(panel["score"].max())), target)
        if picture.backend == "matplotlib":
            # Scores with many digits run into each other.
            target.locator_params(axis="x", nbins=_MOST_TICKS)
    picture.label_axes(score_label(tree), "share of trials\nat least as good")
    averaged = "averages laws of several thresholds; beyond its own, each follows the trials"
    return picture.finish(conditions=averaged * several)


def _fitted_share(tree: xr.DataTree) -> xr.DataArray:
    """Return the probability of a score at least as good, dims (chain, draw, search, point).

    The coordinate `score` (search, point) holds the scores.
    """
    posterior, sign, loosest = tree["posterior"], direction_sign(tree), _loosest(tree)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], _POINTS)
    shares, scores = [], []
    for name in search_names(tree):
        optimum = float(posterior["optimum"].sel(search=name).mean())
        threshold = float(loosest.sel(search=name))
        losses = completed_losses(tree, name)
        best = min(sign * optimum, losses[0])
        low, high = best - 0.1 * (sign * threshold - best), sign * threshold
        high += _BEYOND_THRESHOLD * (high - best)
        score = sign * np.linspace(low, min(high, losses[-1]), _POINTS)
        shares.append(_share(tree, name, sign * score, sign * threshold).reshape(shape))
        scores.append(score)
    coords = {"search": posterior["search"], "score": (("search", "point"), np.stack(scores))}
    dims = ("chain", "draw", "search", "point")
    return xr.DataArray(np.stack(shares, axis=2), coords, dims, name="share")


def _loosest(tree: xr.DataTree) -> xr.DataArray:
    """Return the threshold with the most trials that more than few draws have, dims (search)."""
    own = direction_sign(tree) * tree["posterior"]["threshold"]
    loosest = own.quantile(1.0 - _MIN_WEIGHT, SAMPLE_DIMS, method="higher")
    return direction_sign(tree) * loosest.drop_vars("quantile")


def _share(tree: xr.DataTree, search: str, loss: np.ndarray, loosest: float) -> np.ndarray:
    """Return the probability of a score at least as good, shape (draw, point).

    The law of a threshold tighter than the loosest is steeper, and does not hold beyond its own.
    """
    draws = fitted_search(tree, search)
    replicates = trial_data(tree, search, "trial_replicates")
    seeds, counts = np.unique(replicates, return_counts=True)
    # The score of a trial is a mean over its replicates: the more there are, the less noise.
    shares = [-np.expm1(draws.log_worse(loss, m)) for m in seeds]
    of_law = np.average(shares, axis=0, weights=counts)
    threshold = tree["posterior"]["threshold"].sel(search=search).stack(sample=SAMPLE_DIMS)
    own = direction_sign(tree) * threshold.to_numpy()[:, None]
    return np.where((own < loosest) & (loss > own), body_share(draws, loss), of_law)


def _observed_share(tree: xr.DataTree, score: xr.DataArray) -> xr.DataArray:
    """Return the corners of the observed shares within the picture, counting failures as trials.

    Dims (search, plot_axis, corner); searches with fewer corners repeat the last one.
    """
    sign = direction_sign(tree)
    corners = []
    for name in search_names(tree):
        n = int(tree["constant_data"]["n_trials"].sel(search=name))
        low, *_, high = np.sort(sign * score.sel(search=name).values)
        losses = completed_losses(tree, name)
        inside = losses[losses <= high]
        # A step at each observed score, between the edges of the picture.
        x = np.repeat(sign * np.concatenate([[low], inside, [high]]), 2)
        steps = np.arange(len(inside) + 1) / n
        y = np.concatenate([[0.0], np.repeat(steps, 2), steps[-1:]])
        corners.append(np.stack([x, y]))
    longest = max(corner.shape[1] for corner in corners)
    padded = [
        np.pad(corner, ((0, 0), (0, longest - corner.shape[1])), mode="edge") for corner in corners
    ]
    coords = {"search": score["search"], "plot_axis": ["x", "y"]}
    return xr.DataArray(np.stack(padded), coords, ("search", "plot_axis", "corner"), name="share")
