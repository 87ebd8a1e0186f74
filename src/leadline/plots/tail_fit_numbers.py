"""`tail_fit_numbers`: the numbers behind `plot_tail_fit`."""

from typing import Literal

import numpy as np
import xarray as xr

from leadline.stats.fitted_search import (
    completed_losses,
    direction_sign,
    fitted_search,
    search_names,
    trial_data,
    validate_tree,
)
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.reported import with_trials

_POINTS = 80
# How far the picture goes past the threshold, in distances from the best score to it.
_PAST_THRESHOLD = 0.3


def tail_fit_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return what `leadline.plot_tail_fit` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind : optional
        Probability and kind of the interval. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        Shares of all trials that are at least as good as a score: `share`, the posterior mean,
        `lower` and `upper` (search, point), at `score` (search, point); `observed`
        (search, plot_axis, corner), the corners of its steps; `threshold` (search), the median
        where several are averaged over. Of searches that are known from reported bests alone there
        is nothing to show.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    tree = with_trials(validate_tree(tree))
    prob, kind = validate_interval(ci_prob, ci_kind)
    share = _fitted_share(tree)
    lower, upper = interval(share, prob, kind)
    figures = {
        "share": share.mean(SAMPLE_DIMS),
        "lower": lower,
        "upper": upper,
        "observed": _observed_share(tree, share["score"]),
        "threshold": tree["posterior"]["threshold"].median(SAMPLE_DIMS),
    }
    attrs = {"ci_prob": prob, "ci_kind": kind}
    return xr.Dataset(figures, attrs=attrs).reset_coords("score")


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
        shares.append(_share(tree, name, sign * score).reshape(shape))
        scores.append(score)
    coords = {"search": posterior["search"], "score": (("search", "point"), np.stack(scores))}
    return xr.DataArray(
        np.stack(shares, axis=2), coords, ("chain", "draw", "search", "point"), name="share"
    )


def _share(tree: xr.DataTree, search: str, loss: np.ndarray) -> np.ndarray:
    """Return the probability of a score at least as good, shape (draw, point)."""
    draws = fitted_search(tree, search)
    replicates = trial_data(tree, search, "trial_replicates")
    seeds, counts = np.unique(replicates, return_counts=True)
    # A trial's score is the mean over its seeds, with less noise the more there are.
    shares = [-np.expm1(draws.log_worse(loss, m)) for m in seeds]
    return np.average(shares, axis=0, weights=counts)


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
