"""The expected loss of a trial, given its measured loss: the correction for selection bias.

Given its measured loss Y, the expected loss Q of a trial, the mean over seeds of its
configuration, has a density proportional to that of Q times that of the noise. Its mean and
distribution function are ratios of partial moments of the normal distribution. Choosing the trial
because it measured best does not change them: trials are independent, so the other trials carry
no information on Q beyond Y.
"""

import numpy as np

from leadline.distributions.array_functions import (
    expected_given_measured,
    log_chance_given_measured,
)
from leadline.stats.fitted_search import Array, FittedSearch

# Panels of Q on the log and logit scales, and their reach in noise sds; the error is below 1e-3
# of the noise sd for noise of up to one unit of log or logit.
_PANELS = 48
_REACH = 8.0
_BLOCK = 256


def expected_loss(search: FittedSearch, loss: Array, seeds: float = 1.0) -> Array:
    """Return the expected losses in score units of trials, given their measured losses.

    Parameters
    ----------
    search : FittedSearch
        Some draws of a search.
    loss : ndarray, shape (draw, point)
        Measured losses on the scale of the search, beyond its threshold.
    seeds : float
        Number of seeds whose mean each measured loss is.
    """
    result = np.empty_like(loss)
    linear = search.scale == "identity"
    if linear.any():
        law = search.isel(linear).law_of_mean(seeds)
        result[linear] = expected_given_measured(loss[linear], law)
    # By pairs of draw and point, a block at a time for the sake of memory.
    rest = np.flatnonzero(np.broadcast_to(~linear[:, None], loss.shape))
    for start in range(0, len(rest), _BLOCK):
        pairs = rest[start : start + _BLOCK]
        block = search.isel(pairs // loss.shape[1])
        result.flat[pairs] = _mean_over_panels(block, loss.flat[pairs][:, None], seeds)
    return result


def _mean_over_panels(search: FittedSearch, loss: Array, seeds: float) -> Array:
    """Return the mean of the expected score over Q given Y, shape (draw,).

    Summed over panels of Q, as the mean on the logit scale has no closed form.
    """
    alpha, beta, _, sigma = law = search.law_of_mean(seeds)
    low = np.maximum(alpha, loss - _REACH * sigma)
    high = np.minimum(beta, np.maximum(loss, alpha) + _REACH * sigma)
    # Narrower near α, where the density of Q may be infinite.
    edges = low + (high - low) * np.linspace(0.0, 1.0, _PANELS + 1)[None, :] ** 2
    below = np.exp(log_chance_given_measured(np.broadcast_to(loss, edges.shape), edges, law))
    below[:, :1], below[:, -1:] = 0.0, 1.0
    centres = 0.5 * (edges[:, 1:] + edges[:, :-1])
    return (np.diff(below, axis=1) * search.expected_in_score_units(centres)).sum(axis=1)
