"""Numbers in bfloat16 for compiled loops, which see only their bits."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _widen(_: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if value == types.float32:
            return arguments[0]
        bits = builder.shl(builder.zext(arguments[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(value), generate


def _narrow(_: Any, value: Any, like: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if like == types.float32:
            return arguments[0]
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        bits = builder.lshr(builder.add(bits, ir.Constant(word, 0x8000)), ir.Constant(word, 16))
        return builder.trunc(bits, ir.IntType(16))

    return like(types.float32, like), generate


# The type checker does not know that the compiler hands in the first argument.
widened: Any = intrinsic(_widen)
"""Of a number: a float32 as it is, or the bits of a bfloat16 as the float32 that they mean."""
narrowed: Any = intrinsic(_narrow)
"""Of a float32 and a number of the wanted type: itself, or the bits of the nearest bfloat16."""
