"""A TFLite network of floats run in PyTorch, operator by operator."""

import struct
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.tflite import Graph, Operator, Table

_NOTHING = Table(b"\x04\x00\x04\x00\x04\x00\x00\x00", 4)
"""A table without any field."""


class TfliteNetwork:
    """The network of a file; pictures are laid out as batch, height, width, channels, as in the file."""

    def __init__(self, graph: Graph) -> None:
        """Make it ready.

        Raises:
            WeightsError: If it has an operator that is not known here; the message names them.
        """
        strange = sorted({_name(each) for each in graph.operators if _name(each) not in _OPERATORS})
        if strange:
            raise WeightsError(
                f"The TFLite network has operators that are not known here: {', '.join(strange)}."
            )
        self.graph = graph
        self._constants = {
            index: torch.from_numpy(x.copy()).float() if x.dtype.kind == "f" else torch.from_numpy(x.copy())
            for index, x in graph.constants.items()
        }

    @torch.inference_mode()
    def __call__(self, picture: Float[Tensor, "batch height width channels"]) -> Tensor:
        """The first output for the first input, whose numbers are as the network wants them.

        Raises:
            WeightsError: If the file's operators do not fit each other.
        """
        known = dict(self._constants)
        known[self.graph.inputs[0]] = picture
        try:
            for each in self.graph.operators:
                inputs = [known[index] for index in each.inputs if index >= 0]
                shape = self.graph.shapes[each.outputs[0]]
                known[each.outputs[0]] = _OPERATORS[_name(each)](inputs, each, shape)
            return known[self.graph.outputs[0]]
        except (RuntimeError, ArithmeticError, LookupError, ValueError, struct.error) as error:
            raise WeightsError(
                "The TFLite network's operators do not fit each other; take another file."
            ) from error


def _name(each: Operator) -> str:
    return each.custom or str(each.code)


Inputs = list[Tensor]
Shape = tuple[int, ...]


