"""The fast kernel over arrays: polynomials in w of a run, in cells of width 1/4.

A cell is filled when the first observation visits it: from the table, or, where λ is near, through
exact values if there are observations enough. `leadline.distributions.kernels.bowl_runs` says more.
"""

import numpy as np

from leadline.distributions.kernels.bowl_kernel import (
    CELL_LOG_K,
    CELL_W,
    NO_LIMIT,
    TABLE_SHAPE,
    W_HIGH,
    W_LOW,
    cell_polynomials,
    series_holds,
)
from leadline.distributions.kernels.bowl_runs import (
    CELL_SIZE,
    COEFFICIENTS,
    LANES,
    STATES,
    TERMS,
    VALUES,
    Run,
    limited,
)
from leadline.distributions.kernels.node_math import jit, polynomials

# Observations in a cell from which on nine exact values cost less than they save.
MANY = 16
# What a cell holds: log J∞, log J, nothing. (Up to then, how many observations it will serve.)
_UNLIMITED, _WHOLE, _SINGLE = -1.0, -2.0, -3.0

_cell_at = polynomials(LANES, TERMS)

# The points at which a cell is interpolated and, last, the one where that is checked; and the
# matrix from the values to the coefficients of powers.
_CHEBYSHEV = np.append(np.cos(np.pi * (np.arange(TERMS) + 0.5) / TERMS), 0.0)
_TO_POWERS = np.linalg.inv(np.vander(_CHEBYSHEV[:-1], increasing=True))
_TOLERANCE = 1e-12


@jit
def _from_table(cell: int, left: float, run: Run) -> None:
    """Fill the cell at `cell` with log J∞ and its partials in w and k."""
    i = int((left - W_LOW) * (1.0 / CELL_W) + 0.5)
    values_and_slopes = cell_polynomials(run.table, (i * TABLE_SHAPE[1] + run.row) * 64, run.y)
    work = run.work
    scale_k = 2.0 / (CELL_LOG_K * run.k)
    for power in range(TERMS):
        at = cell + LANES * power
        work[at] = values_and_slopes[power]
        work[at + 2] = scale_k * values_and_slopes[TERMS + power]
        work[at + 3] = 0.0
    if left < 0.0:
        # Left of 0 the table holds log J + w²/2.
        middle, half = left + 0.5 * CELL_W, 0.5 * CELL_W
        work[cell] -= 0.5 * middle * middle
        work[cell + LANES] -= middle * half
        work[cell + 2 * LANES] -= 0.5 * half * half
    for power in range(1, TERMS):
        at = cell + LANES * power
        work[at - LANES + 1] = power * (2.0 / CELL_W) * work[at]
    work[cell + CELL_SIZE - LANES + 1] = 0.0


@jit
def _interpolate(cell: int, left: float, has_table: bool, run: Run) -> bool:
    """Fill the cell at `cell` with log J and its partials, unless they are no polynomials there."""
    work = run.work
    for j in range(TERMS + 1):
        x = _CHEBYSHEV[j]
        w = left + 0.5 * CELL_W * (1.0 + x)
        value, d_w, d_k = 0.0, 0.0, 0.0
        if has_table:
            value, d_w, d_k, _ = _cell_at(work, cell, x)
        at = VALUES + LANES * j
        work[at], work[at + 1], work[at + 2], work[at + 3] = limited(
            w, has_table, value, d_w, d_k, run
        )
    for power in range(TERMS):
        for lane in range(LANES):
            total = 0.0
            for j in range(TERMS):
                total += _TO_POWERS[power, j] * work[VALUES + LANES * j + lane]
            work[COEFFICIENTS + LANES * power + lane] = total
    for lane in range(LANES):
        exact = work[VALUES + CELL_SIZE + lane]
        # Written so that nan fails.
        if not abs(work[COEFFICIENTS + lane] - exact) <= _TOLERANCE * max(1.0, abs(exact)):
            return False
    for i in range(CELL_SIZE):
        work[cell + i] = work[COEFFICIENTS + i]
    return True


@jit
def _fill_cell(cell: int, left: float, visits: float, run: Run) -> float:
    """Fill the cell at `cell` as `visits` observations deserve; return its state."""
    right = left + CELL_W
    unlimited = run.lam - right > NO_LIMIT
    has_table = run.in_table and left >= W_LOW and right <= W_HIGH
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
def evaluate(w: float, run: Run) -> tuple[float, float, float, float]:
    """Return log J and its partials."""
    x = (w - run.base) * (1.0 / CELL_W)
    value, d_w, d_k, known = 0.0, 0.0, 0.0, False
    if 0.0 <= x < run.cell_count:
        i = int(x)
        cell = run.cells + i * CELL_SIZE
        state = run.work[STATES + i]
        if state >= 0.0:
            state = _fill_cell(cell, run.base + i * CELL_W, state, run)
            run.work[STATES + i] = state
        known = state != _SINGLE
        if known:
            value, d_w, d_k, d_lam = _cell_at(run.work, cell, 2.0 * (x - i) - 1.0)
            if state == _WHOLE:
                return value, d_w, d_k, d_lam
    return limited(w, known, value, d_w, d_k, run)
