r"""The partial moment J and the survival function S as plain PyTensor expressions.

.. math::

    J(w, k, λ) = \int_0^λ t^{k-1} φ(w - t) dt, \qquad
    S(w, k, λ) = Φ(-w) + \int_0^λ \bigl(1 - (t/λ)^k\bigr) φ(w - t) dt

with φ and Φ the standard normal density and distribution function. With k = γ/2, w = (y − α)/σ and
λ = (β − α)/σ, the noisy quadratic of Lourie, He and Cho (2025, arXiv 2510.02721) has the density
k λ^(−k) J(w, k, λ)/σ and the survival function S. (S is Φ(λ − w) − λ^(−k) J(w, k + 1, λ)
integrated by parts. As a sum of positive terms it does not cancel far above β.)

The quadratures here have fixed nodes, are accurate over the whole range, and have derivatives of
any order. They serve backends without a fast kernel and tests. With 80 nodes per point they are
about fifty times slower than the fast kernel.

Method. With t = exp(x) the integrand is exp(h), h(t) = k log t − (t − w)²/2, concave in t with one
peak at t* = (w + √(w² + 4k))/2. The integral is cut where h has fallen by ``DROP`` below its
largest value on (0, λ], which loses a relative exp(−DROP). The rest is split into two panels of
40 Gauss-Legendre nodes. The first panel is integrated in u with t = t_lo + (t_mid − t_lo) u^p. If
the window starts at 0, the power p turns the singularity t^(k−1) into the smooth u^(pk − 1);
otherwise p = 1.
"""

import math
from typing import Any

import pytensor
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.partial_moment.panels import (
    DROP,
    FIRST_PANEL,
    LOG_NODES,
    LOG_SQRT_2PI,
    LOG_WEIGHTS,
    NODES,
    REACH,
    START_EXPONENT,
    WINDOW_STEPS,
)
from leadline.distributions.special import float64, log1mexp, log_normal_cdf

# Halvings of a bracket that is at most 1e8 wide; they end at the spacing of floats.
_HALVINGS = 80


def _log_sum_exp_nodes(x: TensorVariable) -> TensorVariable:
    """Return log Σ exp(x) over the nodes, the last axis."""
    largest = disconnected_grad(pt.max(x, axis=-1, keepdims=True))
    return pt.log(pt.sum(pt.exp(x - largest), axis=-1)) + largest[..., 0]


