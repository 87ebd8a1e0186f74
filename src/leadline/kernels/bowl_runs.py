r"""The fast kernel over arrays: what runs of observations with the same k and λ have in common.

In every model k and λ stay the same over many observations: all of them, or those of a search. For
such a run (k and λ fixed, w changing) this module prepares what does not depend on w, then takes
the observations one by one. In brackets the time of value and partials on an AVX2 machine.

===============================  ================================================================
where                            what the run has prepared
===============================  ================================================================
w > 12                           The coefficients of the series, in 1/w² [15 ns].
−8 < w ≤ 12, 0.5 ≤ k < 12        The table's polynomials in (w, log k), at this k: polynomials in w
                                 for each cell that an observation visits [20 ns, 10 from the
                                 second on].
λ − w ≤ 9, as far as −9          Gauss nodes that serve every w, so that an exponential a node is
                                 left [60 ns].
a cell with `MANY` observations  Polynomials of log J itself and of its partials, through exact
                                 values at eight Chebyshev points [6 ns]. Their error is measured
                                 at the middle; too large a one (beside a zero of J in the
                                 complex plane) leaves the cell as it was.
else                             Nothing: `leadline.kernels.bowl_kernel`, point by point.
===============================  ================================================================

The value at a point depends on other points of its run in one way: whether `MANY` of them share its
cell, which changes it by less than 1e-12. A run uses no memory but its own, so that chains may run
in threads.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from leadline.kernels.bowl_integral import gauss_unit_interval
from leadline.kernels.bowl_kernel import (
    CELL_LOG_K,
    CELL_W,
    FAR,
    LEAST_REST,
    LOG_3_4,
    LOG_SQRT_2PI,
    NEAR,
    NO_LIMIT,
    SERIES_FROM,
    SERIES_TERMS,
    TABLE_SHAPE,
    W_HIGH,
    W_LOW,
    cell_polynomials,
    log_bowl,
    log_tails,
    next_series_term,
    reach_of_limit,
    series_holds,
    table_row,
    tabulated,
    tail_by_noise,
    tails_of_part,
    tails_of_power_mean,
)
from leadline.kernels.node_math import exp, jit, jit_nodes, log, log1p, polynomials

# Runs shorter than this are not worth the preparation.
_SHORT = 3
# Observations at a time for which the series is taken with vector instructions, if this many of
# them need it.
_BLOCK, _FEW = 32, 8
# Observations in a cell from which on nine exact values cost less than they save.
MANY = 16
# Cells start at the least w of the run, or here: rare scores further out get no cells.
_LOWEST_CELL = -16.0
_LEAST_CELLS, _MOST_CELLS = 128, 4096
_UNLIMITED, _WHOLE, _SINGLE = -1.0, -2.0, -3.0

# Lanes of a cell: value and partials in w, k and λ; of the series: E − 1 and its partials.
_LANES, _TERMS = 4, 8
_CELL_SIZE = _LANES * _TERMS
_cell_at = polynomials(_LANES, _TERMS)
_series_at = polynomials(_LANES, SERIES_TERMS)

# From λ upwards and downwards: at 9.5 the integrand has fallen to e^−40, and 32 nodes are exact
# to 1e-13 for slopes −0.5 to 9.
_EDGE_NODES, _EDGE_WEIGHTS = gauss_unit_interval(32)
_EDGE_NODES, _EDGE_WEIGHTS = 9.5 * _EDGE_NODES, 9.5 * _EDGE_WEIGHTS
_EDGE = _EDGE_NODES.size
# Downwards, λ has to be clear of 0.
_CLEAR = 10.0

# The points at which a cell is interpolated and, last, the one where that is checked; and the
# matrix from the values to the coefficients of powers.
_CHEBYSHEV = np.append(np.cos(np.pi * (np.arange(_TERMS) + 0.5) / _TERMS), 0.0)
_TO_POWERS = np.linalg.inv(np.vander(_CHEBYSHEV[:-1], increasing=True))
_TOLERANCE = 1e-12

# The workspace of a run: coefficients of the series "(power, lane)"; weights and logs of 1 ± s/λ at
# the edge nodes, above λ and below it; values for interpolation and their coefficients; states of
# the cells, how many observations wait for one or what it holds; cells "(cell, power, lane)".
_SERIES = 0
_EDGES = _SERIES + _LANES * SERIES_TERMS
_VALUES = _EDGES + 4 * _EDGE
_COEFFICIENTS = _VALUES + _CELL_SIZE + _LANES
_STATES = _COEFFICIENTS + _CELL_SIZE


class _Run(NamedTuple):
    """What the observations of a run share."""

    k: float
    lam: float
    log_lam: float
    table: Any
    # Where this k is in the table, if `tabulated`.
    tabulated: bool
    row: int
    y: float
    # The left end of the first cell, how many there are, and where they start in the workspace.
    base: float
    count: int
    cells: int
    work: Any


@jit_nodes
def _prepare_edge(k: float, lam: float, work: Any) -> None:
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
def _prepare_series(k: float, work: Any) -> None:
    term, slope = 1.0, 0.0
    for m in range(1, SERIES_TERMS + 1):
        term, slope = next_series_term(m, k - 1.0, term, slope)
        at = _SERIES + _LANES * (m - 1)
        work[at], work[at + 1], work[at + 2] = term, 2.0 * m * term, slope
        work[at + 3] = 0.0


@jit
def _power_mean(w: float, run: _Run) -> tuple[float, float, float]:
    """Return `bowl_kernel.power_mean` at the run's k."""
    q = 1.0 / (w * w)
    over, over_w, over_k, _ = _series_at(run.work, _SERIES, q)
    over, over_w, over_k = q * over, q * over_w, q * over_k
    scale = 1.0 / (1.0 + over)
    # Many points in turn, one by one: here the inlined logarithm is the faster.
    return log1p(over), (run.k - 1.0 - over_w * scale) / w, over_k * scale


