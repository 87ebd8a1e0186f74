"""The fast kernel: log J of one observation with its partial derivatives, compiled by numba.

J(w, k, λ) = ∫_0^λ t^(k−1) φ(w − t) dt. All functions here take and return single numbers; `tails`
builds distribution functions on them. The table lists the regimes of log J. In it c = λ − w is the
distance to the upper limit, and J∞ the integral without that limit. Brackets hold the relative
error of log J and of its partial derivatives against mpmath:

=================================  =============================================================
where                              how, and why there
=================================  =============================================================
J∞, w > 12 (w > 2k for k ≥ 12)     13 terms of the asymptotic series in 1/w² [1e-15]: t = 0 is
                                   12 sd away (e^−72), and the first term left out is below
                                   27!!/12^28 = 1e-15.
J∞, −8 < w ≤ 12, 0.5 ≤ k < 12      Polynomials of degree 7 in (w, log k) [1e-12, 1e-11]. Outside
                                   lie a deep tail and (k < 0.5, w near 2) a zero of J∞ in the
                                   complex plane, too close for polynomials.
c > 0.5 near λ                     J∞ less the part beyond λ, 24 Gauss nodes [1e-12]: needed where
                                   less than 9 sd (8.5 from the peak) remain. At c = 0.5 less
                                   than half is subtracted, which costs one bit.
c ≤ 0.5, λ clear of 0              The same nodes from λ downwards [1e-13].
all else                           Two panels of 40 Gauss nodes [2e-13]; `quadrature` explains
                                   the method.
=================================  =============================================================

J∞ is φ(w) exp(w²/4) Γ(k) U(k − 1/2, −w) with the parabolic-cylinder function U (DLMF 12.5.1,
https://dlmf.nist.gov/12.5). The error of n Gauss nodes is ρ^(−2n) for an integrand that is analytic
in the Bernstein ellipse ρ (Trefethen 2008, doi:10.1137/060659831); the node counts were measured.
Loops over nodes use the functions of `node_math`, single points the functions of libm.
"""

import math
from typing import Any

import numpy as np

from leadline.distributions.partial_moment import node_math, panels
from leadline.distributions.partial_moment.node_math import exp, jit, jit_nodes, log, log1p
from leadline.distributions.partial_moment.panels import DROP, LOG_NODES, NODES, WEIGHTS
from leadline.distributions.partial_moment.symbols import call_by_symbol

_EDGE_NODES, _EDGE_WEIGHTS = panels.gauss_unit_interval(24)

# Called by symbol, so that the code behind them is compiled once.
_quadrature_by_symbol = call_by_symbol("quadrature_entry", 4)
log_moment = call_by_symbol("log_moment_entry", 4)

_SERIES_FROM = 12.0
_SERIES_TERMS = 13
FAR = 9.0
_FAR_FROM_PEAK = 8.5
_NEAR = 0.5
# The smallest fraction of J∞ that may remain after the part beyond λ is subtracted.
_LEAST_REST = 0.25
# φ(20) = 6e-88: the partial in λ of log J is negligible beside the k/λ that is subtracted from it.
_NO_LIMIT = 20.0

# The table: cells of 1/4 in w and 0.24 in log k, eight coefficients in each direction; the
# coefficients of the powers of w are contiguous.
TABLE_SHAPE = (80, 13, 8, 8)
W_LOW, _W_HIGH = -8.0, 12.0
_K_LOW, _K_HIGH = 0.5, 12.0
LOG_K_LOW = math.log(_K_LOW)
CELL_W = (_W_HIGH - W_LOW) / TABLE_SHAPE[0]
CELL_LOG_K = (math.log(_K_HIGH) - LOG_K_LOW) / TABLE_SHAPE[1]
_W_ZERO_CELL = int(-W_LOW / CELL_W)


@jit
def series_holds(w: float, k: float) -> bool:
    """Return whether the first term that `power_mean` leaves out is below 1e-15."""
    return w > _SERIES_FROM and (k < _K_HIGH or w > 2.0 * k)


