"""The fast kernel over arrays: what runs of observations with the same k and λ have in common.

In every model k and λ stay the same over many observations: all of them, or those of a search. For
such a run (k and λ fixed, w changing) the kernel prepares what does not depend on w, then takes the
observations one by one. In brackets the time of a value with its partials on a 2.4 GHz AVX2 core;
without runs it is 80 to 300 ns.

===============================  ================================================================
where                            what the run has prepared
===============================  ================================================================
w > 12, λ − w > 20               The coefficients of the series in 1/w², taken for 32 observations
                                 at a time with vector instructions [13 ns].
−8 < w ≤ 12, 0.5 ≤ k < 12        The table's polynomials in (w, log k) at this k: polynomials in w
                                 for each cell that an observation visits [35 ns; 13 ns from the
                                 second observation on].
−9 ≤ λ − w ≤ 9                   Gauss nodes that serve every w, so that an exponential a node is
                                 left [100 ns].
a cell with `MANY` observations  Polynomials of log J itself and of its partials, through exact
                                 values at eight Chebyshev points [15 ns]. Their error is measured
                                 at the middle; if it is too large (beside a zero of J in the
                                 complex plane: k < 0.5, w near 2) the cell stays as it was.
else                             Nothing: `bowl_kernel`, point by point.
===============================  ================================================================

What bounds it: a lone observation waits for chains of dependent multiply-adds and logarithms. Of
100,000 observations, in well filled cells, one takes 14 ns here and 4 ns in the rest of the graph;
memory that the system hands out afresh, where it does, adds 10 to 40 ns.

The value at a point depends on others of its run in one way: whether `MANY` of them share its cell,
which changes it by less than 1e-11 (and by rounding: whether `_FEW` of its block need the series).
A run uses no memory but its own: chains may run in threads.
"""

from typing import Any, NamedTuple

from leadline.distributions.kernels.bowl_integral import gauss_unit_interval
from leadline.distributions.kernels.bowl_kernel import (
    FAR,
    LEAST_REST,
    LOG_SQRT_2PI,
    NEAR,
    NO_LIMIT,
    SERIES_FROM,
    SERIES_TERMS,
    log_bowl,
    next_series_term,
    reach_of_limit,
    series_holds,
)
from leadline.distributions.kernels.node_math import exp, jit, jit_nodes, log, log1p, polynomials

# Observations at a time for which the series is taken with vector instructions, if this many of
# them need it.
BLOCK, _FEW = 32, 8
# Lanes of a cell: value and partials in w, k and λ; of the series: E − 1 and its partials.
LANES, TERMS = 4, 8
CELL_SIZE = LANES * TERMS
_series_at = polynomials(LANES, SERIES_TERMS)

# From λ upwards and downwards: at 9.5 the integrand has fallen to e^−40, and 32 nodes are exact
# to 1e-13 for slopes −0.5 to 9.
_EDGE_NODES, _EDGE_WEIGHTS = gauss_unit_interval(32)
_EDGE_NODES, _EDGE_WEIGHTS = 9.5 * _EDGE_NODES, 9.5 * _EDGE_WEIGHTS
_EDGE = _EDGE_NODES.size
# Downwards, λ has to be clear of 0.
_CLEAR = 10.0

# The workspace of a run: coefficients of the series "(power, lane)"; weights and logs of 1 ± s/λ at
# the edge nodes, above λ and below it; values for interpolation and their coefficients; states of
# the cells, how many observations wait for one or what it holds; cells "(cell, power, lane)".
_SERIES = 0
_EDGES = _SERIES + LANES * SERIES_TERMS
VALUES = _EDGES + 4 * _EDGE
COEFFICIENTS = VALUES + CELL_SIZE + LANES
STATES = COEFFICIENTS + CELL_SIZE


class Run(NamedTuple):
    """What the observations of a run share."""

    k: float
    lam: float
    log_lam: float
    table: Any
    # Where this k is in the table, if it is `in_table`.
    in_table: bool
    row: int
    y: float
    # The left end of the first cell, how many there are, and where they start in the workspace.
    base: float
    cell_count: int
    cells: int
    work: Any


@jit_nodes
def prepare_edge(k: float, lam: float, work: Any) -> None:
    """Write what does not depend on w of the integrals near λ."""
    for side in range(2):
        if side == 1 and lam <= _CLEAR:
            break
        inverse = (1.0 - 2.0 * side) / lam
        start = _EDGES + 2 * _EDGE * side
        for i in range(_EDGE):
            s = _EDGE_NODES[i]
            log_ratio = log1p(s * inverse)
            work[start + i] = _EDGE_WEIGHTS[i] * exp((k - 1.0) * log_ratio - 0.5 * s * s)
            work[start + _EDGE + i] = log_ratio