@jit
def _series_block(first: int, last: int, w: Any, step: int, run: _Run, block: Any) -> bool:
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
    for i in range(last - first, _BLOCK):
        block[i] = SERIES_FROM
    a = run.k - 1.0
    for i in range(_BLOCK):
        here = block[i]
        inverse = 1.0 / here
        q = inverse * inverse
        over, over_w, over_k = 0.0, 0.0, 0.0
        for m in range(SERIES_TERMS):
            at = _SERIES + _LANES * (SERIES_TERMS - 1 - m)
            over = (over + work[at]) * q
            over_w = (over_w + work[at + 1]) * q
            over_k = (over_k + work[at + 2]) * q
        scale = 1.0 / (1.0 + over)
        log_w = log(here)
        block[_BLOCK + i] = log1p(over) + a * log_w
        block[2 * _BLOCK + i] = (a - over_w * scale) * inverse
        block[3 * _BLOCK + i] = over_k * scale + log_w
    return True


@jit
def _limited(
    w: float, known: bool, value: float, d_w: float, d_k: float, run: _Run
) -> tuple[float, float, float, float]:
    """Return log J and its partials, from those of J∞ if they are `known`."""
    k, lam = run.k, run.lam
    c = lam - w
    if not known and series_holds(w, k):
        value, d_w, d_k = _power_mean(w, run)
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


@jit
def _from_table(cell: int, left: float, run: _Run) -> None:
    """Fill the cell at `cell` with log J∞ and its partials in w and k."""
    i = int((left - W_LOW) * (1.0 / CELL_W) + 0.5)
    values_and_slopes = cell_polynomials(run.table, (i * TABLE_SHAPE[1] + run.row) * 64, run.y)
    work = run.work
    scale_k = 2.0 / (CELL_LOG_K * run.k)
    for power in range(_TERMS):
        at = cell + _LANES * power
        work[at] = values_and_slopes[power]
        work[at + 2] = scale_k * values_and_slopes[_TERMS + power]
        work[at + 3] = 0.0
    if left < 0.0:
        # Left of 0 the table holds log J + w²/2.
        middle, half = left + 0.5 * CELL_W, 0.5 * CELL_W
        work[cell] -= 0.5 * middle * middle
        work[cell + _LANES] -= middle * half
        work[cell + 2 * _LANES] -= 0.5 * half * half
    for power in range(1, _TERMS):
        at = cell + _LANES * power
        work[at - _LANES + 1] = power * (2.0 / CELL_W) * work[at]
    work[cell + _CELL_SIZE - _LANES + 1] = 0.0