@jit
def power_mean(w: float, k: float) -> tuple[float, float, float]:
    """Return log E[(T/w)^(k−1)] and the means of T − w and log(T/w), T ~ N(w, 1).

    The means are weighted by (T/w)^(k−1). J∞ is w^(k−1) exp(first); the means are the partials of
    log J∞ in w and, less log w, in k. E = Σ binom(k − 1, 2m) (2m − 1)!!/w^(2m) is the asymptotic
    series of DLMF 12.9 (https://dlmf.nist.gov/12.9).
    """
    inverse = 1.0 / (w * w)
    # `term` is binom(a, 2m) (2m − 1)!!, and `slope` its derivative in a.
    a, power, term, slope = k - 1.0, 1.0, 1.0, 0.0
    over, over_w, over_k = 0.0, 0.0, 0.0
    for m in range(1, _SERIES_TERMS + 1):
        factor = (a - 2.0 * m + 2.0) * (a - 2.0 * m + 1.0) / (2.0 * m)
        slope = slope * factor + term * (2.0 * a - 4.0 * m + 3.0) / (2.0 * m)
        term *= factor
        power *= inverse
        over += term * power
        over_w += 2.0 * m * term * power
        over_k += slope * power
    scale = 1.0 / (1.0 + over)
    # log1p keeps the digits of E − 1, which is small where w is large.
    return math.log1p(over), (k - 1.0 - over_w * scale) / w, over_k * scale


@jit_nodes
def _edge(lam: float, k: float, d: float, sign: float) -> tuple[float, float, float]:
    """Return integrals of g = (1 + sign s/λ)^(k−1) exp(−d s − s²/2) over s > 0, λ clear of 0.

    They are ∫ g ds, ∫ s g ds and ∫ log(1 + sign s/λ) g ds. Times λ^(k−1) φ(d), the first is the
    part of J∞ beyond λ if `sign` is 1 and d = λ − w, and all of J if `sign` is −1 and d = w − λ.
    """
    reach = 2.0 * DROP / (d + math.sqrt(d * d + 2.0 * DROP))
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
def _table_value(w: float, k: float, table: Any) -> tuple[float, float, float]:
    """Return log J∞ and its partials in w and k, for −8 < w ≤ 12 and 0.5 ≤ k < 12."""
    x = (w - W_LOW) * (1.0 / CELL_W)
    i = min(int(x), TABLE_SHAPE[0] - 1)
    x = 2.0 * (x - i) - 1.0
    y = (math.log(k) - LOG_K_LOW) * (1.0 / CELL_LOG_K)
    j = min(int(y), TABLE_SHAPE[1] - 1)
    y = 2.0 * (y - j) - 1.0
    # The polynomials in w at this k, and their derivatives in y.
    a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7 = node_math.table_polynomials(
        table, (i * TABLE_SHAPE[1] + j) * 64, y
    )
    z = x * x
    value = (a0 + a1 * x) + ((a2 + a3 * x) + ((a4 + a5 * x) + (a6 + a7 * x) * z) * z) * z
    d_y = (b0 + b1 * x) + ((b2 + b3 * x) + ((b4 + b5 * x) + (b6 + b7 * x) * z) * z) * z
    slope = (a1 + 2.0 * a2 * x) + (
        (3.0 * a3 + 4.0 * a4 * x) + ((5.0 * a5 + 6.0 * a6 * x) + 7.0 * a7 * z) * z
    ) * z
    slope *= 2.0 / CELL_W
    # Left of 0 the table holds log J + w²/2, which is small enough to keep its digits.
    if i < _W_ZERO_CELL:
        value -= 0.5 * w * w
        slope -= w
    return value, slope, d_y * (2.0 / CELL_LOG_K) / k


