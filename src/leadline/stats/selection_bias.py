"""How lucky a measured score was: what it says of the expected score of its configuration.

Given its measured loss Y, the expected loss Q of a trial, the mean over seeds of its
configuration, has the density of the law times that of the noise, which is the integrand of the
partial moment J (`leadline.distributions.partial_moment`). Its mean is a ratio of two such
integrals, its distribution function too. That a trial was chosen because it measured best changes nothing
about it: trials are independent, so that all the choice looked at beyond Y says nothing of Q.
"""

import numpy as np

from leadline.distributions.array_functions import (
    NoisyQuadraticParams,
    expected_given_measured,
    log_chance_given_measured,
)
from leadline.stats.fitted_search import FittedSearch

# Cells of Q on a scale that bends the score; the error is below 1e-3 of the noise sd for noise of
# up to one unit of log or logit.
_CELLS = 48
_REACH = 8.0
_BLOCK = 256


def expected_loss(search: FittedSearch, loss: np.ndarray, seeds: float = 1.0) -> np.ndarray:
    """Return what trials that measured so would give on average if they were run again.

    Parameters
    ----------
    search : FittedSearch
        Some draws of a search.
    loss : ndarray, shape (draw, point)
        Measured losses on the scale of the search, past its threshold.
    seeds : float
        Number of seeds that each is the mean of.

    Returns
    -------
    ndarray, shape (draw, point)
        In score units.
    """
    if search.scale.name == "identity":
        return search.in_score_units(expected_given_measured(loss, _with_seeds(search, seeds)))
    result = np.empty_like(loss)
    for number, part in enumerate(search.blocks(_BLOCK)):
        rows = slice(number * _BLOCK, (number + 1) * _BLOCK)
        for point in range(loss.shape[1]):
            measured = loss[rows, point, None]
            result[rows, point] = _mean_over_cells(part, measured, _with_seeds(part, seeds))
    return result


def _mean_over_cells(
    search: FittedSearch, loss: np.ndarray, law: NoisyQuadraticParams
) -> np.ndarray:
    """Return the mean of the expected score over Q given Y, shape (draw,).

    By cells of Q: how the score bends with the scale has no closed form for the logit.
    """
    alpha, beta, _, sigma = law
    low = np.maximum(alpha, loss - _REACH * sigma)
    high = np.minimum(beta, np.maximum(loss, alpha) + _REACH * sigma)
    # Finer where the density of Q may be infinite, at α.
    place = np.linspace(0.0, 1.0, _CELLS + 1)[None, :] ** 2
    edges = low + (high - low) * place
    below = np.exp(log_chance_given_measured(np.broadcast_to(loss, edges.shape), edges, law))
    below[:, :1], below[:, -1:] = 0.0, 1.0
    centres = 0.5 * (edges[:, 1:] + edges[:, :-1])
    return (np.diff(below, axis=1) * search.expected_in_score_units(centres)).sum(axis=1)


def log_chance_expected_below(
    search: FittedSearch, loss: np.ndarray, limit: np.ndarray, seeds: float = 1.0
) -> np.ndarray:
    """Return log P(the expected loss is at most `limit`, given what was measured).

    Parameters
    ----------
    search : FittedSearch
        Some draws of a search.
    loss, limit : ndarray, shape (draw, point)
        Losses on the scale of the search.
    seeds : float
        Number of seeds that the measured loss is the mean of.
    """
    return log_chance_given_measured(loss, limit, _with_seeds(search, seeds))


def _with_seeds(search: FittedSearch, seeds: float) -> NoisyQuadraticParams:
    return search.alpha, search.beta, search.gamma, search.sigma / np.sqrt(seeds)
