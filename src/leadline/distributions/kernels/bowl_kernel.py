"""The fast kernel: log J of one observation with its partial derivatives, compiled by numba.

J(w, k, λ) = ∫_0^λ t^(k−1) φ(w − t) dt is that of `bowl_integral`. Everything here
is scalar; `leadline.distributions.kernels.bowl_tails` goes on to distribution functions, and
`leadline.distributions.kernels.bowl_runs` to arrays.

Regimes of log J, with c = λ − w, the distance to the upper limit, and J∞ the integral without that
limit (in brackets the relative error of log J and of its partial derivatives against mpmath):

=================================  =============================================================
where                              how, and why there
=================================  =============================================================
J∞, w > 12 (w > 2k for k ≥ 12)     13 terms of the asymptotic series in 1/w² [1e-15]: t = 0 is
                                   12 sd away (e^−72), and the first term missed is below
                                   27!!/12^28 = 1e-15.
J∞, −8 < w ≤ 12, 0.5 ≤ k < 12      Polynomials of degree 7 in (w, log k) [1e-12, 1e-11]. Outside:
                                   a deep tail, or (k < 0.5, w near 2) a zero of J∞ in the
                                   complex plane too close for polynomials.
c > 0.5 near λ                     J∞ less what lies past λ, 24 Gauss nodes [1e-12]: needed where
                                   less than 9 sd (8.5 from the peak) remain; at c = 0.5 less
                                   than half is subtracted, which costs a bit.
c ≤ 0.5, λ clear of 0              The same nodes from λ downwards [1e-13].
all else                           Two panels of 40 Gauss nodes [2e-13], explained in
                                   `leadline.distributions.kernels.bowl_integral`.
=================================  =============================================================

J∞ is φ(w) exp(w²/4) Γ(k) U(k − 1/2, −w) with the parabolic-cylinder function U (DLMF 12.5.1,
https://dlmf.nist.gov/12.5). The error of n Gauss nodes is ρ^(−2n) for an integrand that is analytic
in the Bernstein ellipse ρ (Trefethen 2008, doi:10.1137/060659831); node counts were then measured.
Loops over nodes use the functions of `node_math`, single points those of libm.
"""

import math
from typing import Any

import numpy as np

from leadline.distributions.kernels import bowl_integral
from leadline.distributions.kernels.bowl_symbols import call_point
from leadline.distributions.kernels.node_math import (
    exp,
    jit,
    jit_nodes,
    log,
    log1p,
    polynomials,
)

LOG_SQRT_2PI = bowl_integral.LOG_SQRT_2PI
_DROP = bowl_integral.DROP
_REACH = math.sqrt(2.0 * _DROP)
START_EXPONENT = bowl_integral.START_EXPONENT
FIRST_PANEL = bowl_integral.FIRST_PANEL
_WINDOW_STEPS = bowl_integral.WINDOW_STEPS
NODES, WEIGHTS = bowl_integral.NODES, bowl_integral.WEIGHTS
LOG_NODES = bowl_integral.LOG_NODES
_EDGE_NODES, _EDGE_WEIGHTS = bowl_integral.gauss_unit_interval(24)

# Calls by symbol, so that the code behind them is compiled once.
quadrature = call_point("quadrature_entry", 4)
log_bowl = call_point("log_bowl_entry", 4)

SERIES_FROM = 12.0
SERIES_TERMS = 13
FAR = 9.0
_FAR_FROM_PEAK = 8.5
NEAR = 0.5
# The least part of J∞ that may be left of it when what lies past λ is taken away.
LEAST_REST = 0.25
# φ(20) = 6e-88: the partial in λ of log J is nothing beside the k/λ that is subtracted from it.
NO_LIMIT = 20.0

