"""The fast kernel: both tails and the quantiles of one score, from log J and by quadrature.

F(w) = Φ(w − λ) + λ^(−k) J(w, k + 1, λ) is the distribution function of the standardised score W,
and S = 1 − F. Brackets hold the largest relative error of log F and log S, and of their partial
derivatives:

=================================  =============================================================
where                              how, and why there
=================================  =============================================================
w > 12, λ − w > 9                  F from the series of J∞, S as 1 − F with log(w/λ) taken from
                                   their difference [1e-12, 1e-11].
F ≤ 3/4                            F from log J, S as 1 − F: two bits are lost [1e-12, 5e-10 where
                                   a partial is a difference].
F > 3/4                            S by quadrature of a positive integrand, F as 1 − S [1e-12].
=================================  =============================================================
"""

import math
from typing import Any

from leadline.distributions.partial_moment import node_math, panels
from leadline.distributions.partial_moment.log_moment import (
    FAR,
    W_LOW,
    log_moment,
    power_mean,
    series_holds,
    window,
)
from leadline.distributions.partial_moment.node_math import exp, expm1, jit, jit_nodes, log1p
from leadline.distributions.partial_moment.panels import LOG_NODES, NODES, WEIGHTS
from leadline.distributions.partial_moment.symbols import call_by_symbol

_LOG_3_4 = math.log(0.75)
# Newton's method stops at steps of this size: the noise makes F smooth on the scale of 1, so that
# the error left is about the square of the step. Rounding can keep a step from ever becoming 0.
_SMALL_STEP = 3e-9

# Called by symbol, so that the code behind it is compiled once.
_log_tails_by_symbol = call_by_symbol("log_tails_entry", 5)


@jit_nodes
def _survival_start_panel(
    end: float, top: float, offset: float, k: float, lam: float
) -> tuple[float, float, float, float]:
    """Return four integrals over φ(t − w)/φ(offset) dt from t = 0 to `end`.

    The integrands are 1 − (t/λ)^k, (t/λ)^k/t, −(t/λ)^k log(t/λ) and (t/λ)^k.
    """
    power = 1.0 + panels.START_EXPONENT / min(k, 1.0)
    total, total_w, total_k, total_lam = 0.0, 0.0, 0.0, 0.0
    log_end, log_lam = math.log(end), math.log(lam)
    for i in range(NODES.size):
        log_t = log_end + power * LOG_NODES[i]
        t = exp(log_t)
        step = t - top
        less_one, below = expm1(k * (log_t - log_lam))
        g = WEIGHTS[i] / NODES[i] * exp(log_t - step * (offset + 0.5 * step))
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
    beyond, inverse = top - lam, 1.0 / lam
    for i in range(NODES.size):
        step = start + span * NODES[i]
        # log(t/λ) from the distance to λ: near λ, log t − log λ would lose its digits.
        log_ratio = log1p((beyond + step) * inverse)
        less_one, below = expm1(k * log_ratio)
        g = WEIGHTS[i] * exp(-step * (offset + 0.5 * step))
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
    # The window of the normal density alone; the singularity of t^(k−1) remains.
    top, offset, below, above = window(w, 1.0, lam)
    if below < top:
        half = 0.5 * (below + above)
        first = _survival_panel(-below, half, top, offset, k, lam)
        second = _survival_panel(half - below, half, top, offset, k, lam)
    else:
        middle = panels.FIRST_PANEL * (top + above)
        first = _survival_start_panel(middle, top, offset, k, lam)
        second = _survival_panel(middle - top, top + above - middle, top, offset, k, lam)
    log_scale = -0.5 * offset * offset - panels.LOG_SQRT_2PI
    by_noise = math.exp(min(node_math.log_normal_cdf(-w) - log_scale, 700.0))
    total = first[0] + second[0] + by_noise
    return (
        log_scale + math.log(total),
        k * (first[1] + second[1]) / total,
        (first[2] + second[2]) / total,
        k / lam * (first[3] + second[3]) / total,
    )


