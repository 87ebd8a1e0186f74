"""`forecast`: the improvement that further trials would bring, per draw of a fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.stats.best_measured import measured_quantile
from leadline.stats.best_seen import best_seen_expected, expected_best_loss, probability_of_gain
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import (
    Array,
    FittedSearch,
    best_seen,
    best_trial,
    direction_sign,
    map_searches,
    search_names,
    trial_data,
    validate_tree,
)
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.leaning import far_beyond
from leadline.stats.options import validate_amount, validate_budgets
from leadline.stats.selection_bias import draw_expected_loss
from leadline.stats.surface_forecast import surface_forecast
from leadline.stats.surface_tree import is_surface

# Fixed, so that one fit always gives the same predictive draws.
_SEED = 20251002


def forecast(
    tree: xr.DataTree,
    trials: int | Sequence[int] | npt.NDArray[np.int64],
    *,
    minimum_gain: float | None = None,
) -> xr.Dataset:
    """Return the improvement over the best seen that the next m random trials would bring.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    trials : int or array_like of int
        Numbers of further trials m, at least 1, each evaluated once. Failed trials count.
    minimum_gain : float, optional
        Largest gain, in score units, that is not worth having; 0 for any gain. Default: that of the
        noise of one run, and any in `p_gain`.

    Returns
    -------
    Dataset
        Gains are positive where the score improves, whatever its direction.

        - `best` (chain, draw, search, trials): predictive draws of the best measured score of
          the m trials; infinite where all of them fail (-inf when maximising);
        - `gain`: the improvement of `best` over the best seen, else 0;
        - `expected_gain`: the same for expected scores, the averages over many re-runs of both
          trials, so that the luck of a best measurement (winner's curse) does not count. A new
          trial is kept, and so counts, where it measures better than the best seen; where that
          was luck, the gain is negative, as is its mean where single runs displace a best trial of
          many, and may be that of a surface;
        - `p_gain` (search, trials): P(`gain` > `minimum_gain`), from the noisy quadratic itself;
        - `p_worthwhile` (search, trials): P(`expected_gain` > `minimum_gain`); without a
          `minimum_gain`, that it is above the noise sd of one run, `noise_sd` (search), the
          posterior mean: less cannot be seen;
        - `gain_mean`, `expected_gain_mean` (search, trials): their means; the latter, of a surface,
          without the error of few draws;
        - `cost` (search, trials): the cost of m trials of one evaluation each, at the mean cost per
          evaluation so far; nan where costs are unknown;
        - `gain_per_cost`: `expected_gain_mean` over `cost`, per hour if the cost is in hours;
        - `best_seen`, `best_seen_expected` (search): the measured score of that trial, and the
          posterior mean of its expected score.

        ``attrs`` hold `minimum_gain` if it was given, `metric`, `direction`, the `cost_unit`,
        `problems` of sampling: if there are any, do not rely on these numbers; and in `far_beyond`
        a clause if the largest m is more than 2.5 times the trials of a search.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    ``P(best of m ≤ y) = 1 − (1 − F(y))^m`` with the noisy quadratic F of arXiv 2510.02721, for
    every draw. The same uniform number gives the best of all m of a draw, so that it improves
    with m. Forecasts are on the grid of the recorded scores (`resolution`).

    A surface forecasts up to 1,000 further trials at random, off the grid. A sampler that learns
    lies between them and the headroom of `leadline.summary`.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> found = ll.forecast(fit, [10, 100])
    >>> found["p_gain"].dims, found["best"].dims
    (('search', 'trials'), ('chain', 'draw', 'search', 'trials'))
    >>> bool((found["p_gain"].sel(trials=100) > found["p_gain"].sel(trials=10)).all())
    True
    """
    validate_tree(tree, surface=True)
    sizes = validate_budgets(trials, "trials")
    if minimum_gain is not None:
        minimum_gain = validate_amount(minimum_gain, "minimum_gain")
    names = search_names(tree)
    m: dict[str, Any] = {"trials": np.asarray(trials).reshape(-1)}
    if is_surface(tree):
        figures = _by_surface(tree, sizes, minimum_gain or 0.0, m)
        p_gain, again = figures["p_gain"], tree["posterior"].dataset["best_seen_expected"]
    else:
        figures = _by_law(tree, sizes, m)
        p_gain = probability_of_gain(tree, figures["trials"], minimum_gain or 0.0)
        again = best_seen_expected(tree)
    sign, seen = direction_sign(tree), best_seen(tree)
    result = figures[["best"]].assign_attrs(
        metric=tree.attrs.get("metric", "score"),
        direction=tree.attrs["direction"],
        problems=", ".join(convergence(tree).problems),
        cost_unit=str(tree.attrs.get("cost_unit", "")),
        far_beyond=far_beyond(tree, float(sizes.max())),
    )
    if minimum_gain is not None:
        # A file holds no None.
        result.attrs["minimum_gain"] = minimum_gain
    result["gain"] = (sign * (seen - result["best"])).clip(min=0.0).transpose(*result["best"].dims)
    result["expected_gain"] = figures["expected_gain"]
    result["p_gain"] = p_gain
    noise = tree["posterior"].dataset["noise_sd"]
    worth = result["expected_gain"] > worthwhile(tree, minimum_gain)
    result["p_worthwhile"] = worth.mean(SAMPLE_DIMS).transpose("search", "trials")
    result["noise_sd"] = noise.mean(SAMPLE_DIMS)
    result["gain_mean"] = result["gain"].mean(SAMPLE_DIMS)
    mean = result["expected_gain"].mean(SAMPLE_DIMS)
    # By the law, a trial of as many runs that measures better is no worse on average: less is the
    # error of few draws. A surface has its mean without that, and may take the best trial for
    # better than what measures better.
    single = seen.copy(data=[best_trial(tree, name)[1] == 1 for name in names])
    mean = xr.where(single, mean.clip(min=0.0), mean, keep_attrs=True)
    result["expected_gain_mean"] = figures.get("expected_gain_mean", mean)
    per_trial = seen.copy(data=[_mean_cost(tree, name) for name in names])
    result["cost"] = per_trial * result["trials"]
    result["gain_per_cost"] = result["expected_gain_mean"] / result["cost"]
    result["best_seen"] = seen
    result["best_seen_expected"] = again.mean(SAMPLE_DIMS)
    return result


def worthwhile(tree: xr.DataTree, minimum_gain: float | None) -> xr.DataArray | float:
    """Return the gain of an expected score that a further one must exceed to be worth having.

    It is `minimum_gain`; without one, the noise sd of one run (chain, draw, search): a smaller gain
    does not show.
    """
    return tree["posterior"].dataset["noise_sd"] if minimum_gain is None else minimum_gain


def _by_surface(
    tree: xr.DataTree, sizes: Array, minimum_gain: float, m: dict[str, Any]
) -> xr.Dataset:
    """Return `best`, `expected_gain`, its mean and `p_gain` of a surface."""
    posterior, seen = tree["posterior"].dataset, best_seen(tree)
    names = search_names(tree)
    found = [
        surface_forecast(tree, name, sizes, float(seen.sel(search=name)), minimum_gain)
        for name in names
    ]
    shared = {name: posterior[name] for name in ("chain", "draw", "search", "task", "model")}
    dims = ("chain", "draw", "search", "trials")
    return xr.Dataset(
        {
            name: (dims, np.stack([own[name] for own in found], axis=2))
            for name in ("best", "expected_gain")
        }
        | {
            name: (("search", "trials"), np.stack([own[name] for own in found]))
            for name in ("p_gain", "expected_gain_mean")
        },
        shared | m,
    )


def _by_law(tree: xr.DataTree, sizes: Array, m: dict[str, Any]) -> xr.Dataset:
    """Return `best` and `expected_gain` of the quadratic law."""
    names = search_names(tree)

    def predict(search: FittedSearch) -> Array:
        rng = np.random.default_rng([_SEED, names.index(search.name)])
        draws = len(search.alpha)
        # Stratified, one number per equal part of (0, 1), for a smaller Monte Carlo error.
        of_best, of_expected = (
            ((rng.permutation(draws) + rng.random(draws)) / draws)[:, None] for _ in range(2)
        )
        return _best_and_expected_gain(search, sizes, of_best, of_expected)

    figures = map_searches(tree, predict, m | {"figure": ["best", "expected_gain"]})
    return xr.Dataset(
        {
            "best": direction_sign(tree) * figures.sel(figure="best", drop=True),
            "expected_gain": figures.sel(figure="expected_gain", drop=True),
        }
    )


def _best_and_expected_gain(
    search: FittedSearch, sizes: Array, of_best: Array, of_expected: Array
) -> Array:
    """Return the best recorded loss and the expected gain, shape (draw, trials, 2).

    `of_best` and `of_expected` are uniform numbers (draw, 1): the quantiles of the best measured
    loss, and of its expected loss given that.
    """
    best = measured_quantile(search, sizes, of_best)
    if search.plateau:
        return np.stack([best, np.zeros_like(best)], axis=-1)
    grid, seen = search.resolution, search.best_loss
    recorded = seen - np.round((seen - best) / grid) * grid if grid else best
    recorded = np.maximum(recorded, search.bound)
    # Expected losses are drawn where there is a gain alone, which takes most of the time.
    measured = search.on_scale(np.where(best < seen, best, np.nan))
    gain = expected_best_loss(search) - draw_expected_loss(search, measured, of_expected)
    expected_gain = np.where(best < seen, gain, 0.0)
    return np.stack([recorded, expected_gain], axis=-1)


def _mean_cost(tree: xr.DataTree, search: str) -> float:
    """Return the mean cost per evaluation of a search, nan where costs are unknown."""
    if "trial_cost" not in tree["constant_data"].data_vars:
        return np.nan
    cost = trial_data(tree, search, "trial_cost").astype(float)
    known = np.isfinite(cost)
    seeds = trial_data(tree, search, "trial_replicates")[known]
    return float(cost[known].sum() / np.maximum(seeds, 1).sum()) if known.any() else np.nan