# The table: cells of 1/4 in w and 0.24 in log k, eight coefficients in each direction, those of
# the powers of w contiguous.
TABLE_SHAPE = (80, 13, 8, 8)
cell_polynomials = polynomials(8, 8, slopes=True)
W_LOW, W_HIGH = -8.0, 12.0
K_LOW, K_HIGH = 0.5, 12.0
LOG_K_LOW = math.log(K_LOW)
CELL_W = (W_HIGH - W_LOW) / TABLE_SHAPE[0]
CELL_LOG_K = (math.log(K_HIGH) - LOG_K_LOW) / TABLE_SHAPE[1]
W_ZERO_CELL = int(-W_LOW / CELL_W)


@jit
def next_series_term(m: int, a: float, term: float, slope: float) -> tuple[float, float]:
    """Return binom(a, 2m) (2m − 1)!! and its derivative in a, from those of m − 1."""
    factor = (a - 2.0 * m + 2.0) * (a - 2.0 * m + 1.0) / (2.0 * m)
    factor_slope = (2.0 * a - 4.0 * m + 3.0) / (2.0 * m)
    return term * factor, slope * factor + term * factor_slope


@jit
def series_holds(w: float, k: float) -> bool:
    """Whether the first term that `power_mean` leaves out is below 1e-15."""
    return w > SERIES_FROM and (k < K_HIGH or w > 2.0 * k)


@jit
def power_mean(w: float, k: float) -> tuple[float, float, float]:
    """Return log E[(T/w)^(k−1)] and the means of T − w and log(T/w), T ~ N(w, 1).

    The means are weighted by (T/w)^(k−1): J∞ = w^(k−1) exp(first), and the others are the partials
    of log J∞ in w and, less log w, in k. E = Σ binom(k − 1, 2m) (2m − 1)!!/w^(2m) is the asymptotic
    series of DLMF 12.9 (https://dlmf.nist.gov/12.9).
    """
    inverse = 1.0 / (w * w)
    power, term, slope = 1.0, 1.0, 0.0
    over, over_w, over_k = 0.0, 0.0, 0.0
    for m in range(1, SERIES_TERMS + 1):
        term, slope = next_series_term(m, k - 1.0, term, slope)
        power *= inverse
        over += term * power
        over_w += 2.0 * m * term * power
        over_k += slope * power
    scale = 1.0 / (1.0 + over)
    # log1p keeps the digits of a small E − 1, where w is large.
    return math.log1p(over), (k - 1.0 - over_w * scale) / w, over_k * scale


@jit_nodes
def _edge(lam: float, k: float, d: float, sign: float) -> tuple[float, float, float]:
    """Return integrals of g = (1 + sign s/λ)^(k−1) exp(−d s − s²/2) over s > 0, λ clear of 0.

    They are ∫ g ds, ∫ s g ds and ∫ log(1 + sign s/λ) g ds. Times λ^(k−1) φ(d), the first is the
    part of J past λ when `sign` is 1 and d = λ − w, and all of J when it is −1 and d = w − λ.
    """
    reach = 2.0 * _DROP / (d + math.sqrt(d * d + 2.0 * _DROP))
    inverse = sign / lam
    total, total_s, total_log = 0.0, 0.0, 0.0
    for i in range(_EDGE_NODES.size):
        s = reach * _EDGE_NODES[i]
        log_ratio = log1p(inverse * s)
        g = _EDGE_WEIGHTS[i] * exp((k - 1.0) * log_ratio - (d + 0.5 * s) * s)
        total += g
        total_s += s * g
        total_log += log_ratio * g
    return reach * total, reach * total_s, reach * total_log


@jit
def table_row(log_k: float) -> tuple[int, float]:
    """Return the table's row of cells for this log k, and where in it log k is, from −1 to 1."""
    y = (log_k - LOG_K_LOW) * (1.0 / CELL_LOG_K)
    j = min(int(y), TABLE_SHAPE[1] - 1)
    return j, 2.0 * (y - j) - 1.0


