r"""The distribution of the expected loss of the trial that measures best among k.

The trial that measures best was lucky: its expected loss Q, the mean over seeds of its
configuration, is worse than its measured loss Y = Q + σ ε. Among k random trials

.. math::

    P(Q^* \le x) = \int k f(y) (1 - H(y))^{k-1} \, P(Q \le x \mid Y = y) \, dy ,

with f and H the density and distribution function of Y. The losses are cut into panels, with the
same edges for Q as for Y, that are small against both σ and the distance from α. Q is taken as
uniform within its panel, with the probability of the panel; then P(Q ≤ x | Y in a panel) and the
probability of the best Y in a panel are exact. Without noise the result is exact at the edges.

Expected losses are not modelled for trials that measure worse than the threshold. The expected
loss of such a trial is taken to be its measured loss: scores there differ by their configurations
more than by luck. A trial that measures beyond the threshold may be worse than it in truth, and
with much noise the optimum is: there both kinds of trials count.

Arguments and results are those of `leadline.stats.best_measured`.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from leadline.distributions.array_functions import log_survival
from leadline.stats.best_expected_loop import best_cumulative
from leadline.stats.best_measured import panel_edges
from leadline.stats.fitted_search import Array, FittedSearch
from leadline.stats.observed_body import (
    add_body_mean,
    body_quantile,
    body_share,
    plateau_mean,
    plateau_quantile,
    probability_beyond,
)

# Numbers of panels below α, from α to the threshold, and from there to the worst expected loss of
# trials that measure beyond the threshold, which is this many noise sds away. The error of medians
# and means is at most 5e-3 of the distance from α to θ (k up to 1e5, noise from 1e-5 of that
# distance to twice it), usually 1e-3.
_PANELS = (32, 48, 8)
_WORST_DEVIATION = 6.0
# Draws per block: the arrays of a block stay in the processor's cache.
_BLOCK = 64


def expected_quantile(search: FittedSearch, budgets: Array, prob: float) -> Array:
    """Return the quantile at `prob` of the expected loss of the trial that measures best."""
    if search.plateau:
        return plateau_quantile(search, budgets, prob)
    _, edges = _edges(search, float(budgets.max()))
    share = body_share(search, search.expected_in_score_units(edges))
    # Trials that measure worse than the threshold are no better than that in truth.
    share = np.where(edges > search.threshold, share, search.tail_fraction)
    found = _in_blocks(
        search, lambda own, beyond: _tail_quantile(own, beyond, budgets, prob), share
    )
    tail, before = np.moveaxis(found, -1, 0)
    # Between two edges, the observed loss at which the best has the rest of `prob`.
    worse = 1.0 - prob - (probability_beyond(search, budgets) - before)
    body = body_quantile(search, 1.0 - np.maximum(worse, 0.0) ** (1.0 / budgets))
    return np.fmin(search.expected_in_score_units(tail), body)


def expected_mean(search: FittedSearch, budgets: Array) -> Array:
    """Return the mean expected loss of the trial that measures best, given that one completes."""
    if search.plateau:
        return plateau_mean(search, budgets)

    def mean(block: FittedSearch) -> Array:
        edges, _, cumulative = _cumulative(block, budgets)
        centres = block.expected_in_score_units(_panel_means(block, edges))
        return np.einsum("dkx,dx->dk", np.diff(cumulative, axis=-1), centres)

    return add_body_mean(search, budgets, _in_blocks(search, mean))


def _in_blocks(search: FittedSearch, answer: Callable[..., Array], *arrays: Array) -> Array:
    """Return an answer for all draws, computed for a block of them per core at a time.

    It takes the search and the arrays (draw, ...), all at the draws of the block.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(search.alpha), _BLOCK)]
    own = [[array[block] for block in blocks] for array in arrays]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(answer, map(search.isel, blocks), *own)))


