"""Calls from compiled code to the kernel's C functions, by symbols with a hash of their source.

A function called by symbol is compiled once; an inlined one would be compiled again in every
caller. With the hash in their names, PyTensor's cache on disk cannot serve an old version of a
function after an edit.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

SOURCE_HASH = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()

TABLE_SYMBOL = f"leadline_table_{SOURCE_HASH}"


def symbol(entry: str) -> str:
    """Return the symbol of an entry point."""
    return f"leadline_{entry}_{SOURCE_HASH}"


def call_by_symbol(entry: str, n_outputs: int) -> Callable:
    """Return a numba function of four numbers that calls an entry point and returns its outputs.

    The entry points, and how many values each writes, are those of `entries`.
    """

    @intrinsic
    def call(typing_context, a, b, c, d):  # type: ignore[no-untyped-def]
        result = types.UniTuple(types.float64, n_outputs)  # type: ignore[attr-defined]

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            double, pointer = ir.DoubleType(), ir.DoubleType().as_pointer()
            function_type = ir.FunctionType(ir.VoidType(), [double] * 4 + [pointer] * 2)
            function = cgutils.get_or_insert_function(builder.module, function_type, symbol(entry))
            out = cgutils.alloca_once(builder, ir.ArrayType(double, n_outputs))
            # The table is built with the quadrature. A module may declare a symbol only once.
            table = builder.module.globals.get(TABLE_SYMBOL)
            if entry == "quadrature_entry":
                table = pointer(None)
            elif table is None:
                table = cgutils.add_global_variable(builder.module, double, TABLE_SYMBOL)
            builder.call(function, [*arguments, table, builder.bitcast(out, pointer)])
            pointers = [cgutils.gep_inbounds(builder, out, 0, i) for i in range(n_outputs)]
            return context.make_tuple(builder, result, [builder.load(p) for p in pointers])

        return result(*[types.float64] * 4), generate

    return call
