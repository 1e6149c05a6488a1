"""Pictures between their pixels: bicubic look-up of four channels at once, for compiled loops.

The weights are OpenCV's (Keys, "Cubic convolution interpolation for digital image processing", 1981, with
-0.75), in steps of 1/128 of a pixel, and so is what lies beyond the border: zero.
"""

import numpy as np
from jaxtyping import Float32, UInt8
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from cameo3d.geometry.compiled import compiled, inlined

_STEPS = 128
_SHARPNESS = -0.75


def look_up_cubic(
    picture: UInt8[np.ndarray, "rows columns 4"], places: Float32[np.ndarray, "height width 2"]
) -> UInt8[np.ndarray, "height width 4"]:
    """Colours at places of a picture, pixels; pixel `i` has its centre at `i + 0.5`. Zero outside."""
    result = np.zeros((*places.shape[:2], 4), np.uint8)
    _look_up_all(np.ascontiguousarray(picture), places, result)
    return result


@compiled
def _look_up_all(picture, places, result):
    for row in range(places.shape[0]):
        for column in range(places.shape[1]):
            cubic(picture, places[row, column, 0], places[row, column, 1], result, row, column)


def _weights() -> Float32[np.ndarray, "steps 4"]:
    """How much each of four pixels in a row counts, step by step from the second to the third."""
    t = np.arange(_STEPS) / _STEPS
    a = _SHARPNESS
    near = [((a + 2) * x - (a + 3)) * x * x + 1 for x in (t, 1 - t)]
    far = [((a * x - 5 * a) * x + 8 * a) * x - 4 * a for x in (t + 1, 2 - t)]
    return np.stack((far[0], near[0], near[1], far[1]), 1).astype(np.float32)


_DOWN = _weights()
_ACROSS = np.repeat(_DOWN, 4, axis=1)
"""The same for each of four channels."""


@inlined
def cubic(picture, x, y, result, row, column):
    """Write the colour at a place of a picture to a pixel of the result; both lie in one piece of memory."""
    height, width = picture.shape[:2]
    x -= np.float32(0.5)
    y -= np.float32(0.5)
    # Written so that what is not a number counts as outside.
    if not (x > -2 and y > -2 and x < width + 1 and y < height + 1):
        for k in range(4):
            result[row, column, k] = 0
        return
    left, top = np.int64(np.floor(x)), np.int64(np.floor(y))
    across = np.int64((x - np.float32(left)) * np.float32(_STEPS))
    down = np.int64((y - np.float32(top)) * np.float32(_STEPS))
    if left >= 1 and top >= 1 and left < width - 2 and top < height - 2:
        first = ((top - 1) * width + left - 1) * 4
        _blend_sixteen(  # type: ignore[reportCallIssue]  # the compiler hands the context in
            picture,
            first,
            width * 4,
            _ACROSS,
            across,
            _DOWN,
            down,
            result,
            (row * result.shape[1] + column) * 4,
        )
        return
    for k in range(4):
        total = np.float32(0)
        for i in range(max(-1, -top), min(3, height - top)):
            for j in range(max(-1, -left), min(3, width - left)):
                total += _DOWN[down, i + 1] * _DOWN[across, j + 1] * np.float32(picture[top + i, left + j, k])
        result[row, column, k] = np.uint8(min(max(total + np.float32(0.5), np.float32(0)), np.float32(255)))


@intrinsic
def _blend_sixteen(typing, picture, first, stride, across_table, across, down_table, down, result, at):
    """Blend four by four pixels with vector instructions, which the compiler does not find by itself.

    Twice as fast as the plain loop over 64 bytes, and as four rows of 16 bytes no longer than that.
    """
    signature = types.void(picture, first, stride, across_table, across, down_table, down, result, at)

    def generate(context, builder, signature, values):
        arrays = {
            i: cgutils.create_struct_proxy(signature.args[i])(context, builder, values[i]).data
            for i in (0, 3, 5, 7)
        }
        _, first, stride, _, across, _, down, _, at = values
        number, index = ir.IntType(64), ir.IntType(32)
        bytes16, floats16 = ir.VectorType(ir.IntType(8), 16), ir.VectorType(ir.FloatType(), 16)
        bytes4, ints4, floats4 = (ir.VectorType(kind, 4) for kind in (ir.IntType(8), index, ir.FloatType()))
        fast = ("fast",)

        def load(array, place, kind, align):
            value = builder.load(builder.bitcast(builder.gep(arrays[array], [place]), kind.as_pointer()))
            value.align = align
            return value

        total = ir.Constant(floats16, [0.0] * 16)
        for row in range(4):
            place = builder.add(first, builder.mul(stride, number(row)))
            colors = builder.uitofp(load(0, place, bytes16, 1), floats16)
            weight = load(5, builder.add(builder.mul(down, number(4)), number(row)), ir.FloatType(), 4)
            empty = ir.Constant(floats16, ir.Undefined)
            alone = builder.insert_element(empty, weight, index(0))
            everywhere = builder.shuffle_vector(alone, empty, ir.Constant(ir.VectorType(index, 16), [0] * 16))
            total = builder.fadd(total, builder.fmul(colors, everywhere, flags=fast), flags=fast)
        total = builder.fmul(total, load(3, builder.mul(across, number(16)), floats16, 4), flags=fast)
        pixels = [
            builder.shuffle_vector(total, total, ir.Constant(ints4, [4 * pixel + k for k in range(4)]))
            for pixel in range(4)
        ]
        half = builder.fadd(pixels[0], pixels[1], flags=fast), builder.fadd(pixels[2], pixels[3], flags=fast)
        color = builder.fadd(builder.fadd(*half, flags=fast), ir.Constant(floats4, [0.5] * 4), flags=fast)
        for relation, bound in (("<", 0.0), (">", 255.0)):
            limit = ir.Constant(floats4, [bound] * 4)
            color = builder.select(builder.fcmp_ordered(relation, color, limit), limit, color)
        color = builder.trunc(builder.fptosi(color, ints4), bytes4)
        builder.store(color, builder.bitcast(builder.gep(arrays[7], [at]), bytes4.as_pointer())).align = 1
        return context.get_dummy_value()

    return signature, generate
