r"""The distribution of the expected loss of the trial that measures best among k.

The trial that looks best was lucky: its expected loss Q, the mean over seeds of its
configuration, is worse than its measured loss Y = Q + σ ε. Among k random trials

.. math::

    P(Q^* \le x) = \int k f(y) (1 - H(y))^{k-1} \, P(Q \le x \mid Y = y) \, dy ,

with f and H the density and distribution function of Y. The losses are cut into cells, on the
same edges for Q as for Y, that are small against both σ and the distance from α. Q is taken to be
uniform within its cell, with the probability that the law gives the cell; then P(Q ≤ x | Y in a
cell) is exact, and so is the chance that the best Y is in a cell. Without noise the result is
exact at the edges.

The law says nothing of expected losses beyond the threshold. Where the best trial is not past it,
its expected loss is taken to be what was measured: there a score is good because its
configuration is, not because of luck.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.special import ndtr

from leadline.distributions.array_functions import log_survival
from leadline.stats.best_measured import (
    body_quantile,
    chance_past_threshold,
    lowest_deviation,
    with_body,
)
from leadline.stats.fitted_search import FittedSearch

# Numbers of cells below α, from α to the threshold, and from there to where no trial that
# measures past the threshold comes from. The error of medians and means is at most 5e-3 of the
# distance from θ to α (k up to 1e5, noise from 1e-5 of that distance to twice it), usually 1e-3.
_CELLS = (32, 48, 8)
_REACH = 6.0
# Fewer trials than this are that good in a search.
_HARDLY = 1e-2
_SQRT_2PI = np.sqrt(2.0 * np.pi)
# Draws at a time, so that the arrays of a block stay in the processor's cache.
_BLOCK = 64


def expected_quantile(search: FittedSearch, budgets: np.ndarray, prob: float) -> np.ndarray:
    """Return the loss that the expected loss of the best trial undercuts with `prob`.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    budgets : ndarray of float, shape (budget,)
        Numbers of trials, k.
    prob : float
        In (0, 1).

    Returns
    -------
    ndarray, shape (draw, budget)
    """
    log_worse = np.log1p(-prob) / budgets
    wanted = -np.expm1(log_worse)[None, :]
    inside = _in_blocks(search, lambda part: _inside(part, budgets, wanted))
    inside = search.expected_in_score_units(np.minimum(inside, search.threshold))
    past = prob <= chance_past_threshold(search, budgets)
    return np.where(past, inside, body_quantile(search, wanted))


def expected_mean(search: FittedSearch, budgets: np.ndarray) -> np.ndarray:
    """Return the mean expected loss of the best trial, given that one of k completes.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    budgets : ndarray of float, shape (budget,)
        Numbers of trials, k.

    Returns
    -------
    ndarray, shape (draw, budget)
    """

    def mean(part: FittedSearch) -> np.ndarray:
        edges, _, cumulative = _cumulative(part, budgets)
        centres = part.expected_in_score_units(_centres(part, edges))
        return np.einsum("dkx,dx->dk", np.diff(cumulative, axis=-1), centres)

    return with_body(search, budgets, _in_blocks(search, mean))


def _in_blocks(search: FittedSearch, answer: Callable[[FittedSearch], np.ndarray]) -> np.ndarray:
    """Return an answer for all draws, made for a block of them on each core at a time."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(answer, search.blocks(_BLOCK))))


