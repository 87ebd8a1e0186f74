"""The fast kernel: the mean density of a score over the bin in which it was recorded.

F(w + h) − F(w − h) costs three times as much as a density, and loses digits where h is small. Over
a narrow bin the mean is f(w) (1 + h²/6 f''(w)/f(w)), with a relative error of h⁴/120 f''''/f. The
second derivative costs nothing: J''/J = k − 1 − w ∂log J/∂w − λ ∂log J/∂λ, because J(w, k + 1) and
J(w, k + 2) follow from J and its partials (integration by parts).
"""

import math
from typing import Any

from leadline.distributions.partial_moment import node_math, panels
from leadline.distributions.partial_moment.log_moment import log_moment
from leadline.distributions.partial_moment.node_math import jit
from leadline.distributions.partial_moment.symbols import call_by_symbol

# Half the width of a narrow bin, at most, where derivatives are of the order of 1. The error is
# then below 1e-8.
_NARROW = 0.02

_log_tails = call_by_symbol("log_tails_entry", 5)


@jit
def _log_bin(w: float, k: float, lam: float, half: float) -> float:
    """Return the log of the mean density of W between w − half and w + half."""
    # In the tails of the noise, each derivative adds a factor of the distance.
    if half * (1.0 + max(-w, w - lam, 0.0)) < _NARROW:
        value, d_w, _, d_lam = log_moment(w, k, lam, 0.0)
        second = k - 1.0 - w * d_w - lam * d_lam
        value += math.log1p(half * half / 6.0 * second)
        return value + math.log(k) - k * math.log(lam)
    above, below = _log_tails(w + half, k, lam, 0.0)[0], _log_tails(w - half, k, lam, 0.0)[0]
    # A bin has a finite density even where rounding makes both probabilities equal.
    return above + node_math.log1mexp(min(below - above, -panels.EPS)) - math.log(2.0 * half)


def log_bin_entry(w: float, k: float, lam: float, half: float, table: Any, out: Any) -> None:
    """Write the log of the mean density between w − half and w + half to `out`."""
    out[0] = _log_bin(w, k, lam, half)
