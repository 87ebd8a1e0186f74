"""The kernel's C functions: compiled once, kept in numba's cache on disk, linked by symbol.

numba compiles a model as one function. A kernel inlined there would be optimised again for every
model, which takes about a second.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
from numba.core import types

from leadline.distributions.partial_moment import bins, log_moment, tails
from leadline.distributions.partial_moment.symbols import SOURCE_HASH, TABLE_SYMBOL, symbol

_POINTER = types.CPointer(types.float64)  # type: ignore[attr-defined]
_SIGNATURE = types.void(*[types.float64] * 4, _POINTER, _POINTER)
_C_TYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_double] * 4, ctypes.c_void_p, ctypes.c_void_p)

# Each entry point, and the entry points that it calls.
_ENTRIES: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "quadrature_entry": (log_moment.quadrature_entry, ()),
    "log_moment_entry": (log_moment.log_moment_entry, ("quadrature_entry",)),
    "log_tails_entry": (tails.log_tails_entry, ("log_moment_entry",)),
    "log_bin_entry": (bins.log_bin_entry, ("log_moment_entry", "log_tails_entry")),
    "quantile_entry": (tails.quantile_entry, ("log_tails_entry",)),
}


def compile_cached(function: Callable, compiler: Callable) -> Any:
    """Return `function` compiled by `compiler`, read from numba's cache on disk if possible."""
    # numba looks for changes in the file of the function alone, not in those of its callees.
    function.__qualname__ = f"{function.__name__}_{SOURCE_HASH[:16]}"
    return compiler(cache=True, error_model="numpy")(function)


@functools.cache
def moment_table() -> np.ndarray:
    """Return the polynomial coefficients of `log_moment`, built on first use in about 75 ms."""
    cells_w, cells_log_k, rows, columns = log_moment.TABLE_SHAPE
    load_entry("quadrature_entry")
    sample = compile_cached(log_moment.sample_table, numba.njit)

    def nodes(low: float, width: float, cells: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.cos(np.pi * (np.arange(degree) + 0.5) / degree)
        middles = low + width * (np.arange(cells) + 0.5)
        # The matrix from values at the Chebyshev points to coefficients of powers.
        to_powers = np.linalg.inv(np.vander(x, increasing=True))
        return (middles[:, None] + 0.5 * width * x).ravel(), to_powers

    w, w_powers = nodes(log_moment.W_LOW, log_moment.CELL_W, cells_w, columns)
    log_k, k_powers = nodes(log_moment.LOG_K_LOW, log_moment.CELL_LOG_K, cells_log_k, rows)
    values = sample(w, log_k).reshape(cells_w, columns, cells_log_k, rows)
    table = np.einsum("ca,rb,iajb->ijrc", w_powers, k_powers, values, optimize=True)
    return np.ascontiguousarray(table)


@functools.cache
def load_entry(name: str) -> Any:
    """Return the C function of an entry point, after its symbol was given to the linker."""
    function, callees = _ENTRIES[name]
    for callee in callees:
        load_entry(callee)
    if name != "quadrature_entry":
        llvmlite.binding.add_symbol(TABLE_SYMBOL, moment_table().ctypes.data)
    compiled = compile_cached(function, functools.partial(numba.cfunc, _SIGNATURE))
    llvmlite.binding.add_symbol(symbol(name), compiled.address)
    return compiled


def evaluate_entry(name: str, arguments: list[float], n_outputs: int) -> np.ndarray:
    """Return the outputs of an entry point at one point, called from Python."""
    out = np.empty(n_outputs)
    function = _C_TYPE(load_entry(name).address)
    padded = arguments + [0.0] * (4 - len(arguments))
    function(*padded, moment_table().ctypes.data, out.ctypes.data)
    return out