@jit
def _interpolate(cell: int, left: float, has_table: bool, run: _Run) -> bool:
    """Fill the cell at `cell` with log J and its partials, unless they are no polynomials there."""
    work = run.work
    for j in range(_TERMS + 1):
        x = _CHEBYSHEV[j]
        w = left + 0.5 * CELL_W * (1.0 + x)
        value, d_w, d_k, known = 0.0, 0.0, 0.0, False
        if has_table:
            value, d_w, d_k, _ = _cell_at(work, cell, x)
        at = _VALUES + _LANES * j
        work[at], work[at + 1], work[at + 2], work[at + 3] = _limited(
            w, has_table, value, d_w, d_k, run
        )
    for power in range(_TERMS):
        for lane in range(_LANES):
            total = 0.0
            for j in range(_TERMS):
                total += _TO_POWERS[power, j] * work[_VALUES + _LANES * j + lane]
            work[_COEFFICIENTS + _LANES * power + lane] = total
    for lane in range(_LANES):
        exact = work[_VALUES + _CELL_SIZE + lane]
        # Written so that nan fails.
        if not abs(work[_COEFFICIENTS + lane] - exact) <= _TOLERANCE * max(1.0, abs(exact)):
            return False
    for i in range(_CELL_SIZE):
        work[cell + i] = work[_COEFFICIENTS + i]
    return True


@jit
def _fill_cell(cell: int, left: float, visits: float, run: _Run) -> float:
    """Fill the cell at `cell` as `visits` observations deserve; return its state."""
    right = left + CELL_W
    unlimited = run.lam - right > NO_LIMIT
    has_table = run.tabulated and left >= W_LOW and right <= W_HIGH
    if has_table:
        _from_table(cell, left, run)
        if unlimited:
            return _WHOLE
    if unlimited and series_holds(left, run.k):
        return _SINGLE
    if visits >= MANY and _interpolate(cell, left, has_table, run):
        return _WHOLE
    return _UNLIMITED if has_table else _SINGLE


@jit
def _evaluate(w: float, run: _Run) -> tuple[float, float, float, float]:
    """Return log J and its partials."""
    x = (w - run.base) * (1.0 / CELL_W)
    value, d_w, d_k, known = 0.0, 0.0, 0.0, False
    if 0.0 <= x < run.count:
        i = int(x)
        cell = run.cells + i * _CELL_SIZE
        state = run.work[_STATES + i]
        if state >= 0.0:
            state = _fill_cell(cell, run.base + i * CELL_W, state, run)
            run.work[_STATES + i] = state
        known = state != _SINGLE
        if known:
            value, d_w, d_k, d_lam = _cell_at(run.work, cell, 2.0 * (x - i) - 1.0)
            if state == _WHOLE:
                return value, d_w, d_k, d_lam
    return _limited(w, known, value, d_w, d_k, run)


@jit
def _start_run(
    start: int, stop: int, w: Any, step: int, k: float, lam: float, table: Any, most_cells: int,
    work: Any,
) -> _Run:  # fmt: skip
    """Prepare the run of observations `start` to `stop`."""
    low, high = np.inf, -np.inf
    for i in range(start, stop):
        low, high = min(low, w[i * step]), max(high, w[i * step])
    base = np.floor(max(low, _LOWEST_CELL))
    # Written so that there are none if every w is nan.
    count = int(min((high - base) * (1.0 / CELL_W) + 1.0, most_cells)) if high >= base else 0
    for i in range(count):
        work[_STATES + i] = 0.0
    if stop - start >= MANY:
        for i in range(start, stop):
            x = (w[i * step] - base) * (1.0 / CELL_W)
            if 0.0 <= x < count:
                work[_STATES + int(x)] += 1.0
    # A cell's points for interpolation may lie above all observations.
    high += CELL_W
    if high > SERIES_FROM:
        _prepare_series(k, work)
    if lam - max(high, 0.0) <= FAR + math.sqrt(max(k - 1.0, 0.0)):
        _prepare_edge(k, lam, work)
    in_table = tabulated(k, lam)
    row, y = 0, 0.0
    if in_table:
        row, y = table_row(math.log(k))
    cells = _STATES + most_cells
    return _Run(k, lam, math.log(lam), table, in_table, row, y, base, count, cells, work)


@jit
def _stop_of_run(start: int, points: int, k: Any, k_step: int, lam: Any, lam_step: int) -> int:
    """Return where k or λ change next."""
    if k_step == 0 and lam_step == 0:
        return points
    stop = start + 1
    while (
        stop < points
        and k[stop * k_step] == k[start * k_step]
        and lam[stop * lam_step] == lam[start * lam_step]
    ):
        stop += 1
    return stop


