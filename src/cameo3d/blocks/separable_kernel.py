"""A depthwise and a pointwise convolution in one pass over small pictures, compiled for processors.

`cameo3d.blocks.depthwise` says the same in PyTorch, whose layers take longer to begin than these to compute.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cameo3d.blocks.depthwise import ResidualBlock
from cameo3d.geometry.compiled import compiled

_MOST_PIXELS = 48 * 48
"""Larger results are for PyTorch, which is slow to begin but faster at work."""
_TILE = 128
"""About so many numbers of a row are one loop's, as many pixels as fit; shorter loops begin too often."""


def compile_blocks(network: nn.Module) -> None:
    """Let a network's residual blocks be computed by compiled loops: on the CPU only, without gradients."""
    for name, module in network.named_children():
        if isinstance(module, ResidualBlock):
            if module.pointwise.weight.shape[1] % 4 == 0:
                setattr(network, name, _CompiledBlock(module))
        else:
            compile_blocks(module)


class _CompiledBlock(nn.Module):
    """A residual block whose weights will not change any more."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self._block, self._loops = block, _separable(block)

    def forward(self, x: Float32[Tensor, "batch channels height width"]) -> Tensor:
        if x.shape[2] * x.shape[3] > _MOST_PIXELS * self._loops.stride**2:
            return self._block(x)
        return self._loops(x)


@dataclass(frozen=True)
class _Separable:
    """The weights of both convolutions as the loops read them, repeated for neighbouring pixels.

    The result is added to the picture itself, or with a stride to the largest of each four pixels; what is
    negative is then multiplied by a slope: zeros are a ReLU, ones change nothing.
    """

    spatial: Float32[np.ndarray, "3 3 tile"]
    spatial_bias: Float32[np.ndarray, " tile"]
    mixing: Float32[np.ndarray, "groups inputs outputs"]
    bias: Float32[np.ndarray, " results"]
    slope: Float32[np.ndarray, " results"]
    stride: int

    def __call__(self, x: Float32[Tensor, "batch channels height width"]) -> Tensor:
        """Apply both to pictures, whose channels become the last axis in memory."""
        pixels = np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())
        batch, height, width, channels = pixels.shape
        groups, _, outputs = self.mixing.shape
        rows, columns = height // self.stride, width // self.stride
        out = np.empty((batch, rows, columns * groups * outputs), np.float32)
        line = np.empty(columns * channels, np.float32)
        weights = self.spatial, self.spatial_bias, self.mixing, self.bias, self.slope
        _compute(pixels.reshape(batch, height, -1), *weights, self.stride, line, out)
        return torch.from_numpy(out).view(batch, rows, columns, -1).permute(0, 3, 1, 2)


def _separable(block: ResidualBlock) -> _Separable:
    """Lay out the weights of a block's layers and of its ReLU or PReLU."""
    depthwise, mixing, bias = block.depthwise, block.pointwise.weight, block.pointwise.bias
    assert depthwise.bias is not None
    slope = block.activation.weight if isinstance(block.activation, nn.PReLU) else torch.zeros(bias.numel())
    pixels = max(1, _TILE // depthwise.in_channels)
    return _Separable(
        np.ascontiguousarray(np.tile(depthwise.weight[:, 0].permute(1, 2, 0).numpy(), pixels)),
        np.tile(depthwise.bias.numpy(), pixels),
        mixing.contiguous().numpy(),
        np.tile(bias.flatten().numpy(), pixels),
        np.tile(slope.numpy(), pixels),
        depthwise.stride[0],
    )


@compiled
def _compute(
    x: Any,
    spatial: Any,
    spatial_bias: Any,
    mixing: Any,
    bias: Any,
    slope: Any,
    stride: int,
    line: Any,
    out: Any,
) -> None:
    for b in range(len(x)):
        for row in range(out.shape[1]):
            if stride == 1:
                _filter_row(x[b], row, mixing.shape[0] * mixing.shape[1], spatial, spatial_bias, line)
            else:
                _filter_half(x[b], 2 * row, mixing.shape[0] * mixing.shape[1], spatial, spatial_bias, line)
            _keep_row(x[b], row, stride, mixing, bias, out[b, row])
            _mix_row(line, mixing, out[b, row])
            _bend_row(slope, out[b, row])


# Loops below run over slices from 0: only then does the compiler see that no index is negative, and makes
# vector code of them.


@compiled
def _filter_row(x: Any, row: int, channels: int, spatial: Any, spatial_bias: Any, line: Any) -> None:
    size, tile = len(line), len(spatial_bias)
    for start in range(0, size, tile):
        part = line[start : start + tile]
        for e in range(len(part)):
            part[e] = spatial_bias[e]
    for i in range(3):
        y = row + i - 1
        if 0 <= y < len(x):
            for start in range(channels, size - channels, tile):
                part = line[start : min(start + tile, size - channels)]
                before, here, after = x[y, start - channels :], x[y, start:], x[y, start + channels :]
                for e in range(len(part)):
                    part[e] += (
                        before[e] * spatial[i, 0, e]
                        + here[e] * spatial[i, 1, e]
                        + after[e] * spatial[i, 2, e]
                    )
            first, last = x[y, :channels], x[y, size - channels :]
            _add_product(line[:channels], first, spatial[i, 1])
            _add_product(line[size - channels :], last, spatial[i, 1])
            if size > channels:
                _add_product(line[:channels], x[y, channels:], spatial[i, 2])
                _add_product(line[size - channels :], x[y, size - 2 * channels :], spatial[i, 0])


@compiled
def _filter_half(x: Any, top: int, channels: int, spatial: Any, spatial_bias: Any, line: Any) -> None:
    """The same for every second pixel; the filter reaches over the right and lower border."""
    width = x.shape[1]
    for start in range(0, len(line), channels):
        part = line[start : start + channels]
        for e in range(channels):
            part[e] = spatial_bias[e]
        left = 2 * start
        for i in range(min(3, len(x) - top)):
            first, second = x[top + i, left:], x[top + i, left + channels :]
            for e in range(channels):
                part[e] += first[e] * spatial[i, 0, e] + second[e] * spatial[i, 1, e]
            if left + 2 * channels < width:
                _add_product(part, x[top + i, left + 2 * channels :], spatial[i, 2])


@compiled
def _add_product(out: Any, one: Any, other: Any) -> None:
    for e in range(len(out)):
        out[e] += one[e] * other[e]


@compiled
def _keep_row(x: Any, row: int, stride: int, mixing: Any, bias: Any, out: Any) -> None:
    """The biases, and the picture where the result has its channels."""
    groups, inputs, outputs = mixing.shape
    tile, y, channels = len(bias), row * stride, groups * inputs
    for start in range(0, len(out), tile):
        part = out[start : start + tile]
        if stride == 1 and inputs == outputs:
            here = x[y, start:]
            for e in range(len(part)):
                part[e] = here[e] + bias[e]
        else:
            for e in range(len(part)):
                part[e] = bias[e]
    if stride == 1 and inputs == outputs:
        return
    for column in range(len(out) // (groups * outputs)):
        for g in range(groups):
            p, start = column * stride * channels + g * inputs, (column * groups + g) * outputs
            part = out[start : start + inputs]
            if stride == 1:
                here = x[y, p:]
                for c in range(inputs):
                    part[c] += here[c]
            else:
                a, b, c, d = x[y, p:], x[y, p + channels :], x[y + 1, p:], x[y + 1, p + channels :]
                for e in range(inputs):
                    part[e] += max(max(a[e], b[e]), max(c[e], d[e]))


@compiled
def _mix_row(line: Any, mixing: Any, out: Any) -> None:
    """Four pixels and four channels at a time, which keeps the processor's multipliers busy."""
    groups, inputs, outputs = mixing.shape
    channels, results = groups * inputs, groups * outputs
    columns = len(line) // channels
    whole = columns - columns % 4
    for g in range(groups):
        for p in range(0, whole, 4):
            s = p * results + g * outputs
            first, second = out[s : s + outputs], out[s + results : s + results + outputs]
            s += 2 * results
            third, fourth = out[s : s + outputs], out[s + results : s + results + outputs]
            for k in range(0, inputs, 4):
                f = p * channels + g * inputs + k
                a0, a1, a2, a3 = line[f], line[f + 1], line[f + 2], line[f + 3]
                f += channels
                b0, b1, b2, b3 = line[f], line[f + 1], line[f + 2], line[f + 3]
                f += channels
                c0, c1, c2, c3 = line[f], line[f + 1], line[f + 2], line[f + 3]
                f += channels
                d0, d1, d2, d3 = line[f], line[f + 1], line[f + 2], line[f + 3]
                for o in range(outputs):
                    w0, w1 = mixing[g, k, o], mixing[g, k + 1, o]
                    w2, w3 = mixing[g, k + 2, o], mixing[g, k + 3, o]
                    first[o] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
                    second[o] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
                    third[o] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
                    fourth[o] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3
        for p in range(whole, columns):
            s = p * results + g * outputs
            first = out[s : s + outputs]
            for k in range(0, inputs, 4):
                f = p * channels + g * inputs + k
                a0, a1, a2, a3 = line[f], line[f + 1], line[f + 2], line[f + 3]
                for o in range(outputs):
                    w0, w1 = mixing[g, k, o], mixing[g, k + 1, o]
                    w2, w3 = mixing[g, k + 2, o], mixing[g, k + 3, o]
                    first[o] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3


@compiled
def _bend_row(slope: Any, out: Any) -> None:
    tile = len(slope)
    for start in range(0, len(out), tile):
        part = out[start : start + tile]
        for e in range(len(part)):
            part[e] = max(part[e], 0) + min(part[e], 0) * slope[e]
