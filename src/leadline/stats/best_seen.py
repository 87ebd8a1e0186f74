"""The trial that measured best: draws of its expected score, and the probability of a better one.

Both follow from the noisy quadratic of each draw, which takes seconds to load and compile.
`leadline.fit` therefore records them in the group `best_seen` of the tree. They are computed for
fits that were stored before the group existed.
"""

import dataclasses
import zlib

import numpy as np
import xarray as xr

from leadline.stats.fitted_search import Array, FittedSearch, direction_sign, map_searches
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.selection_bias import draw_expected_loss

GROUP = "best_seen"

# Fixed, so that one fit, saved or not, has the same draws in all of its answers.
_SEED = 20251129
_GOLDEN_RATIO = 0.5 * (5.0**0.5 - 1.0)


def best_seen_group(tree: xr.DataTree) -> xr.Dataset:
    """Return the group `best_seen` of a fit, dims (chain, draw, search).

    `expected_score` is a draw of the expected score of the trial that measured best, and
    `log_p_no_gain` the log-probability that one further trial does not measure better.
    """
    return xr.Dataset(
        {
            "expected_score": direction_sign(tree) * map_searches(tree, expected_best_loss),
            "log_p_no_gain": map_searches(tree, lambda search: _log_no_gain(search, 0.0)),
        }
    )


def best_seen_expected(tree: xr.DataTree) -> xr.DataArray:
    """Return draws of the expected score of the best seen, dims (chain, draw, search)."""
    if GROUP in tree.children:
        return tree[GROUP].dataset["expected_score"]
    return direction_sign(tree) * map_searches(tree, expected_best_loss)


def expected_best_loss(search: FittedSearch) -> Array:
    """Return draws of the expected loss of the best seen, in score units, shape (draw, 1).

    The law of a draw leaves it uncertain: each draw of the posterior has one draw of it.
    """
    if search.plateau:
        return np.full_like(search.alpha, search.best_loss)
    on_scale = search.on_scale(search.best_loss)
    if search.guided_best:
        # No random draw: its expected loss has the density of guided trials.
        search = dataclasses.replace(
            search,
            alpha=search.guided_alpha,
            beta=search.guided_beta,
            gamma=search.guided_gamma,
        )
    return draw_expected_loss(search, on_scale, _levels(search), search.best_seeds)


def _levels(search: FittedSearch) -> Array:
    """Return one number in (0, 1) per draw, evenly spread in each chain, shape (draw, 1).

    They are multiples of the golden ratio from a random start. Numbers belong to a draw by its
    labels: some draws of a fit have the ones that they have among all.
    """
    chains, place = np.unique(search.chain, return_inverse=True)
    start = [
        np.random.default_rng([_SEED, zlib.crc32(search.name.encode()), int(chain)]).random()
        for chain in chains
    ]
    return ((np.array(start)[place] + search.draw * _GOLDEN_RATIO) % 1.0)[:, None]


def probability_of_gain(
    tree: xr.DataTree, trials: int | xr.DataArray, minimum_gain: float = 0.0
) -> xr.DataArray:
    """Return P(the best of m further trials gains more than `minimum_gain`), dims (search, ...).

    The gain is in score units; numbers m in a DataArray add its dims.
    """
    if GROUP in tree.children and minimum_gain == 0:
        log_worse = tree[GROUP].dataset["log_p_no_gain"]
    else:
        log_worse = map_searches(tree, lambda search: _log_no_gain(search, minimum_gain))
    chance = -xr.ufuncs.expm1(trials * log_worse).mean(SAMPLE_DIMS).transpose("search", ...)
    # Without −0.
    return chance + 0.0


def _log_no_gain(search: FittedSearch, minimum_gain: float) -> Array:
    """Return log P(one trial gains at most `minimum_gain`), shape (draw, 1)."""
    if search.plateau:
        return np.zeros_like(search.alpha)
    grid = search.resolution
    if grid:
        # Recorded losses fall on the grid: the next larger gain, less half a step.
        minimum_gain = (np.floor(minimum_gain / grid + 1e-9) + 0.5) * grid
    return search.log_worse(search.best_loss - minimum_gain)
