"""The inner loop of `leadline.stats.best_expected`, compiled by numba.

It takes a quarter of the time of arrays of all pairs of panels, half of which are too far apart to
count.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# G(−z) over the normal density, for z in cells of this width: its values and slopes at both ends
# give it to 1e-10 by a cubic. G(z), the integral of Φ, is z plus the same beyond 0.
_CELL, _END = 1.0 / 64.0, 40.0
# In noise sds. Farther apart, G is 0 or z to the last digit, or so small in the sum of its row.
_FAR = 8.5


def best_cumulative(
    measured: Array, expected: Array, density: Array, sigma: Array, chance: Array
) -> Array:
    """Return P(the best Y is in a panel and its Q ≤ edge), shape (draw, budget, edge of Q).

    `measured` and `expected` (draw, edge) are the edges of the panels of Y and of Q, `density`
    (draw, panel of Q) is the probability of a panel over its width, and `chance` (draw, budget,
    panel of Y) the probability that the best Y is in a panel. `sigma` has shape (draw, 1).
    """
    result = np.zeros((*chance.shape[:2], expected.shape[1]))
    _compiled()(measured, expected, density, sigma[:, 0], chance, _table(), result)
    return result


@functools.cache
def _compiled() -> Callable[..., None]:
    import numba

    return numba.njit(cache=True, nogil=True, error_model="numpy")(_loop)


@functools.cache
def _table() -> Array:
    """Return the coefficients of the cubic in each cell, shape (cell, power)."""
    from scipy.special import erfcx

    z = np.arange(0.0, _END + _CELL, _CELL)
    mills = np.sqrt(0.5 * np.pi) * erfcx(z / np.sqrt(2.0))
    value = 1.0 - z * mills
    slope = _CELL * (z * value - mills)
    rise = np.diff(value)
    curve = 3.0 * rise - 2.0 * slope[:-1] - slope[1:]
    twist = slope[:-1] + slope[1:] - 2.0 * rise
    return np.ascontiguousarray(np.stack([value[:-1], slope[:-1], curve, twist], axis=1))


def _loop(
    measured: Any, expected: Any, density: Any, sigma: Any, chance: Any, table: Any, result: Any
) -> None:
    n_edges = expected.shape[1]
    # G at the pairs of an edge of Y and all of Q: of the lower and of the upper edge of a panel.
    low, high, reached = np.zeros(n_edges), np.zeros(n_edges), np.zeros(n_edges)
    for draw in range(measured.shape[0]):
        for row in range(measured.shape[1]):
            low, high = high, low
            first = (measured[draw, row] - expected[draw, 0]) / sigma[draw]
            end = max(min(first, 0.0) - _FAR, -_END)
            for edge in range(n_edges):
                z = (measured[draw, row] - expected[draw, edge]) / sigma[draw]
                if z < end:
                    high[edge:] = 0.0
                    break
                high[edge] = max(z, 0.0)
                if z < _FAR:
                    place = abs(z) / _CELL
                    cell = min(int(place), table.shape[0] - 1)
                    x = place - cell
                    a, b, c, d = table[cell]
                    ratio = a + x * (b + x * (c + x * d))
                    high[edge] += ratio * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
            if row == 0:
                continue
            total = 0.0
            for edge in range(n_edges - 1):
                # P(Y in a panel | Q in a panel) is a second difference of G.
                both = (high[edge] - low[edge]) - (high[edge + 1] - low[edge + 1])
                total += max(both, 0.0) * density[draw, edge]
                reached[edge + 1] = total
            total = max(total, 1e-300)
            for budget in range(chance.shape[1]):
                share = chance[draw, budget, row - 1] / total
                if chance[draw, budget, row - 1] > 1e-16:
                    for edge in range(1, n_edges):
                        result[draw, budget, edge] += share * reached[edge]