@jit
def _table_value(w: float, k: float, table: Any) -> tuple[float, float, float]:
    """Return log J∞ and its partials in w and k, for −8 < w ≤ 12 and 0.5 ≤ k < 12."""
    x = (w - W_LOW) * (1.0 / CELL_W)
    i = min(int(x), TABLE_SHAPE[0] - 1)
    x = 2.0 * (x - i) - 1.0
    j, y = table_row(math.log(k))
    a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7 = cell_polynomials(
        table, (i * TABLE_SHAPE[1] + j) * 64, y
    )
    z = x * x
    value = (a0 + a1 * x) + ((a2 + a3 * x) + ((a4 + a5 * x) + (a6 + a7 * x) * z) * z) * z
    d_y = (b0 + b1 * x) + ((b2 + b3 * x) + ((b4 + b5 * x) + (b6 + b7 * x) * z) * z) * z
    slope = (a1 + 2.0 * a2 * x) + (
        (3.0 * a3 + 4.0 * a4 * x) + ((5.0 * a5 + 6.0 * a6 * x) + 7.0 * a7 * z) * z
    ) * z
    slope *= 2.0 / CELL_W
    # Left of 0 the table holds log J + w²/2, whose size does not cost digits.
    if i < W_ZERO_CELL:
        value -= 0.5 * w * w
        slope -= w
    return value, slope, d_y * (2.0 / CELL_LOG_K) / k


