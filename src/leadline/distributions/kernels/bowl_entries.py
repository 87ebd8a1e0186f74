"""The kernel's C functions: compiled once, kept in PyTensor's numba cache on disk, linked by name.

A model is compiled by numba as one function, and the kernel inlined there would be optimised
again for every model (about a second).
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
from numba.core import types
from pytensor.configdefaults import config
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

from leadline.distributions.kernels import bowl_kernel, bowl_run_entries, bowl_tails
from leadline.distributions.kernels.bowl_symbols import SOURCE_HASH, TABLE_SYMBOL, symbol

_POINTER = types.CPointer(types.float64)  # type: ignore[attr-defined]
_POINT_TYPE = types.void(*[types.float64] * 4, _POINTER, _POINTER)
_RUNS_TYPE = types.void(types.int64, *[_POINTER, types.int64] * 3, *[_POINTER] * 4)
_POINT_C_TYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_double] * 4, ctypes.c_void_p, ctypes.c_void_p)

# Each entry point, and those that it calls.
_ENTRIES: dict[str, tuple[Callable, Any, tuple[str, ...]]] = {
    "quadrature_entry": (bowl_kernel.quadrature_entry, _POINT_TYPE, ()),
    "log_bowl_entry": (bowl_kernel.log_bowl_entry, _POINT_TYPE, ("quadrature_entry",)),
    "log_tails_entry": (bowl_tails.log_tails_entry, _POINT_TYPE, ("log_bowl_entry",)),
    "quantile_entry": (bowl_tails.quantile_entry, _POINT_TYPE, ("log_tails_entry",)),
    "log_bowl_runs": (bowl_run_entries.log_bowl_runs, _RUNS_TYPE, ("log_bowl_entry",)),
    "log_tails_runs": (bowl_run_entries.log_tails_runs, _RUNS_TYPE, ("log_tails_entry",)),
}


def _compile_cached(function: Callable, compiler: Callable) -> Any:
    """Return `function` compiled by `compiler`, from PyTensor's cache on disk if it is there."""
    CACHED_SRC_FUNCTIONS[function] = SOURCE_HASH
    return compiler(cache=config.numba__cache, error_model="numpy")(function)


@functools.cache
def bowl_table() -> np.ndarray:
    """Return the polynomial coefficients of `bowl_kernel`, built on first use in about 75 ms."""
    cells_w, cells_log_k, rows, columns = bowl_kernel.TABLE_SHAPE
    load_entry("quadrature_entry")
    sample = _compile_cached(bowl_kernel.sample_table, numba.njit)

    def nodes(low: float, width: float, cells: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.cos(np.pi * (np.arange(degree) + 0.5) / degree)
        middles = low + width * (np.arange(cells) + 0.5)
        # From values at the Chebyshev points to coefficients of powers.
        to_powers = np.linalg.inv(np.vander(x, increasing=True))
        return (middles[:, None] + 0.5 * width * x).ravel(), to_powers

    w, w_powers = nodes(bowl_kernel.W_LOW, bowl_kernel.CELL_W, cells_w, columns)
    log_k, k_powers = nodes(bowl_kernel.LOG_K_LOW, bowl_kernel.CELL_LOG_K, cells_log_k, rows)
    values = sample(w, log_k).reshape(cells_w, columns, cells_log_k, rows)
    table = np.einsum("ca,rb,iajb->ijrc", w_powers, k_powers, values, optimize=True)
    return np.ascontiguousarray(table)


@functools.cache
def load_entry(name: str) -> Any:
    """Return the C function of an entry point; its symbol is known to the linker from then on."""
    function, signature, callees = _ENTRIES[name]
    for callee in callees:
        load_entry(callee)
    if name != "quadrature_entry":
        llvmlite.binding.add_symbol(TABLE_SYMBOL, bowl_table().ctypes.data)
    compiled = _compile_cached(function, functools.partial(numba.cfunc, signature))
    llvmlite.binding.add_symbol(symbol(name), compiled.address)
    return compiled


def call_point(name: str, arguments: list[float], outputs: int) -> np.ndarray:
    """Return what an entry point says of one point."""
    out = np.empty(outputs)
    function = _POINT_C_TYPE(load_entry(name).address)
    function(*arguments, bowl_table().ctypes.data, out.ctypes.data)
    return out
