"""The distribution of the best measured loss of k trials, per draw of a fit.

A random trial is beyond the threshold θ with probability F(θ), the tail fraction, and its loss
then follows the noisy quadratic F. The observed losses that are worse than θ stand in for the
rest of the distribution: each draw shares 1 − F(θ) among the trials not beyond θ, with failed or
pruned ones worse than any loss (`leadline.stats.observed_body`). With H the distribution function
of that mixture, the best of k trials has 1 − (1 − H)^k (Lourie, He and Cho 2025, arXiv 2510.02721).

In all functions `search` is one search of a fit and `budgets` the numbers of trials k, shape
(budget,). Results have shape (draw, budget) and are losses in score units.
"""

import numpy as np

from leadline.distributions.array_functions import log_survival, quantile
from leadline.stats.fitted_search import Array, FittedSearch
from leadline.stats.observed_body import (
    add_body_mean,
    body_quantile,
    plateau_mean,
    plateau_quantile,
    probability_beyond,
)

# The integrand of `measured_mean` is a step on its grid, steeper with larger k. Up to k = 1e5 the
# error is below 1e-5 of the distance from α to θ, for any noise from 1e-5 of that distance to
# twice it; half as many nodes: 4e-3.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
# The smallest panel holds this many trials of the largest budget.
_TRIALS_IN_PANEL = 1e-2


def measured_quantile(search: FittedSearch, budgets: Array, prob: float | Array) -> Array:
    """Return the quantile at `prob`, a number or shape (draw, 1), of the best measured loss.

    It is infinite where the best of k trials fails with probability 1 − `prob` or more.
    """
    if search.plateau:
        return plateau_quantile(search, budgets, prob)
    # One trial is this good with probability 1 − (1 − prob)^(1/k).
    log_worse = np.log1p(-prob) / budgets[None, :]
    level = -np.expm1(log_worse)
    beyond = level <= search.tail_fraction
    # Any valid probability where the result is not used.
    log_cdf = np.where(beyond, np.log(level), np.log(0.5))
    log_sf = np.where(beyond, log_worse, np.log(0.5))
    tail = search.in_score_units(quantile(log_cdf, log_sf, search.law))
    return np.where(beyond, tail, body_quantile(search, level))


def measured_mean(search: FittedSearch, budgets: Array) -> Array:
    """Return the mean of the best measured loss of k trials, given that one of them completes."""
    if search.plateau:
        return plateau_mean(search, budgets)
    # Losses from below any plausible best up to θ, evenly in asinh((y − α)/σ): in steps of a
    # fraction of σ around α, where noise smooths the density, and in growing steps further out,
    # where the density is a power.
    low = -np.arcsinh(_lowest_deviation(float(budgets.max())))
    # No loss is beyond the bound.
    least = np.arcsinh((search.on_scale(search.bound) - search.alpha) / search.sigma)
    low = np.maximum(low, least)
    high = np.arcsinh((search.threshold - search.alpha) / search.sigma)
    position = low + (high - low) * 0.5 * (_NODES + 1.0)
    loss = search.alpha + search.sigma * np.sinh(position)
    step = search.sigma * np.cosh(position) * (high - low) * search.score_units_per_unit(loss)
    log_worse = log_survival(loss, search.law)
    tail = search.in_score_units(search.threshold) * probability_beyond(search, budgets)
    # By parts: θ P(best ≤ θ) minus the integral of P(best ≤ y) up to θ.
    for number, budget in enumerate(budgets):
        tail[:, number] += 0.5 * (np.expm1(budget * log_worse) * step) @ _WEIGHTS
    return add_body_mean(search, budgets, tail)


def panel_edges(
    search: FittedSearch, depth: Array, largest_budget: float, below: int, above: int
) -> tuple[Array, Array]:
    """Return edges as distances from α: those of `below` panels under it, of `above` up to `depth`.

    `depth` has shape (draw, 1); the edges have (draw, below) and (draw, above + 1), in losses.
    """
    lowest = np.arcsinh(_lowest_deviation(largest_budget))
    left = -search.sigma * np.sinh(lowest * np.arange(below, 0, -1) / below)
    rare = (_TRIALS_IN_PANEL / largest_budget) ** (2.0 / search.gamma)
    smallest = np.maximum(search.sigma, (search.beta - search.alpha) * rare)
    right = smallest * np.sinh(np.arcsinh(depth / smallest) * np.arange(above + 1) / above)
    return left, right


def _lowest_deviation(budget: float) -> float:
    """Return the number of noise sds below α that bounds the best of `budget` trials.

    The probability k Φ(−z) that any of k trials is that far below is under 1e-9 for this z.
    """
    return float(np.sqrt(2.0 * np.log(budget)) + 6.0)