def _tail_quantile(search: FittedSearch, share: Array, budgets: Array, prob: float) -> Array:
    """Return quantiles of those that measure beyond the threshold, nan beyond the last edge.

    They are losses on the scale. `share` (draw, edge) is the probability that one trial measures
    beyond the threshold, or else at most the edge: up to the edge before the quantile, other trials
    count too. The second number along the last axis is the probability that the best measures
    beyond the threshold and is better than that edge in truth.
    """
    _, reached, cumulative = _cumulative(search, budgets)
    with np.errstate(divide="ignore"):
        log_outside, log_worse = (
            budgets[:, None] * np.log1p(-np.minimum(own, 1.0))[:, None]
            for own in (search.tail_fraction, share)
        )
    others = np.exp(log_outside) - np.exp(log_worse)
    right = ((cumulative + others) < prob).sum(axis=-1)
    found = right < cumulative.shape[-1]
    right = np.clip(right, 1, cumulative.shape[-1] - 1)
    draw, budget = np.ogrid[: len(cumulative), : len(budgets)]
    before, after = (cumulative[draw, budget, end] for end in (right - 1, right))
    wanted = prob - others[draw, budget, right - 1]

    # On this scale the cumulative is nearly linear in `reached`, and without noise equal to it.
    with np.errstate(divide="ignore"):
        low, high, level = (
            -np.expm1(np.log1p(-np.clip(chance, 0.0, 1.0)) / budgets)
            for chance in (before, after, wanted)
        )
    weight = np.clip((level - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    u = reached[draw, right - 1] * (1.0 - weight) + reached[draw, right] * weight
    loss = search.alpha + (search.beta - search.alpha) * u ** (2.0 / search.gamma)
    beyond = probability_beyond(search, budgets)
    return np.stack([np.where(found, loss, np.nan), np.where(found, before, beyond)], axis=-1)


def _cumulative(search: FittedSearch, budgets: Array) -> tuple[Array, Array, Array]:
    """Return edges of Q, and P(Q is below an edge) for a random trial and the best one.

    Shapes (draw, edge), (draw, edge) and (draw, budget, edge). The last is the joint probability
    that the best trial measures beyond the threshold and its expected loss is below the edge.
    """
    measured, expected = _edges(search, float(budgets.max()))
    distance = (expected - search.alpha) / (search.beta - search.alpha)
    reached = np.clip(distance, 0.0, 1.0) ** (0.5 * search.gamma)
    log_worse = log_survival(measured, search.law)
    # No loss is below the first edge.
    log_worse[:, 0] = 0.0
    worse = np.exp(budgets[None, :, None] * log_worse[:, None, :])
    density = np.diff(reached, axis=1) / np.diff(expected, axis=1)
    chance = worse[..., :-1] - worse[..., 1:]
    return expected, reached, best_cumulative(measured, expected, density, search.sigma, chance)


def _edges(search: FittedSearch, largest_budget: float) -> tuple[Array, Array]:
    """Return the edges of the panels of Y and of Q, (draw, edge); equal from α to θ, if beyond."""
    below, above, outside = _PANELS
    depth = search.threshold - search.alpha
    # With much noise the optimum is near the threshold, or even worse.
    inner = np.maximum(depth, search.sigma)
    left, right = panel_edges(search, inner, largest_budget, below, above)
    # Without the second bound the outer panels have no width to divide by where β is at θ.
    top = np.minimum(search.beta - search.alpha, depth + _WORST_DEVIATION * search.sigma)
    top = np.maximum(top, inner * (1.0 + 1e-6))
    far = inner + (top - inner) * np.arange(1, outside + 1) / outside
    measured = np.minimum(np.concatenate([left, right], axis=1), depth)
    expected = np.concatenate([right, far], axis=1)
    return search.alpha + measured, search.alpha + expected


def _panel_means(search: FittedSearch, edges: Array) -> Array:
    """Return the mean of Q in each of its panels, shape (draw, panel)."""
    k = 0.5 * search.gamma
    distance = np.minimum(edges, search.beta) - search.alpha
    near, far = distance[:, :-1], distance[:, 1:]
    with np.errstate(divide="ignore"):
        log_ratio = np.log(near / far)
    moment, probability = -np.expm1((k + 1.0) * log_ratio), -np.expm1(k * log_ratio)
    # Both vanish in narrow panels, where the mean is the middle.
    wide = probability > 1e-6
    mean = far * k / (k + 1.0) * moment / np.where(wide, probability, 1.0)
    return search.alpha + np.where(wide, mean, 0.5 * (near + far))