@jit_nodes
def _edge_sums(d: float, side: int, work: Any) -> tuple[float, float, float]:
    """Return the integrals of `bowl_kernel._edge`, at slope `d`."""
    start = _EDGES + 2 * _EDGE * side
    total, total_s, total_log = 0.0, 0.0, 0.0
    for i in range(_EDGE):
        g = work[start + i] * exp(-d * _EDGE_NODES[i])
        total += g
        total_s += _EDGE_NODES[i] * g
        total_log += work[start + _EDGE + i] * g
    return total, total_s, total_log


@jit
def prepare_series(k: float, work: Any) -> None:
    """Write the coefficients of the series in 1/w²."""
    term, slope = 1.0, 0.0
    for m in range(1, SERIES_TERMS + 1):
        term, slope = next_series_term(m, k - 1.0, term, slope)
        at = _SERIES + LANES * (m - 1)
        work[at], work[at + 1], work[at + 2] = term, 2.0 * m * term, slope
        work[at + 3] = 0.0


@jit
def power_mean_of_run(w: float, run: Run) -> tuple[float, float, float]:
    """Return `bowl_kernel.power_mean` at the run's k."""
    q = 1.0 / (w * w)
    over, over_w, over_k, _ = _series_at(run.work, _SERIES, q)
    over, over_w, over_k = q * over, q * over_w, q * over_k
    scale = 1.0 / (1.0 + over)
    # Many points in turn, one by one: here the inlined logarithm is the faster.
    return log1p(over), (run.k - 1.0 - over_w * scale) / w, over_k * scale


@jit
def series_block(first: int, last: int, w: Any, step: int, run: Run, block: Any) -> bool:
    """Fill `block` "(w, log J∞, partials; observation)", if many enough have w > 12 far below λ.

    One after the other they would wait for two logarithms and three divisions each. LLVM uses
    vector instructions because the length is a constant and the coefficients are not in `block`.
    """
    work = run.work
    needed = 0
    for i in range(last - first):
        here = w[(first + i) * step]
        needed += SERIES_FROM < here < run.lam - NO_LIMIT
        block[i] = max(here, SERIES_FROM)
    if needed < _FEW:
        return False
    for i in range(last - first, BLOCK):
        block[i] = SERIES_FROM
    a = run.k - 1.0
    for i in range(BLOCK):
        here = block[i]
        inverse = 1.0 / here
        q = inverse * inverse
        over, over_w, over_k = 0.0, 0.0, 0.0
        for m in range(SERIES_TERMS):
            at = _SERIES + LANES * (SERIES_TERMS - 1 - m)
            over = (over + work[at]) * q
            over_w = (over_w + work[at + 1]) * q
            over_k = (over_k + work[at + 2]) * q
        scale = 1.0 / (1.0 + over)
        log_w = log(here)
        block[BLOCK + i] = log1p(over) + a * log_w
        block[2 * BLOCK + i] = (a - over_w * scale) * inverse
        block[3 * BLOCK + i] = over_k * scale + log_w
    return True


@jit
def limited(
    w: float, known: bool, value: float, d_w: float, d_k: float, run: Run
) -> tuple[float, float, float, float]:
    """Return log J and its partials, from those of J∞ if they are `known`."""
    k, lam = run.k, run.lam
    c = lam - w
    if not known and series_holds(w, k):
        value, d_w, d_k = power_mean_of_run(w, run)
        log_w = log(w)
        value, d_k = value + (k - 1.0) * log_w, d_k + log_w
        known = True
    if known and c > NEAR:
        if c > NO_LIMIT:
            return value, d_w, d_k, 0.0
        d_lam = exp((k - 1.0) * run.log_lam - 0.5 * c * c - LOG_SQRT_2PI - value)
        if c > reach_of_limit(w, k):
            return value, d_w, d_k, d_lam
        past, past_s, past_log = _edge_sums(c, 0, run.work)
        rest = 1.0 - d_lam * past
        if rest > LEAST_REST:
            scale = 1.0 / rest
            d_w = (d_w - d_lam * (c * past + past_s)) * scale
            d_k = (d_k - d_lam * (run.log_lam * past + past_log)) * scale
            return value + log(rest), d_w, d_k, d_lam * scale
    elif -FAR <= c <= NEAR and lam > _CLEAR:
        total, total_s, total_log = _edge_sums(-c, 1, run.work)
        scale = 1.0 / total
        value = (k - 1.0) * run.log_lam - 0.5 * c * c - LOG_SQRT_2PI + log(total)
        return value, c - total_s * scale, run.log_lam + total_log * scale, scale
    return log_bowl(w, k, lam, 0.0)
