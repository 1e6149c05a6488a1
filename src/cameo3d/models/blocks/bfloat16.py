"""Numbers in bfloat16 for compiled loops, which see only their bits."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def widened(_: Any, value: Any) -> Any:
    """A float32 as it is, or the bits of a bfloat16 as the float32 that they mean."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if value == types.float32:
            return arguments[0]
        bits = builder.shl(builder.zext(arguments[0], ir.IntType(32)), ir.Constant(ir.IntType(32), 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(value), generate


@intrinsic
def narrowed(_: Any, value: Any, like: Any) -> Any:
    """A float32 as it is, or as the bits of the nearest bfloat16, by the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if like == types.float32:
            return arguments[0]
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        bits = builder.lshr(builder.add(bits, ir.Constant(word, 0x8000)), ir.Constant(word, 16))
        return builder.trunc(bits, ir.IntType(16))

    return like(types.float32, like), generate
