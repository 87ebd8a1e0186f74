r"""The fast kernel: log J, both tails and the quantiles of one score, compiled by numba.

J(w, k, λ) = ∫_0^λ t^(k−1) φ(w − t) dt and W = λ U^(1/k) + ε are those of
`leadline.kernels.bowl_integral`. Everything here is scalar;
`leadline.kernels.bowl_ops` makes PyTensor Ops of the three entry points at the end.

Regimes of log J, with c = λ − w, the distance to the upper limit, and J∞ the integral without that
limit (in brackets the relative error of log J and of its partial derivatives against mpmath):

=================================  =============================================================
where                              how, and why there
=================================  =============================================================
J∞, w > 12                         Gauss-Hermite, 8 nodes [2e-13]: t = 0 is 12 sd away (e^−72),
                                   and the first term missed is 8!/12^16 = 2e-13 times the
                                   binomial coefficient of k − 1 and 16.
J∞, −8 < w ≤ 12, 0.5 ≤ k < 12      Polynomials of degree 7 in (w, log k) [1e-12, 1e-11]. Outside:
                                   a deep tail, or (k < 0.5, w near 2) a zero of J∞ in the
                                   complex plane too close for polynomials.
c > 0.5 near λ                     J∞ less what lies past λ, 24 Gauss nodes [1e-12]: needed where
                                   less than 9 sd (8.5 from the peak) remain; at c = 0.5 less
                                   than half is subtracted, which costs a bit.
c ≤ 0.5, λ clear of 0              The same nodes from λ downwards [1e-13].
all else                           Two panels of 40 Gauss nodes [2e-13], explained in
                                   `leadline.kernels.bowl_integral`.
=================================  =============================================================

J∞ is φ(w) exp(w²/4) Γ(k) U(k − 1/2, −w) with the parabolic-cylinder function U (DLMF 12.5.1,
https://dlmf.nist.gov/12.5). The error of n Gauss nodes is ρ^(−2n) for an integrand that is analytic
in the Bernstein ellipse ρ (Trefethen 2008, doi:10.1137/060659831); node counts were then measured.
Loops over nodes use the functions of `leadline.kernels.node_math`, single points those of libm.
"""

import math
from typing import Any

import numpy as np

from leadline.kernels import bowl_integral
from leadline.kernels.bowl_symbols import call_point
from leadline.kernels.node_math import (
    exp,
    expm1,
    jit,
    jit_nodes,
    log,
    log1mexp,
    log1p,
    log_add_exp,
    log_normal_cdf,
    polynomials,
)

LOG_SQRT_2PI = bowl_integral.LOG_SQRT_2PI
_EPS = bowl_integral.EPS
_DROP = bowl_integral.DROP
_REACH = math.sqrt(2.0 * _DROP)
_START_EXPONENT = bowl_integral.START_EXPONENT
_FIRST_PANEL = bowl_integral.FIRST_PANEL
_WINDOW_STEPS = bowl_integral.WINDOW_STEPS
_NODES, _WEIGHTS = bowl_integral.NODES, bowl_integral.WEIGHTS
_LOG_NODES = bowl_integral.LOG_NODES
_EDGE_NODES, _EDGE_WEIGHTS = bowl_integral.gauss_unit_interval(24)

# Calls by symbol, so that the code behind them is compiled once.
quadrature = call_point("quadrature_entry", 4)
log_bowl, log_tails = call_point("log_bowl_entry", 4), call_point("log_tails_entry", 5)

