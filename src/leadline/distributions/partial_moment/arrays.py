"""The kernel on NumPy arrays, compiled by numba alone: no PyTensor is loaded.

Arguments broadcast, and results have their common shape.
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from leadline.distributions.partial_moment.entries import compile_cached, load_entry
from leadline.distributions.partial_moment.log_moment import log_moment
from leadline.distributions.partial_moment.symbols import call_by_symbol

Array = npt.NDArray[np.float64]

_log_tails = call_by_symbol("log_tails_entry", 5)
_quantile = call_by_symbol("quantile_entry", 1)

# Two threads must not compile the same function.
_LOCK = threading.Lock()


def log_partial_moment(w: Array, k: Array, lam: Array) -> Array:
    """Return log J(w, k, λ)."""
    return _evaluate("log_moment_entry", 1, w, k, lam)[0]


def log_tails(w: Array, k: Array, lam: Array) -> tuple[Array, Array]:
    """Return log P(W ≤ w) and log P(W > w), each with full relative accuracy."""
    below, above = _evaluate("log_tails_entry", 2, w, k, lam)
    return below, above


def standard_quantile(log_below: Array, log_above: Array, k: Array, lam: Array) -> Array:
    """Return w with log P(W ≤ w) = `log_below` and log P(W > w) = `log_above`, both finite."""
    return _evaluate("quantile_entry", 1, log_below, log_above, k, lam)[0]


def _evaluate(entry: str, n_outputs: int, *arguments: Array) -> Array:
    """Return the first outputs of an entry point at all points, shape (output, ...)."""
    broadcast = np.broadcast_arrays(*arguments)
    points = [np.ascontiguousarray(argument, dtype=float).ravel() for argument in broadcast]
    out = np.empty((n_outputs, points[0].size))
    with _LOCK:
        loop = _compiled(entry)
    loop(*points, out)
    return out.reshape(n_outputs, *broadcast[0].shape)


@functools.cache
def _compiled(entry: str) -> Callable[..., None]:
    load_entry(entry)
    loop, n_inputs = _LOOPS[entry]
    signature = f"void({', '.join(['f8[::1]'] * n_inputs)}, f8[:, ::1])"
    return compile_cached(loop, functools.partial(numba.njit, signature, nogil=True))


def _log_moment_loop(w: Any, k: Any, lam: Any, out: Any) -> None:
    for i in range(w.size):
        out[0, i] = log_moment(w[i], k[i], lam[i], 0.0)[0]


def _log_tails_loop(w: Any, k: Any, lam: Any, out: Any) -> None:
    for i in range(w.size):
        values = _log_tails(w[i], k[i], lam[i], 0.0)
        out[0, i], out[1, i] = values[0], values[1]


def _quantile_loop(log_below: Any, log_above: Any, k: Any, lam: Any, out: Any) -> None:
    for i in range(log_below.size):
        out[0, i] = _quantile(log_below[i], log_above[i], k[i], lam[i])[0]


# The loop of each entry point, and its number of inputs.
_LOOPS: dict[str, tuple[Callable[..., None], int]] = {
    "log_moment_entry": (_log_moment_loop, 3),
    "log_tails_entry": (_log_tails_loop, 3),
    "quantile_entry": (_quantile_loop, 4),
}