def _inside(search: FittedSearch, budgets: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the quantiles where the best is past the threshold, shape (draw, budget).

    Parameters
    ----------
    search : FittedSearch
        Some draws of a search.
    budgets : ndarray of float, shape (budget,)
        Numbers of trials, k.
    wanted : ndarray, shape (1, budget)
        The quantiles, as the probability for one trial that gives them for the best of k.
    """
    _, reached, cumulative = _cumulative(search, budgets)
    # In this scale the cumulative is nearly linear in `reached`, and without noise equal to it.
    with np.errstate(divide="ignore"):
        level = -np.expm1(np.log1p(-np.minimum(cumulative, 1.0)) / budgets[None, :, None])
    right = np.clip((level < wanted[..., None]).sum(axis=-1), 1, level.shape[-1] - 1)
    draw = np.arange(len(level))[:, None]
    budget = np.arange(len(budgets))[None, :]
    low, high = level[draw, budget, right - 1], level[draw, budget, right]
    share = np.clip((wanted - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    u = reached[draw, right - 1] * (1.0 - share) + reached[draw, right] * share
    return search.alpha + (search.beta - search.alpha) * u ** (2.0 / search.gamma)


def _cumulative(
    search: FittedSearch, budgets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how likely the best trial is past the threshold with an expected loss below an edge.

    Returns
    -------
    edges : ndarray, shape (draw, edge)
        Expected losses, from α on.
    reached : ndarray, shape (draw, edge)
        Probability that the expected loss of a random trial is below the edge.
    cumulative : ndarray, shape (draw, budget, edge)
    """
    measured, expected = _edges(search, float(budgets.max()))
    distance = (expected - search.alpha) / (search.beta - search.alpha)
    reached = np.clip(distance, 0.0, 1.0) ** (0.5 * search.gamma)
    log_worse = log_survival(measured, search.law)
    # Nothing is below the first edge.
    log_worse[:, 0] = 0.0
    worse = np.exp(budgets[None, :, None] * log_worse[:, None, :])
    given_cell = _given_measured(measured, expected, reached, search.sigma)
    return expected, reached, (worse[..., :-1] - worse[..., 1:]) @ given_cell


def _edges(search: FittedSearch, largest_budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of the cells of Y and of Q, shape (draw, edge); those past α are shared."""
    below, above, outside = _CELLS
    spread, gap = search.beta - search.alpha, search.threshold - search.alpha
    depth = np.arcsinh(lowest_deviation(largest_budget))
    left = -search.sigma * np.sinh(depth * np.arange(below, 0, -1) / below)
    # Cells grow from the larger of the noise and what even the largest budget hardly reaches.
    smallest = np.maximum(search.sigma, spread * (_HARDLY / largest_budget) ** (2.0 / search.gamma))
    right = smallest * np.sinh(np.arcsinh(gap / smallest) * np.arange(above + 1) / above)
    # Of zero width where the law ends at the threshold; widened, for a division.
    top = np.minimum(spread, gap + _REACH * search.sigma)
    top = np.maximum(top, gap * (1.0 + 1e-6))
    far = gap + (top - gap) * np.arange(1, outside + 1) / outside
    measured = np.concatenate([left, right], axis=1)
    expected = np.concatenate([right, far], axis=1)
    return search.alpha + measured, search.alpha + expected


def _given_measured(
    measured: np.ndarray, expected: np.ndarray, reached: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Return P(Q ≤ edge | Y in a cell), shape (draw, cell of Y, edge of Q)."""
    z = (measured[:, :, None] - expected[:, None, :]) / sigma[:, :, None]
    # The integral of Φ; its second difference is the chance of Y in a cell from Q in a cell.
    integral = z * ndtr(z) + np.exp(-0.5 * z * z) / _SQRT_2PI
    joint = np.diff(-np.diff(integral, axis=1), axis=2)
    joint *= (np.diff(reached, axis=1) * sigma / np.diff(expected, axis=1))[:, None, :]
    cumulative = np.zeros_like(z[:, 1:])
    np.cumsum(np.maximum(joint, 0.0), axis=2, out=cumulative[:, :, 1:])
    return cumulative / np.maximum(cumulative[:, :, -1:], 1e-300)


def _centres(search: FittedSearch, edges: np.ndarray) -> np.ndarray:
    """Return the mean of Q in each of its cells, shape (draw, cell)."""
    k = 0.5 * search.gamma
    distance = np.minimum(edges, search.beta) - search.alpha
    far = distance[:, 1:]
    ratio = distance[:, :-1] / far
    whole, part = -np.expm1((k + 1.0) * _log(ratio)), -np.expm1(k * _log(ratio))
    wide = part > 1e-6
    mean = far * k / (k + 1.0) * whole / np.where(wide, part, 1.0)
    return search.alpha + np.where(wide, mean, 0.5 * (far + distance[:, :-1]))


def _log(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(x)