@jit
def window(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
    """Return where exp(h) lives, as explained in `bowl_integral`.

    The top (the largest h), its distance from w, and how far the window reaches below and above
    it. It is cut at 0 where the reach below is not less than the top.
    """
    root = math.sqrt(w * w + 4.0 * k)
    if w > 0.0:
        top = 0.5 * (root + w)
        offset = 2.0 * k / (root + w)
    else:
        top = 2.0 * k / (root - w)
        offset = top - w
    above, slope = 0.0, 0.0
    if top > lam:
        top, offset = lam, lam - w
        slope = k / top - offset
    else:
        above = _REACH
        for _ in range(_WINDOW_STEPS):
            drop = _DROP + k * math.log1p(above / top) - above * offset - 0.5 * above * above
            above -= drop / (k / (top + above) - offset - above)
        # Written so that a λ of nan is not ignored.
        if not above <= lam - top:
            above = lam - top
    curvature = 1.0 + k / (top * top)
    below = 2.0 * _DROP / (slope + math.sqrt(slope * slope + 2.0 * curvature * _DROP))
    return top, offset, below, above


@jit_nodes
def _start_panel(end: float, top: float, offset: float, k: float) -> tuple[float, float, float]:
    """Return ∫ exp(h − h(top)) dt/t from t = 0 to `end`, and the same times t − top and log t.

    The nodes are in u with t = end u^power, which makes the singularity at 0 smooth. `offset` is
    that of the top; h − h(top) is got from t − top, since the squares of large offsets cancel.
    """
    power = 1.0 + START_EXPONENT / k
    total, total_w, total_k = 0.0, 0.0, 0.0
    log_end, log_top = math.log(end), math.log(top)
    for i in range(NODES.size):
        log_t = log_end + power * LOG_NODES[i]
        step = exp(log_t) - top
        weight = WEIGHTS[i] / NODES[i]
        g = weight * exp(k * (log_t - log_top) - step * (offset + 0.5 * step))
        total += g
        total_w += step * g
        total_k += log_t * g
    return power * total, power * total_w, power * total_k


@jit_nodes
def _panel(
    start: float, span: float, top: float, offset: float, k: float
) -> tuple[float, float, float]:
    """Return the same integrals from t = top + start to t = top + start + span."""
    total, total_w, total_k = 0.0, 0.0, 0.0
    log_top = math.log(top)
    for i in range(NODES.size):
        step = start + span * NODES[i]
        t = top + step
        log_t = log(t)
        g = WEIGHTS[i] / t * exp(k * (log_t - log_top) - step * (offset + 0.5 * step))
        total += g
        total_w += step * g
        total_k += log_t * g
    return span * total, span * total_w, span * total_k


@jit
def _quadrature(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
    """Return log J and its partials in w, k and λ, anywhere."""
    top, offset, below, above = window(w, k, lam)
    if below < top:
        half = 0.5 * (below + above)
        a, a_w, a_k = _panel(-below, half, top, offset, k)
        b, b_w, b_k = _panel(half - below, half, top, offset, k)
    else:
        middle = FIRST_PANEL * (top + above)
        a, a_w, a_k = _start_panel(middle, top, offset, k)
        b, b_w, b_k = _panel(middle - top, top + above - middle, top, offset, k)
    total = a + b
    value = k * math.log(top) - 0.5 * offset * offset - LOG_SQRT_2PI + math.log(total)
    rise = lam - top
    d_lam = math.exp(k * math.log(lam / top) - rise * (offset + 0.5 * rise)) / (lam * total)
    return value, offset + (a_w + b_w) / total, (a_k + b_k) / total, d_lam


@jit
def tabulated(k: float, lam: float) -> bool:
    """Whether J∞ comes from the table for −8 < w ≤ 12."""
    return K_LOW <= k < K_HIGH and lam >= 1.0


@jit
def _log_bowl(w: float, k: float, lam: float, table: Any) -> tuple[float, float, float, float]:
    """Return log J and its partials in w, k and λ."""
    c = lam - w
    from_series = series_holds(w, k)
    if c > NEAR and (from_series or (W_LOW < w <= SERIES_FROM and tabulated(k, lam))):
        if from_series:
            value, d_w, d_k = power_mean(w, k)
            log_w = math.log(w)
            value, d_k = value + (k - 1.0) * log_w, d_k + log_w
        else:
            value, d_w, d_k = _table_value(w, k, table)
        if c > NO_LIMIT:
            return value, d_w, d_k, 0.0
        log_lam = math.log(lam)
        # The partial in λ is λ^(k−1) φ(c)/J.
        d_lam = math.exp((k - 1.0) * log_lam - 0.5 * c * c - LOG_SQRT_2PI - value)
        if c > reach_of_limit(w, k):
            return value, d_w, d_k, d_lam
        past, past_s, past_log = _edge(lam, k, c, 1.0)
        rest = 1.0 - d_lam * past
        # Where more lies past λ than below it (a peak past λ), the difference would lose digits.
        if rest > LEAST_REST:
            d_w = (d_w - d_lam * (c * past + past_s)) / rest
            d_k = (d_k - d_lam * (log_lam * past + past_log)) / rest
            return value + math.log(rest), d_w, d_k, d_lam / rest
    # From λ downwards the window is as long as `_edge` makes it.
    if c <= NEAR and lam * (lam - 2.0 * c) > 2.0 * _DROP + 3.0 * lam:
        total, total_s, total_log = _edge(lam, k, -c, -1.0)
        log_lam = math.log(lam)
        value = (k - 1.0) * log_lam - 0.5 * c * c - LOG_SQRT_2PI + math.log(total)
        return value, c - total_s / total, log_lam + total_log / total, 1.0 / total
    return quadrature(w, k, lam, 0.0)


@jit
def reach_of_limit(w: float, k: float) -> float:
    """Return how far above w the limit λ still matters: 9 sd of the noise from w itself.

    Where w is small the mass is not at w but at the peak of t^(k−1) φ(w − t), below √(k − 1) + w,
    and 8.5 sd from there are enough.
    """
    if w > SERIES_FROM:
        return FAR
    return max(w, 0.0) - w + math.sqrt(max(k - 1.0, 0.0)) + _FAR_FROM_PEAK


def sample_table(w: np.ndarray, log_k: np.ndarray) -> np.ndarray:
    """Return log J(w, k, ∞), plus w²/2 for w < 0, at every pair: "(w, log_k)"."""
    values = np.empty((w.size, log_k.size))
    for i in range(w.size):
        for j in range(log_k.size):
            k = math.exp(log_k[j])
            # The integrand has vanished at this limit for every w and k of the table.
            values[i, j] = quadrature(w[i], k, 100.0, 0.0)[0] + 0.5 * min(w[i], 0.0) ** 2
    return values


def quadrature_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write the result of `_quadrature` to `out`."""
    out[0], out[1], out[2], out[3] = _quadrature(w, k, lam)


def log_bowl_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write log J and its partials in w, k and λ to `out`."""
    out[0], out[1], out[2], out[3] = _log_bowl(w, k, lam, table)
