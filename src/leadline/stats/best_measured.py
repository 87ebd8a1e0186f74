"""The distribution of the best measured loss of k trials, for every draw of a fit.

A random trial is past the threshold θ with probability F(θ), the tail fraction, and there its
loss follows the law F. Of the losses beyond θ the observed ones are all that is known: their
share of the remaining 1 − F(θ) is spread evenly over the trials that were not past θ, of which
those that failed (or were pruned) are worse than any loss. With H the distribution function of
that mixture the best of k trials has 1 − (1 − H)^k (Lourie, He and Cho 2025, arXiv 2510.02721).

The law is that of losses on the scale of the fit; what is returned is in score units.
"""

import numpy as np

from leadline.distributions.array_functions import log_survival, quantile
from leadline.stats.fitted_search import FittedSearch

# In the mapped loss of `below_threshold` the integrand is a step that gets steeper with k. Up to
# k = 1e5 the error is below 1e-5 of the distance from θ to α, for any noise from 1e-5 of that
# distance to twice it; half as many nodes: 4e-3.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def measured_quantile(
    search: FittedSearch, budgets: np.ndarray, prob: float | np.ndarray
) -> np.ndarray:
    """Return the loss that the best of k measured trials undercuts with probability `prob`.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    budgets : ndarray of float, shape (budget,)
        Numbers of trials, k.
    prob : float or ndarray of shape (draw, 1)
        In (0, 1).

    Returns
    -------
    ndarray, shape (draw, budget)
        Infinite where even the best of k trials fails with probability 1 − `prob` or more.
    """
    # One trial is this good with probability 1 − (1 − prob)^(1/k).
    log_worse = np.log1p(-prob) / budgets[None, :]
    level = -np.expm1(log_worse)
    past_threshold = level <= search.tail_fraction
    # The law only where it is asked for; elsewhere any valid probability.
    log_cdf = np.where(past_threshold, np.log(level), np.log(0.5))
    log_sf = np.where(past_threshold, log_worse, np.log(0.5))
    inside = quantile(log_cdf, log_sf, search.law)
    inside = search.in_score_units(inside)
    return np.where(past_threshold, inside, body_quantile(search, level))


def measured_mean(search: FittedSearch, budgets: np.ndarray) -> np.ndarray:
    """Return the mean of the best measured loss of k trials, given that one of them completes.

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
    loss, step = below_threshold(search, float(budgets.max()), 0.5 * (_NODES + 1.0))
    step = step * search.score_units_per_unit(loss)
    log_worse = log_survival(loss, search.law)
    inside = np.empty((len(loss), len(budgets)))
    for place, budget in enumerate(budgets):
        # By parts: θ P(best ≤ θ) minus the integral of P(best ≤ y) up to θ.
        better = -np.expm1(budget * log_worse)
        inside[:, place] = -0.5 * (better * step) @ _WEIGHTS
    threshold = search.in_score_units(search.threshold)
    inside += threshold * chance_past_threshold(search, budgets)
    return with_body(search, budgets, inside)


def below_threshold(
    search: FittedSearch, largest_budget: float, fraction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses up to the threshold, and how fast they grow with `fraction`.

    They run from where even the best of the largest budget never is (fraction 0) to the
    threshold (1), evenly in asinh((y − α)/σ): in steps of a fraction of σ around α, where noise
    smooths the law, and in steps that grow with the distance from α beyond, where it is a power.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    largest_budget : float
        Number of trials.
    fraction : ndarray, shape (point,)
        In [0, 1].

    Returns
    -------
    loss, step : ndarray, shape (draw, point)
    """
    low = -np.arcsinh(lowest_deviation(largest_budget))
    high = np.arcsinh((search.threshold - search.alpha) / search.sigma)
    place = low + (high - low) * fraction[None, :]
    loss = search.alpha + search.sigma * np.sinh(place)
    return loss, search.sigma * np.cosh(place) * (high - low)


def lowest_deviation(budget: float) -> float:
    """Return how many noise sds below α not even the best of `budget` trials is measured.

    All k are that far below with probability k Φ(−z) < 1e-9 for this z.
    """
    return float(np.sqrt(2.0 * np.log(budget)) + 6.0)


def chance_past_threshold(search: FittedSearch, budgets: np.ndarray) -> np.ndarray:
    """Return the probability that the best of k trials is past θ, shape (draw, budget)."""
    with np.errstate(divide="ignore"):
        return -np.expm1(budgets[None, :] * np.log1p(-search.tail_fraction))


def with_body(search: FittedSearch, budgets: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the mean from `inside`, the part of it that is past the threshold.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    budgets : ndarray of float, shape (budget,)
        Numbers of trials, k.
    inside : ndarray, shape (draw, budget)
        Mean of the loss in score units times whether it is past the threshold.
    """
    if search.n_outside == 0:
        return inside
    none_past = 1.0 - chance_past_threshold(search, budgets)
    # P(the best of k trials beyond θ is one of the last j) = (j / n_outside)^k.
    left = np.arange(search.n_outside, search.n_outside - len(search.body) - 1, -1)
    worse = (left / search.n_outside) ** budgets[:, None]
    body_mean = (worse[:, :-1] - worse[:, 1:]) @ search.body
    all_fail = none_past * worse[:, -1]
    return (inside + none_past * body_mean) / (1.0 - all_fail)


def body_quantile(search: FittedSearch, level: np.ndarray) -> np.ndarray:
    """Return the quantile of H at `level` > F(θ), which is an observed loss or infinite.

    Parameters
    ----------
    search : FittedSearch
        One search of a fit.
    level : ndarray, shape (1 or draw, budget)
        Probabilities; below F(θ) the result is meaningless.
    """
    losses = np.append(search.body, np.inf)
    share = (level - search.tail_fraction) / np.maximum(1.0 - search.tail_fraction, 1e-300)
    # Rounding must not push a share of exactly i/n to the next loss.
    rank = np.ceil(share * search.n_outside - 1e-9).astype(int) - 1
    return losses[np.clip(rank, 0, len(losses) - 1)]
