"""The expected loss of a trial, given its measured loss: the correction for selection bias.

Given its measured loss Y, the expected loss Q of a trial, the mean over seeds of its
configuration, has a density proportional to that of Q times that of the noise. Choosing the trial
because it measured best does not change it: trials are independent, so the other trials carry no
information on Q beyond Y.
"""

import numpy as np

from leadline.stats.fitted_search import Array, FittedSearch

# Panels of Q and their reach in noise sds. Distribution functions are exact to 0.003.
_PANELS = 64
_REACH = 6.0
# Pairs of draw and point in memory at a time.
_BLOCK = 4096


def draw_expected_loss(
    search: FittedSearch, loss: Array, level: Array, seeds: float = 1.0
) -> Array:
    """Return the expected losses of trials, in score units, drawn given their measured losses.

    `loss` (draw, point) are measured losses on the scale of the search, beyond its threshold, each
    the mean over `seeds` seeds; nan where no draw is needed. `level` (draw, 1) are uniform random
    numbers: the result is the quantile of Q given Y at that level.
    """
    drawn, level = np.full_like(loss, np.nan), np.broadcast_to(level, loss.shape)
    needed = np.flatnonzero(~np.isnan(loss))
    for start in range(0, len(needed), _BLOCK):
        pairs = needed[start : start + _BLOCK]
        block = search.isel(pairs // loss.shape[1])
        own, chance = (values.flat[pairs][:, None] for values in (loss, level))
        drawn.flat[pairs] = _quantile(block, own, chance, seeds)
    return search.expected_in_score_units(drawn)


def _quantile(search: FittedSearch, loss: Array, level: Array, seeds: float) -> Array:
    """Return the quantile at `level` of Q given Y, shape (pair,); both arguments are (pair, 1)."""
    from scipy.special import ndtr

    alpha, beta, gamma, sigma = search.law_of_mean(seeds)
    low = np.maximum(alpha, loss - _REACH * sigma)
    high = np.minimum(beta, np.maximum(loss, alpha) + _REACH * sigma)
    # Narrower near α, where the density of Q may be infinite.
    edges = low + (high - low) * np.linspace(0.0, 1.0, _PANELS + 1)[None, :] ** 2
    reached = (edges - alpha) ** (0.5 * gamma)
    # The probabilities of a panel are exact. Within it, the noise is taken as uniform.
    of_noise = -np.diff(ndtr((loss - edges) / sigma), axis=1)
    weight = np.diff(reached, axis=1) * of_noise / np.maximum(np.diff(edges, axis=1), 1e-300)
    cumulative = np.zeros_like(edges)
    np.cumsum(weight, axis=1, out=cumulative[:, 1:])
    cumulative /= np.maximum(cumulative[:, -1:], 1e-300)
    right = np.clip((cumulative < level).sum(axis=1), 1, _PANELS)[:, None]
    below, above = (np.take_along_axis(cumulative, right + side, axis=1) for side in (-1, 0))
    near, far = (np.take_along_axis(reached, right + side, axis=1) for side in (-1, 0))
    share = np.clip((level - below) / np.maximum(above - below, 1e-300), 0.0, 1.0)
    return (alpha + (near + share * (far - near)) ** (2.0 / gamma))[:, 0]