@jit
def window(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
    """Return the window of exp(h) that `quadrature` explains.

    The values are the top (the point of the largest h), its distance from w, and the reach of the
    window below and above the top. The window starts at 0 if the reach below exceeds the top.
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
        above = panels.REACH
        for _ in range(panels.WINDOW_STEPS):
            drop = DROP + k * math.log1p(above / top) - above * offset - 0.5 * above * above
            above -= drop / (k / (top + above) - offset - above)
        # Negated, so that a λ of nan is not ignored.
        if not above <= lam - top:
            above = lam - top
    curvature = 1.0 + k / (top * top)
    below = 2.0 * DROP / (slope + math.sqrt(slope * slope + 2.0 * curvature * DROP))
    return top, offset, below, above


@jit_nodes
def _start_panel(end: float, top: float, offset: float, k: float) -> tuple[float, float, float]:
    """Return ∫ exp(h − h(top)) dt/t from t = 0 to `end`, and the same times t − top and log t.

    The nodes are in u with t = end u^power, which makes the singularity at 0 smooth. `offset` is
    the distance of the top from w. h − h(top) comes from t − top, because the squares of large
    offsets would cancel.
    """
    power = 1.0 + panels.START_EXPONENT / k
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
    """Return log J and its partials in w, k and λ, at any point."""
    top, offset, below, above = window(w, k, lam)
    if below < top:
        half = 0.5 * (below + above)
        a, a_w, a_k = _panel(-below, half, top, offset, k)
        b, b_w, b_k = _panel(half - below, half, top, offset, k)
    else:
        middle = panels.FIRST_PANEL * (top + above)
        a, a_w, a_k = _start_panel(middle, top, offset, k)
        b, b_w, b_k = _panel(middle - top, top + above - middle, top, offset, k)
    total = a + b
    value = k * math.log(top) - 0.5 * offset * offset - panels.LOG_SQRT_2PI + math.log(total)
    rise = lam - top
    d_lam = math.exp(k * math.log(lam / top) - rise * (offset + 0.5 * rise)) / (lam * total)
    return value, offset + (a_w + b_w) / total, (a_k + b_k) / total, d_lam


@jit
def _log_moment(w: float, k: float, lam: float, table: Any) -> tuple[float, float, float, float]:
    """Return log J and its partials in w, k and λ."""
    c = lam - w
    from_series = series_holds(w, k)
    from_table = W_LOW < w <= _W_HIGH and _K_LOW <= k < _K_HIGH and lam >= 1.0
    if c > _NEAR and (from_series or from_table):
        if from_series:
            value, d_w, d_k = power_mean(w, k)
            log_w = math.log(w)
            value, d_k = value + (k - 1.0) * log_w, d_k + log_w
        else:
            value, d_w, d_k = _table_value(w, k, table)
        if c > _NO_LIMIT:
            return value, d_w, d_k, 0.0
        log_lam = math.log(lam)
        # The partial in λ is λ^(k−1) φ(c)/J.
        d_lam = math.exp((k - 1.0) * log_lam - 0.5 * c * c - panels.LOG_SQRT_2PI - value)
        # λ matters within 9 sd of w. For small w the mass lies not at w but at the peak of
        # t^(k−1) φ(w − t), below √(k − 1) + w, and 8.5 sd from there are enough.
        peak_offset = max(w, 0.0) - w + math.sqrt(max(k - 1.0, 0.0))
        if c > (FAR if w > _SERIES_FROM else peak_offset + _FAR_FROM_PEAK):
            return value, d_w, d_k, d_lam
        beyond, beyond_s, beyond_log = _edge(lam, k, c, 1.0)
        rest = 1.0 - d_lam * beyond
        # With more beyond λ than below it (a peak beyond λ), the difference would lose digits.
        if rest > _LEAST_REST:
            d_w = (d_w - d_lam * (c * beyond + beyond_s)) / rest
            d_k = (d_k - d_lam * (log_lam * beyond + beyond_log)) / rest
            return value + math.log(rest), d_w, d_k, d_lam / rest
    # The window of `_edge` from λ downwards must end above 0.
    if c <= _NEAR and lam * (lam - 2.0 * c) > 2.0 * DROP + 3.0 * lam:
        total, total_s, total_log = _edge(lam, k, -c, -1.0)
        log_lam = math.log(lam)
        value = (k - 1.0) * log_lam - 0.5 * c * c - panels.LOG_SQRT_2PI + math.log(total)
        return value, c - total_s / total, log_lam + total_log / total, 1.0 / total
    return _quadrature_by_symbol(w, k, lam, 0.0)


def sample_table(w: np.ndarray, log_k: np.ndarray) -> np.ndarray:
    """Return log J(w, k, ∞), plus w²/2 for w < 0, at every pair, shape (w, log_k)."""
    values = np.empty((w.size, log_k.size))
    for i in range(w.size):
        for j in range(log_k.size):
            k = math.exp(log_k[j])
            # At this limit the integrand has vanished for every w and k of the table.
            values[i, j] = _quadrature_by_symbol(w[i], k, 100.0, 0.0)[0] + 0.5 * min(w[i], 0.0) ** 2
    return values


def quadrature_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write the result of `_quadrature` to `out`."""
    out[0], out[1], out[2], out[3] = _quadrature(w, k, lam)


def log_moment_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write log J and its partials in w, k and λ to `out`."""
    out[0], out[1], out[2], out[3] = _log_moment(w, k, lam, table)