def _convolve(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    strides = options.integer(2), options.integer(1)
    gaps = options.integer(5, default=1), options.integer(4, default=1)
    weight = inputs[1].permute(0, 3, 1, 2)
    bias = inputs[2] if len(inputs) > 2 else None
    x = _padded(inputs[0].permute(0, 3, 1, 2), weight.shape[2:], strides, gaps, options.integer(0, "b"))
    x = functional.conv2d(x, weight, bias, strides, dilation=gaps)
    return _activated(x.permute(0, 2, 3, 1), options.integer(3, "b"))


def _convolve_depthwise(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    strides = options.integer(2), options.integer(1)
    gaps = options.integer(6, default=1), options.integer(5, default=1)
    weight = inputs[1].permute(3, 0, 1, 2)
    bias = inputs[2] if len(inputs) > 2 else None
    x = _padded(inputs[0].permute(0, 3, 1, 2), weight.shape[2:], strides, gaps, options.integer(0, "b"))
    x = functional.conv2d(x, weight, bias, strides, dilation=gaps, groups=x.shape[1])
    return _activated(x.permute(0, 2, 3, 1), options.integer(4, "b"))


def _convolve_back(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    bias = inputs[3] if len(inputs) > 3 else None
    x = _enlarged(inputs[2], inputs[1], bias, (options.integer(2), options.integer(1)), shape)
    return _activated(x, options.integer(3, "b"))


def _convolve_back_with_bias(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    _, across, down = struct.unpack_from("<3i", each.custom_options)
    return _enlarged(inputs[0], inputs[1], inputs[2], (down, across), shape)


def _enlarged(
    x: Tensor, weight: Tensor, bias: Tensor | None, strides: tuple[int, int], shape: Shape
) -> Tensor:
    """A transposed convolution; its result is cut evenly to the size that the file says."""
    x = functional.conv_transpose2d(x.permute(0, 3, 1, 2), weight.permute(3, 0, 1, 2), bias, strides)
    spare = x.shape[2] - shape[1], x.shape[3] - shape[2]
    top, left = spare[0] // 2, spare[1] // 2
    return x[:, :, top : top + shape[1], left : left + shape[2]].permute(0, 2, 3, 1)


def _pool_mean(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    size, strides = (options.integer(4), options.integer(3)), (options.integer(2), options.integer(1))
    x = inputs[0].permute(0, 3, 1, 2)
    ones = torch.ones_like(x[:1, :1])
    seen, counted = (_padded(y, size, strides, (1, 1), options.integer(0, "b")) for y in (x, ones))
    # Beyond the picture nothing counts.
    x = functional.avg_pool2d(seen, size, strides) / functional.avg_pool2d(counted, size, strides)
    return _activated(x.permute(0, 2, 3, 1), options.integer(5, "b"))


def _pool_greatest(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    size, strides = (options.integer(4), options.integer(3)), (options.integer(2), options.integer(1))
    x = _padded(
        inputs[0].permute(0, 3, 1, 2), size, strides, (1, 1), options.integer(0, "b"), filled=-torch.inf
    )
    return _activated(functional.max_pool2d(x, size, strides).permute(0, 2, 3, 1), options.integer(5, "b"))


def _resize(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options, size = each.options or _NOTHING, shape[1:3]
    x = inputs[0].permute(0, 3, 1, 2)
    if options.integer(2, "b") or options.integer(3, "b"):
        corners = bool(options.integer(2, "b"))
        return functional.interpolate(x, size, mode="bilinear", align_corners=corners).permute(0, 2, 3, 1)
    for axis, length in zip((2, 3), size, strict=True):  # the old rule: a pixel's place is its corner
        places = torch.arange(length) * (x.shape[axis] / length)
        low = places.long().clamp(max=x.shape[axis] - 1)
        share = (places - low).reshape(-1, *[1] * (3 - axis))
        x = x.index_select(axis, low).lerp(
            x.index_select(axis, (low + 1).clamp(max=x.shape[axis] - 1)), share
        )
    return x.permute(0, 2, 3, 1)


def _mean(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    return inputs[0].mean(
        dim=inputs[1].reshape(-1).tolist(), keepdim=bool((each.options or _NOTHING).integer(0, "b"))
    )


def _join(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    options = each.options or _NOTHING
    return _activated(torch.cat(inputs, dim=options.integer(0)), options.integer(1, "b"))


def _connect(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    bias = inputs[2] if len(inputs) > 2 else None
    x = functional.linear(inputs[0].reshape(-1, inputs[1].shape[1]), inputs[1], bias)
    return _activated(x.reshape(shape), (each.options or _NOTHING).integer(0, "b"))


def _pad(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
    return functional.pad(inputs[0], inputs[1].flip(0).reshape(-1).tolist())


def _pairwise(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Inputs, Operator, Shape], Tensor]:
    def apply(inputs: Inputs, each: Operator, shape: Shape) -> Tensor:
        return _activated(combine(inputs[0], inputs[1]), (each.options or _NOTHING).integer(0, "b"))

    return apply


def _each(change: Callable[[Tensor], Tensor]) -> Callable[[Inputs, Operator, Shape], Tensor]:
    return lambda inputs, each, shape: change(inputs[0])


def _padded(
    x: Tensor,
    kernel: tuple[int, ...],
    strides: tuple[int, int],
    gaps: tuple[int, int],
    padding: int,
    filled: float = 0.0,
) -> Tensor:
    """A picture with TensorFlow's padding SAME (0), which is larger at the end, or none (1)."""
    if padding == 1:
        return x
    sides: list[int] = []
    for size, length, stride, gap in zip(x.shape[2:], kernel, strides, gaps, strict=True):
        needed = max((-(-size // stride) - 1) * stride + (length - 1) * gap + 1 - size, 0)
        sides = [needed // 2, needed - needed // 2, *sides]
    return functional.pad(x, sides, value=filled)


def _activated(x: Tensor, kind: int) -> Tensor:
    match kind:
        case 0:
            return x
        case 1:
            return x.relu()
        case 2:
            return x.clamp(-1, 1)
        case 3:
            return x.clamp(0, 6)
        case _:
            raise ValueError(f"activation {kind}")


_OPERATORS: dict[str, Callable[[Inputs, Operator, Shape], Tensor]] = {
    "0": _pairwise(torch.add),
    "1": _pool_mean,
    "2": _join,
    "3": _convolve,
    "4": _convolve_depthwise,
    "6": _each(lambda x: x),  # half precision is read as float
    "9": _connect,
    "14": _each(torch.sigmoid),
    "17": _pool_greatest,
    "18": _pairwise(torch.mul),
    "19": _each(torch.relu),
    "21": _each(lambda x: x.clamp(0, 6)),
    "22": lambda inputs, each, shape: inputs[0].reshape(shape),
    "23": _resize,
    "25": _each(lambda x: x.softmax(dim=-1)),
    "34": _pad,
    "39": lambda inputs, each, shape: inputs[0].permute(inputs[1].tolist()),
    "40": _mean,
    "41": _pairwise(torch.sub),
    "54": lambda inputs, each, shape: torch.where(inputs[0] < 0, inputs[0] * inputs[1], inputs[0]),
    "67": _convolve_back,
    "117": _each(functional.hardswish),
    "Convolution2DTransposeBias": _convolve_back_with_bias,
}
"""What each kind computes, from its inputs, its options, and the shape that the file gives its output."""
