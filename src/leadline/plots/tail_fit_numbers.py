"""`tail_fit_numbers`: the numbers behind `plot_tail_fit`."""

import functools
from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from leadline.distributions.array_functions import log_survival
from leadline.stats.fitted_search import (
    FittedSearch,
    by_part,
    completed_losses,
    direction_sign,
    search_names,
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