def _window(
    w: TensorVariable, k: TensorVariable, lam: TensorVariable, singular_exponent: TensorVariable
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Return log t, t − w and the log of the weight of dt at the nodes of both panels.

    The window is that of exp(k log t − (t − w)²/2) d(log t) on (0, λ], and `singular_exponent` the
    smallest s of the terms t^s in dt/t of the caller's integrand. The arguments have one common
    shape; the results have the nodes as a further axis, the last one.
    """
    # The peak and its distance from w, each from the formula that does not cancel.
    root = pt.sqrt(w**2 + 4.0 * k)
    positive = w > 0.0
    peak = pt.switch(positive, 0.5 * (root + w), 2.0 * k / (root - pt.minimum(w, 0.0)))
    peak_offset = pt.switch(positive, 2.0 * k / (root + pt.maximum(w, 0.0)), peak - w)
    limited = peak > lam
    top = pt.minimum(peak, lam)
    top_offset = pt.switch(limited, lam - w, peak_offset)

    # From the top, h falls at least as fast as its tangent and a parabola of its curvature there.
    slope = pt.switch(limited, k / top - top_offset, 0.0)
    curvature = 1.0 + k / top**2
    below = 2.0 * DROP / (slope + pt.sqrt(slope**2 + 2.0 * curvature * DROP))
    clear = top - below > 0.0

    # Above the peak h'' < −1, so that REACH is always enough. Newton steps on a concave function
    # that start outside the window stay outside.
    above = REACH * pt.ones_like(peak)
    for _ in range(WINDOW_STEPS):
        drop = DROP + k * pt.log1p(above / peak) - above * peak_offset - 0.5 * above**2
        above = above - drop / (k / (peak + above) - peak_offset - above)
    limited_above = lam - peak < above

    # The gradient may take edges where the integrand has vanished as constants, but not the limits
    # of the integral.
    width = pt.switch(limited_above, lam - w, disconnected_grad(peak_offset + above))
    end = pt.switch(limited_above, lam, disconnected_grad(peak + above))
    start_offset = disconnected_grad(top_offset - pt.minimum(below, top))
    middle_offset = disconnected_grad(0.5 * (start_offset + width))
    middle = pt.switch(clear, 1.0, FIRST_PANEL * end)
    power = disconnected_grad(pt.switch(clear, 1.0, 1.0 + START_EXPONENT / singular_exponent))

    column = (..., None)
    w, clear, power = w[column], clear[column], power[column]
    middle, end = middle[column], end[column]
    start_offset, middle_offset, width = start_offset[column], middle_offset[column], width[column]

    # Nodes clear of 0 are kept as distances from w, since t − w would lose digits for a large t;
    # other nodes as t and log t, since w + offset would lose digits for a tiny t.
    first_span = middle_offset - start_offset
    second_span = pt.switch(clear, width - middle_offset, end - middle)
    first_log_t = pt.switch(
        clear,
        pt.log(pt.switch(clear, w + start_offset + first_span * NODES, 1.0)),
        pt.log(middle) + power * LOG_NODES,
    )
    first_offset = pt.switch(clear, start_offset + first_span * NODES, pt.exp(first_log_t) - w)
    second_offset = pt.switch(
        clear, middle_offset + second_span * NODES, middle + second_span * NODES - w
    )
    second_t = pt.switch(clear, w + second_offset, middle + second_span * NODES)
    first_log_weight = pt.log(pt.switch(clear, first_span, middle * power)) + pt.switch(
        clear, 0.0, (power - 1.0) * LOG_NODES
    )
    second_log_weight = pt.log(second_span) + LOG_WEIGHTS
    return (
        pt.concatenate([first_log_t, pt.log(second_t)], axis=-1),
        pt.concatenate([first_offset, second_offset], axis=-1),
        pt.concatenate([first_log_weight + LOG_WEIGHTS, second_log_weight], axis=-1),
    )


def log_moment_with_partials(w: Any, k: Any, lam: Any) -> list[TensorVariable]:
    """Return log J and its partials in w, k and λ, for finite w and positive k and λ.

    The partials are means over the nodes of one quadrature, a third of the graph that automatic
    differentiation makes. The arguments broadcast.
    """
    w, k, lam = pt.broadcast_arrays(float64(w), float64(k), float64(lam))
    log_t, offset, log_weight = _window(w, k, lam, k)
    terms = (k[..., None] - 1.0) * log_t - 0.5 * offset**2 + log_weight
    log_sum = _log_sum_exp_nodes(terms)
    share = pt.exp(terms - log_sum[..., None])
    limit = (k - 1.0) * pt.log(lam) - 0.5 * (w - lam) ** 2
    return [
        log_sum - LOG_SQRT_2PI,
        pt.sum(share * offset, axis=-1),
        pt.sum(share * log_t, axis=-1),
        pt.exp(limit - log_sum),
    ]


def log_tails_with_partials(w: Any, k: Any, lam: Any) -> list[TensorVariable]:
    """Return log F, log S and the partials of F in w, k and λ over the smaller of F and S.

    F is P(W ≤ w) = 1 − S. The smaller of F and S comes from its own integral, the larger one is 1
    minus it, so that both logarithms are accurate relative to themselves. The partials are
    integrals over the nodes of J(w, k, λ): k λ^(−k) J(w, k, λ), λ^(−k) ∫ log(t/λ) t^k φ(w − t) dt
    and −k λ^(−k−1) J(w, k + 1, λ). The parameters are those of `log_moment_with_partials`.
    """
    w, k, lam = pt.broadcast_arrays(float64(w), float64(k), float64(lam))
    # The integrals of J and of S in one array, which halves the graph. The window of S is that of
    # the normal density alone, k = 1 in h; its singularity is still t^k.
    one = pt.ones_like(k)
    pairs = ([w, w], [k, one], [lam, lam], [k, pt.minimum(k, one)])
    log_t, offset, log_weight = _window(*map(pt.stack, pairs))
    # log(t/λ), near λ from the distance to it, where log t − log λ would lose digits.
    relative = (offset + (w - lam)[..., None]) / lam[..., None]
    near = relative > -0.5
    log_far_ratio = log_t - pt.log(lam)[..., None]
    log_ratio = pt.switch(near, pt.log1p(pt.switch(near, relative, 0.0)), log_far_ratio)
    log_measure = log_weight - 0.5 * offset**2
    # The window of J(w, k + 1, λ) ends later, but only 1e-15 of that integral lies beyond this one.
    next_terms = log_measure[0] + k[..., None] * log_t[0]
    survival_terms = log_measure[1] + log1mexp(k[..., None] * log_ratio[1])
    log_sums = _log_sum_exp_nodes(pt.stack([next_terms - log_t[0], next_terms, survival_terms]))
    log_moment, log_next, log_survival = log_sums[0], log_sums[1], log_sums[2]
    scale = k * pt.log(lam) + LOG_SQRT_2PI
    log_tails = pt.logaddexp(
        log_normal_cdf(pt.stack([w - lam, -w])),
        pt.stack([log_next - scale, log_survival - LOG_SQRT_2PI]),
    )
    log_cdf, log_sf = log_tails[0], log_tails[1]
    below_is_smaller = log_cdf < -math.log(2.0)
    smaller = pt.switch(below_is_smaller, log_cdf, log_sf)
    larger = log1mexp(smaller)
    scale = scale + smaller
    share = pt.exp(next_terms - log_next[..., None])
    next_over_smaller = pt.exp(log_next - scale)
    return [
        pt.switch(below_is_smaller, smaller, larger),
        pt.switch(below_is_smaller, larger, smaller),
        k * pt.exp(log_moment - scale),
        next_over_smaller * pt.sum(share * log_ratio[0], axis=-1),
        -k / lam * next_over_smaller,
    ]


def quantile_by_bisection(log_below: Any, log_above: Any, k: Any, lam: Any) -> TensorVariable:
    """Return w with log P(W ≤ w) = `log_below` and log P(W > w) = `log_above`."""
    log_below, log_above, k, lam = pt.broadcast_arrays(
        float64(log_below), float64(log_above), float64(k), float64(lam)
    )
    below_is_smaller = log_below < log_above
    # P(W ≤ −x) ≤ Φ(−x) ≤ exp(−x²/2), and likewise above λ.
    low = -pt.sqrt(-2.0 * log_below) - 1.0
    high = lam + pt.sqrt(-2.0 * log_above) + 1.0

    def halve(low, high, below_is_smaller, log_below, log_above, k, lam):  # type: ignore[no-untyped-def]
        middle = 0.5 * (low + high)
        below, above, *_ = log_tails_with_partials(middle, k, lam)
        go_up = pt.switch(below_is_smaller, below < log_below, above > log_above)
        return pt.switch(go_up, middle, low), pt.switch(go_up, high, middle)

    lows, highs = pytensor.scan(
        halve,
        outputs_info=[low, high],
        non_sequences=[below_is_smaller, log_below, log_above, k, lam],
        n_steps=_HALVINGS,
        return_updates=False,
    )
    return 0.5 * (lows[-1] + highs[-1])