@jit
def _log_tails(w: float, k: float, lam: float) -> tuple[float, float, float, float, float]:
    """Return log F and log S of W, and ∂F/∂(w, k, λ) over the smaller of F and S.

    The smaller tail has its own formula and the larger one is 1 minus it, so that both logarithms
    are accurate relative to themselves. 1 − F is used up to F = 3/4, where it loses two bits.
    """
    c, log_lam = lam - w, math.log(lam)
    if series_holds(w, k + 1.0) and c > FAR:
        log_mean, d_w, mean_log = power_mean(w, k + 1.0)
        # Near λ, log w − log λ would lose the digits of S.
        log_ratio = math.log1p(-c / lam) if c < 0.5 * lam else math.log(w) - log_lam
        log_below = k * log_ratio + log_mean
        log_above = node_math.log1mexp(log_below)
        d_k, d_lam = log_ratio + mean_log, -k / lam
    else:
        # The part of F with noiseless scores below λ. Far from λ it is all of F; elsewhere the
        # scores at λ that are below w by their noise are added.
        log_part, d_w, d_k, _ = log_moment(w, k + 1.0, lam, 0.0)
        log_part -= k * log_lam
        log_below = log_part
        far = lam - max(w, 0.0) - math.sqrt(k) > FAR and w > W_LOW
        if not far:
            log_below = node_math.log_add_exp(log_part, node_math.log_normal_cdf(-c))
        if log_below >= _LOG_3_4:
            log_above, d_w, d_k, d_lam = _survival(w, k, lam)
            return math.log1p(-math.exp(log_above)), log_above, d_w, -d_k, -d_lam
        if not far:
            log_density = log_moment(w, k, lam, 0.0)[0]
            d_w = k * math.exp(log_density - k * log_lam - log_below)
        log_above = math.log1p(-math.exp(log_below))
        part = math.exp(log_part - log_below)
        d_k, d_lam = part * (d_k - log_lam), -part * k / lam
    # So far the partials are relative to F.
    odds = math.exp(log_below - log_above) if log_above < log_below else 1.0
    return log_below, log_above, d_w * odds, d_k * odds, d_lam * odds


@jit
def _quantile(log_below: float, log_above: float, k: float, lam: float) -> float:
    """Return w with log F = `log_below` and log S = `log_above`, by Newton steps in a bracket."""
    below_is_smaller = log_below < log_above
    # P(W ≤ −x) ≤ Φ(−x) < exp(−x²/2), and likewise above λ.
    low = -math.sqrt(-2.0 * log_below) - 1.0
    high = lam + math.sqrt(-2.0 * log_above) + 1.0
    w = min(max(lam * math.exp(log_below / k), low), high)
    for _ in range(200):
        below, above, d_w, _, _ = _log_tails_by_symbol(w, k, lam, 0.0)
        # The equation is in log F or −log S; d_w is relative to the smaller of F and S.
        miss = below - log_below if below_is_smaller else log_above - above
        slope = d_w * math.exp(min(below, above) - (below if below_is_smaller else above))
        if miss < 0.0:
            low = w
        else:
            high = w
        last, w = w, w - miss / slope
        if not low <= w <= high:
            w = 0.5 * (low + high)
        elif abs(w - last) <= _SMALL_STEP * max(abs(w), 1.0):
            break
        if abs(w - last) <= 2.0 * panels.EPS * abs(w) or miss == 0.0:
            break
    return w


def log_tails_entry(w: float, k: float, lam: float, _: float, table: Any, out: Any) -> None:
    """Write the result of `_log_tails` to `out`."""
    out[0], out[1], out[2], out[3], out[4] = _log_tails(w, k, lam)


def quantile_entry(
    log_below: float, log_above: float, k: float, lam: float, table: Any, out: Any
) -> None:
    """Write the result of `_quantile` to `out`."""
    out[0] = _quantile(log_below, log_above, k, lam)
