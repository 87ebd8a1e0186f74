"""The fast kernel over arrays: its entry points, which take an array run by run.

`leadline.distributions.kernels.bowl_runs` explains what a run is and what it prepares.
"""

import math
from typing import Any

import numpy as np

from leadline.distributions.kernels.bowl_cells import MANY, evaluate
from leadline.distributions.kernels.bowl_kernel import (
    CELL_W,
    FAR,
    NO_LIMIT,
    SERIES_FROM,
    log_bowl,
    series_holds,
    table_row,
    tabulated,
)
from leadline.distributions.kernels.bowl_runs import (
    BLOCK,
    CELL_SIZE,
    STATES,
    Run,
    power_mean_of_run,
    prepare_edge,
    prepare_series,
    series_block,
)
from leadline.distributions.kernels.bowl_tails import (
    LOG_3_4,
    log_tails,
    tail_by_noise,
    tails_of_part,
    tails_of_power_mean,
)
from leadline.distributions.kernels.node_math import jit

# Runs shorter than this are not worth the preparation.
_SHORT = 3
# Cells start at the least w of the run, or here: rare scores further out get no cells.
_LOWEST_CELL = -16.0
_LEAST_CELLS, _MOST_CELLS = 128, 4096


@jit
def _start_run(
    start: int, stop: int, w: Any, step: int, k: float, lam: float, table: Any, most_cells: int,
    work: Any,
) -> Run:  # fmt: skip
    """Prepare the run of observations `start` to `stop`."""
    low, high = np.inf, -np.inf
    for i in range(start, stop):
        low, high = min(low, w[i * step]), max(high, w[i * step])
    base = np.floor(max(low, _LOWEST_CELL))
    # Written so that there are none if every w is nan.
    count = int(min((high - base) * (1.0 / CELL_W) + 1.0, most_cells)) if high >= base else 0
    for i in range(count):
        work[STATES + i] = 0.0
    if stop - start >= MANY:
        for i in range(start, stop):
            x = (w[i * step] - base) * (1.0 / CELL_W)
            if 0.0 <= x < count:
                work[STATES + int(x)] += 1.0
    # A cell's points for interpolation may lie above all observations.
    high += CELL_W
    if high > SERIES_FROM:
        prepare_series(k, work)
    if lam - max(high, 0.0) <= FAR + math.sqrt(max(k - 1.0, 0.0)):
        prepare_edge(k, lam, work)
    in_table = tabulated(k, lam)
    row, y = 0, 0.0
    if in_table:
        row, y = table_row(math.log(k))
    cells = STATES + most_cells
    return Run(k, lam, math.log(lam), table, in_table, row, y, base, count, cells, work)


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
def _all_equal(start: int, stop: int, w: Any, step: int) -> bool:
    """Whether the observations of a run are one point."""
    i = start + 1
    while i < stop and w[i * step] == w[start * step]:
        i += 1
    return i == stop


@jit
def _most_cells(points: int) -> int:
    return min(max(_LEAST_CELLS, points // MANY), _MOST_CELLS)


@jit
def workspace_size(points: int) -> int:
    """Return how many numbers the workspace of a run takes, of an array with so many points."""
    return STATES + (1 + CELL_SIZE) * _most_cells(points)


# How many numbers more each entry point needs, as a multiple of that size and a constant.
LOG_BOWL_WORKSPACE, LOG_TAILS_WORKSPACE = (0, 4 * BLOCK), (1, 0)


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
            for first in range(start, stop, BLOCK):
                last = min(first + BLOCK, stop)
                by_series = series_block(first, last, w, w_step, run, block)
                for i in range(first, last):
                    here = w[i * w_step]
                    if by_series and series_holds(here, k_run) and here < lam_run - NO_LIMIT:
                        at = i - first + BLOCK
                        out[i], out[points + i] = block[at], block[at + BLOCK]
                        out[2 * points + i], out[3 * points + i] = block[at + 2 * BLOCK], 0.0
                    else:
                        _write_bowl(out, points, i, evaluate(here, run))
        start = stop


@jit
def _tails(w: float, run: Run, run_next: Run) -> tuple[float, float, float, float, float]:
    """Return what `bowl_kernel` does for both tails, from the runs of k and of k + 1."""
    k, lam, log_lam = run.k, run.lam, run.log_lam
    if series_holds(w, k + 1.0) and lam - w > FAR:
        return tails_of_power_mean(w, k, lam, log_lam, power_mean_of_run(w, run_next))
    log_part, d_w, d_k, _ = evaluate(w, run_next)
    log_part -= k * log_lam
    log_below, whole = tail_by_noise(w, k, lam, log_part)
    if not log_below < LOG_3_4:
        return log_tails(w, k, lam, 0.0)
    log_density = 0.0 if whole else evaluate(w, run)[0]
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
        if _all_equal(start, stop, w, w_step):
            # The threshold, beside every score of its search.
            at_threshold = log_tails(w[start * w_step], k_run, lam_run, 0.0)
            for i in range(start, stop):
                _write_tails(out, points, i, at_threshold)
        elif stop - start < _SHORT:
            for i in range(start, stop):
                _write_tails(out, points, i, log_tails(w[i * w_step], k_run, lam_run, 0.0))
        else:
            where = (start, stop, w, w_step)
            run = _start_run(*where, k_run, lam_run, table, cells, work)
            run_next = _start_run(*where, k_run + 1.0, lam_run, table, cells, work_next)
            for i in range(start, stop):
                _write_tails(out, points, i, _tails(w[i * w_step], run, run_next))
        start = stop
