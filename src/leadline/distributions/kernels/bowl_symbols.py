"""How compiled code calls the kernel's C functions: by symbols that carry a hash of its source.

A function called by symbol is compiled once, whoever calls it, where an inlined one would be
compiled again in every caller. The hash keeps PyTensor's cache on disk from serving an old version
after an edit.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

_SOURCES = (
    "bowl_arrays",
    "bowl_cells",
    "bowl_entries",
    "bowl_integral",
    "bowl_kernel",
    "bowl_ops",
    "bowl_run_entries",
    "bowl_runs",
    "bowl_symbols",
    "bowl_tails",
    "node_math",
)
SOURCE_HASH = hashlib.sha256(
    b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in _SOURCES)
).hexdigest()

TABLE_SYMBOL = f"leadline_table_{SOURCE_HASH}"


def symbol(entry: str) -> str:
    """Return the symbol of an entry point."""
    return f"leadline_{entry}_{SOURCE_HASH}"


def _table(builder: Any) -> Any:
    """Return the address of the table; a module declares a symbol once."""
    known = builder.module.globals.get(TABLE_SYMBOL)
    return known or cgutils.add_global_variable(builder.module, ir.DoubleType(), TABLE_SYMBOL)


def call_point(entry: str, outputs: int) -> Callable:
    """Return a numba function of four numbers that calls an entry point for one point."""

    @intrinsic
    def call(typing_context, a, b, c, d):  # type: ignore[no-untyped-def]
        result = types.UniTuple(types.float64, outputs)  # type: ignore[attr-defined]

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            double, pointer = ir.DoubleType(), ir.DoubleType().as_pointer()
            function_type = ir.FunctionType(ir.VoidType(), [double] * 4 + [pointer] * 2)
            function = cgutils.get_or_insert_function(builder.module, function_type, symbol(entry))
            out = cgutils.alloca_once(builder, ir.ArrayType(double, outputs))
            table = pointer(None) if entry == "quadrature_entry" else _table(builder)
            builder.call(function, [*arguments, table, builder.bitcast(out, pointer)])
            values = [
                builder.load(cgutils.gep_inbounds(builder, out, 0, i)) for i in range(outputs)
            ]
            return context.make_tuple(builder, result, values)

        return result(*[types.float64] * 4), generate

    return call


def call_runs(entry: str) -> Callable:
    """Return a numba function of `w`, `k`, `lam`, `work`, `second` and `out` that calls an entry.

    All are arrays, but for `second`, the place where the second part of `work` starts; `k` and
    `lam` have one dimension, like `w`, or none. The entry point gets the length of `w`, a pointer
    and a stride for each of the three, the table, both parts of `work`, and `out`.
    """

    @intrinsic
    def call(typing_context, w, k, lam, work, second, out):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            integer, pointer = ir.IntType(64), ir.DoubleType().as_pointer()
            kinds = (w, k, lam, work, out)
            *arguments, offset, results = arguments
            arrays = [
                context.make_array(kind)(context, builder, argument)
                for kind, argument in zip(kinds, [*arguments, results], strict=True)
            ]
            (points,) = cgutils.unpack_tuple(builder, arrays[0].shape)
            values = [points]
            for array, kind in zip(arrays[:3], kinds, strict=False):
                step = integer(0)
                if kind.ndim:
                    (stride,) = cgutils.unpack_tuple(builder, array.strides)
                    step = builder.sdiv(stride, integer(8))
                values += [array.data, step]
            second_part = builder.gep(arrays[3].data, [offset])
            values += [_table(builder), arrays[3].data, second_part, arrays[4].data]
            ir_types = [integer, *[pointer, integer] * 3, *[pointer] * 4]
            function_type = ir.FunctionType(ir.VoidType(), ir_types)
            function = cgutils.get_or_insert_function(builder.module, function_type, symbol(entry))
            builder.call(function, values)
            return context.get_dummy_value()

        return types.void(w, k, lam, work, types.int64, out), generate

    return call