SERIES_FROM = 12.0
SERIES_TERMS = 13
FAR = 9.0
_FAR_FROM_PEAK = 8.5
NEAR = 0.5
# The least part of J∞ that may be left of it when what lies past λ is taken away.
LEAST_REST = 0.25
# φ(20) = 6e-88: the partial in λ of log J is nothing beside the k/λ that is subtracted from it.
NO_LIMIT = 20.0
LOG_3_4 = math.log(0.75)

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
def _window(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
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
    power = 1.0 + _START_EXPONENT / k
    total, total_w, total_k = 0.0, 0.0, 0.0
    log_end, log_top = math.log(end), math.log(top)
    for i in range(_NODES.size):
        log_t = log_end + power * _LOG_NODES[i]
        step = exp(log_t) - top
        weight = _WEIGHTS[i] / _NODES[i]
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
    for i in range(_NODES.size):
        step = start + span * _NODES[i]
        t = top + step
        log_t = log(t)
        g = _WEIGHTS[i] / t * exp(k * (log_t - log_top) - step * (offset + 0.5 * step))
        total += g
        total_w += step * g
        total_k += log_t * g
    return span * total, span * total_w, span * total_k


@jit
def _quadrature(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
    """Return log J and its partials in w, k and λ, anywhere."""
    top, offset, below, above = _window(w, k, lam)
    if below < top:
        half = 0.5 * (below + above)
        a, a_w, a_k = _panel(-below, half, top, offset, k)
        b, b_w, b_k = _panel(half - below, half, top, offset, k)
    else:
        middle = _FIRST_PANEL * (top + above)
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


@jit_nodes
def _survival_start_panel(
    end: float, top: float, offset: float, k: float, lam: float
) -> tuple[float, float, float, float]:
    """Return integrals over φ(t − w)/φ(offset) dt from t = 0 to `end`.

    Of 1 − (t/λ)^k, of (t/λ)^k times 1/t, of −(t/λ)^k log(t/λ), and of (t/λ)^k.
    """
    power = 1.0 + _START_EXPONENT / min(k, 1.0)
    total, total_w, total_k, total_lam = 0.0, 0.0, 0.0, 0.0
    log_end, log_lam = math.log(end), math.log(lam)
    for i in range(_NODES.size):
        log_t = log_end + power * _LOG_NODES[i]
        t = exp(log_t)
        step = t - top
        less_one, below = expm1(k * (log_t - log_lam))
        g = _WEIGHTS[i] / _NODES[i] * exp(log_t - step * (offset + 0.5 * step))
        total -= less_one * g
        total_w += below * g / t
        total_k -= (log_t - log_lam) * below * g
        total_lam += below * g
    return power * total, power * total_w, power * total_k, power * total_lam


@jit_nodes
def _survival_panel(
    start: float, span: float, top: float, offset: float, k: float, lam: float
) -> tuple[float, float, float, float]:
    """Return the same integrals from t = top + start to t = top + start + span."""
    total, total_w, total_k, total_lam = 0.0, 0.0, 0.0, 0.0
    past, inverse = top - lam, 1.0 / lam
    for i in range(_NODES.size):
        step = start + span * _NODES[i]
        # log(t/λ) from the distance to λ, which log t − log λ would lose near λ.
        log_ratio = log1p((past + step) * inverse)
        less_one, below = expm1(k * log_ratio)
        g = _WEIGHTS[i] * exp(-step * (offset + 0.5 * step))
        total -= less_one * g
        total_w += below * g / (top + step)
        total_k -= log_ratio * below * g
        total_lam += below * g
    return span * total, span * total_w, span * total_k, span * total_lam


@jit
def _survival(w: float, k: float, lam: float) -> tuple[float, float, float, float]:
    """Return log S, and the density and −∂S/∂k and ∂S/∂λ of W, each over S; by quadrature.

    S = Φ(−w) + ∫ (1 − (t/λ)^k) φ(w − t) dt is a sum of positive terms, where Φ(λ − w) −
    λ^(−k) J(w, k + 1, λ) would cancel.
    """
    # The window of the normal density alone; the singularity is still that of t^(k−1).
    top, offset, below, above = _window(w, 1.0, lam)
    if below < top:
        half = 0.5 * (below + above)
        first = _survival_panel(-below, half, top, offset, k, lam)
        second = _survival_panel(half - below, half, top, offset, k, lam)
    else:
        middle = _FIRST_PANEL * (top + above)
        first = _survival_start_panel(middle, top, offset, k, lam)
        second = _survival_panel(middle - top, top + above - middle, top, offset, k, lam)
    log_scale = -0.5 * offset * offset - LOG_SQRT_2PI
    by_noise = math.exp(min(log_normal_cdf(-w) - log_scale, 700.0))
    total = first[0] + second[0] + by_noise
    return (
        log_scale + math.log(total),
        k * (first[1] + second[1]) / total,
        (first[2] + second[2]) / total,
        k / lam * (first[3] + second[3]) / total,
    )


@jit
def tail_by_noise(w: float, k: float, lam: float, log_part: float) -> tuple[float, bool]:
    """Return log F from the log of its part with Q < λ, and whether that part is all of it.

    The rest are scores at the far end, no worse than w by their noise alone.
    """
    if lam - max(w, 0.0) - math.sqrt(k) > FAR and w > W_LOW:
        return log_part, True
    return log_add_exp(log_part, log_normal_cdf(w - lam)), False


@jit
def tails_of_survival(w: float, k: float, lam: float) -> tuple[float, float, float, float, float]:
    """Return the result of `_log_tails` where F is larger than 3/4."""
    log_above, d_w, d_k, d_lam = _survival(w, k, lam)
    return math.log1p(-math.exp(log_above)), log_above, d_w, -d_k, -d_lam


@jit
def tails_of_cdf(
    log_below: float, log_above: float, d_w: float, d_k: float, d_lam: float
) -> tuple[float, float, float, float, float]:
    """Return the result of `_log_tails` from partials that are over F."""
    if log_above < log_below:
        odds = math.exp(log_below - log_above)
        return log_below, log_above, d_w * odds, d_k * odds, d_lam * odds
    return log_below, log_above, d_w, d_k, d_lam


@jit
def tails_of_power_mean(
    w: float, k: float, lam: float, log_lam: float, mean: tuple[float, float, float]
) -> tuple[float, float, float, float, float]:
    """Return the result of `_log_tails` from that of `power_mean` at k + 1, far from λ."""
    c = lam - w
    # Near λ, log w − log λ would lose the digits of S.
    log_ratio = math.log1p(-c / lam) if c < 0.5 * lam else math.log(w) - log_lam
    log_below = k * log_ratio + mean[0]
    return tails_of_cdf(log_below, log1mexp(log_below), mean[1], log_ratio + mean[2], -k / lam)


@jit
def _log_tails(w: float, k: float, lam: float) -> tuple[float, float, float, float, float]:
    """Return log F and log S of W, and ∂F/∂(w, k, λ) over the smaller of F and S.

    The smaller tail has its own formula and the larger one is 1 minus it, so that both logarithms
    are accurate relative to themselves. 1 − F is taken up to F = 3/4, where it loses two bits.
    """
    log_lam = math.log(lam)
    if series_holds(w, k + 1.0) and lam - w > FAR:
        return tails_of_power_mean(w, k, lam, log_lam, power_mean(w, k + 1.0))
    log_part, d_w, d_k, _ = log_bowl(w, k + 1.0, lam, 0.0)
    log_part -= k * log_lam
    log_below, whole = tail_by_noise(w, k, lam, log_part)
    if log_below >= LOG_3_4:
        return tails_of_survival(w, k, lam)
    log_density = 0.0 if whole else log_bowl(w, k, lam, 0.0)[0]
    return tails_of_part(k, lam, log_lam, log_below, log_part, whole, d_w, d_k, log_density)


@jit
def tails_of_part(
    k: float, lam: float, log_lam: float, log_below: float, log_part: float, whole: bool,
    d_w: float, d_k: float, log_density: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return the result of `_log_tails` for F up to 3/4; `whole` parts need no `log_density`."""
    part = math.exp(log_part - log_below)
    if not whole:
        d_w = k * math.exp(log_density - k * log_lam - log_below)
    return tails_of_cdf(
        log_below,
        math.log1p(-math.exp(log_below)),
        d_w,
        part * (d_k - log_lam),
        -part * k / lam,
    )


@jit
def _quantile(log_below: float, log_above: float, k: float, lam: float) -> float:
    """Return w with log F = `log_below` and log S = `log_above`: Newton inside a bracket."""
    left = log_below < log_above
    # P(W ≤ −x) ≤ Φ(−x) < exp(−x²/2), and likewise above λ.
    low = -math.sqrt(-2.0 * log_below) - 1.0
    high = lam + math.sqrt(-2.0 * log_above) + 1.0
    w = min(max(lam * math.exp(log_below / k), low), high)
    for _ in range(200):
        below, above, d_w, _, _ = log_tails(w, k, lam, 0.0)
        # d_w is relative to the smaller tail; log F, or −log S, is what is solved for.
        miss = below - log_below if left else log_above - above
        slope = d_w * math.exp(min(below, above) - (below if left else above))
        if miss < 0.0:
            low = w
        else:
            high = w
        last, w = w, w - miss / slope
        if not low <= w <= high:
            w = 0.5 * (low + high)
        if abs(w - last) <= 2.0 * _EPS * abs(w) or miss == 0.0:
            break
    return w


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


def log_tails_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write the result of `_log_tails` to `out`."""
    out[0], out[1], out[2], out[3], out[4] = _log_tails(w, k, lam)


def quantile_entry(
    log_below: float, log_above: float, k: float, lam: float, table: Any, out: Any
) -> None:
    """Write the result of `_quantile` to `out`."""
    out[0] = _quantile(log_below, log_above, k, lam)