@jit
def _most_cells(points: int) -> int:
    return min(max(_LEAST_CELLS, points // MANY), _MOST_CELLS)


@jit
def workspace_size(points: int) -> int:
    """Return how many numbers the workspace of a run takes, of an array with so many points."""
    return _STATES + (1 + _CELL_SIZE) * _most_cells(points)


# How many numbers more each entry point needs, as a multiple of that size and a constant.
LOG_BOWL_WORKSPACE, LOG_TAILS_WORKSPACE = (0, 4 * _BLOCK), (1, 0)


@jit
def _write_bowl(out: Any, points: int, i: int, result: tuple[float, float, float, float]) -> None:
    out[i], out[points + i], out[2 * points + i], out[3 * points + i] = result


def log_bowl_runs(
    points: int, w: Any, w_step: int, k: Any, k_step: int, lam: Any, lam_step: int, table: Any,
    work: Any, block: Any, out: Any,
) -> None:  # fmt: skip
    """Write log J and its partials in w, k and λ to `out` "(output, point)"."""
    cells = _most_cells(points)
    # Typed, or numba would compile what takes it for a literal 0, too.
    start = np.int64(0)
    while start < points:
        k_run, lam_run = k[start * k_step], lam[start * lam_step]
        stop = _stop_of_run(start, points, k, k_step, lam, lam_step)
        if stop - start < _SHORT:
            for i in range(start, stop):
                _write_bowl(out, points, i, log_bowl(w[i * w_step], k_run, lam_run, 0.0))
        else:
            run = _start_run(start, stop, w, w_step, k_run, lam_run, table, cells, work)
            for first in range(start, stop, _BLOCK):
                last = min(first + _BLOCK, stop)
                by_series = _series_block(first, last, w, w_step, run, block)
                for i in range(first, last):
                    here = w[i * w_step]
                    if by_series and series_holds(here, k_run) and here < lam_run - NO_LIMIT:
                        at = i - first + _BLOCK
                        out[i], out[points + i] = block[at], block[at + _BLOCK]
                        out[2 * points + i], out[3 * points + i] = block[at + 2 * _BLOCK], 0.0
                    else:
                        _write_bowl(out, points, i, _evaluate(here, run))
        start = stop


@jit
def _tails(w: float, run: _Run, run_next: _Run) -> tuple[float, float, float, float, float]:
    """Return what `bowl_kernel` does for both tails, from the runs of k and of k + 1."""
    k, lam, log_lam = run.k, run.lam, run.log_lam
    if series_holds(w, k + 1.0) and lam - w > FAR:
        return tails_of_power_mean(w, k, lam, log_lam, _power_mean(w, run_next))
    log_part, d_w, d_k, _ = _evaluate(w, run_next)
    log_part -= k * log_lam
    log_below, whole = tail_by_noise(w, k, lam, log_part)
    if not log_below < LOG_3_4:
        return log_tails(w, k, lam, 0.0)
    log_density = 0.0 if whole else _evaluate(w, run)[0]
    return tails_of_part(k, lam, log_lam, log_below, log_part, whole, d_w, d_k, log_density)


@jit
def _write_tails(
    out: Any, points: int, i: int, result: tuple[float, float, float, float, float]
) -> None:
    out[i], out[points + i], out[2 * points + i] = result[:3]
    out[3 * points + i], out[4 * points + i] = result[3:]


def log_tails_runs(
    points: int, w: Any, w_step: int, k: Any, k_step: int, lam: Any, lam_step: int, table: Any,
    work: Any, work_next: Any, out: Any,
) -> None:  # fmt: skip
    """Write log F, log S and the partials of F over the smaller to `out` "(output, point)"."""
    cells = _most_cells(points)
    # Typed, or numba would compile what takes it for a literal 0, too.
    start = np.int64(0)
    while start < points:
        k_run, lam_run = k[start * k_step], lam[start * lam_step]
        stop = _stop_of_run(start, points, k, k_step, lam, lam_step)
        if stop - start < _SHORT:
            for i in range(start, stop):
                _write_tails(out, points, i, log_tails(w[i * w_step], k_run, lam_run, 0.0))
        else:
            where = (start, stop, w, w_step)
            run = _start_run(*where, k_run, lam_run, table, cells, work)
            run_next = _start_run(*where, k_run + 1.0, lam_run, table, cells, work_next)
            for i in range(start, stop):
                _write_tails(out, points, i, _tails(w[i * w_step], run, run_next))
        start = stop
