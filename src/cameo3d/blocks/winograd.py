"""Large 3x3 convolutions on the CPU with a quarter of the multiplications (Lavin and Gray, CVPR 2016).

For a tile of 4x4 results the 6x6 inputs and the weights are transformed, as polynomials are by evaluating
them; then each number is multiplied once, and the sums over the channels are matrix products.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.bfloat16 import narrowed, widened
from cameo3d.geometry.compiled import compiled, may_loop

_TILE = 4
_STRIP_TILES = 256
"""About so many tiles at a time, so that what lies between the transforms stays in the processor's cache."""
_LEAST_CHANNELS, _LEAST_PIXELS = 48, 128 * 128
"""Smaller convolutions are faster as they are."""
_A, _B = np.float32(5 / 8), np.float32(3 / 2)
"""The polynomials are taken at 0, at plus and minus these two, and at infinity; in bfloat16 they leave
less than half the error of the usual 1 and 2."""
_A2, _B2, _A3, _B3 = _A * _A, _B * _B, _A * _A * _A, _B * _B * _B
_SUM, _PRODUCT = _A2 + _B2, _A2 * _B2
_AT_A, _AT_B = 2 * _A2 * (_A2 - _B2), 2 * _B2 * (_B2 - _A2)
_WEIGHTS = np.array(
    (
        (1 / _PRODUCT, 0, 0),
        (1 / _AT_A, _A / _AT_A, _A2 / _AT_A),
        (1 / _AT_A, -_A / _AT_A, _A2 / _AT_A),
        (1 / _AT_B, _B / _AT_B, _B2 / _AT_B),
        (1 / _AT_B, -_B / _AT_B, _B2 / _AT_B),
        (0, 0, 1),
    ),
    np.float32,
)


def convolve(
    x: Float[Tensor, "batch inputs height width"],
    weight: Float[Tensor, "outputs inputs 3 3"],
    bias: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, "batch outputs height width"]:
    """A 3x3 convolution that keeps the size: the fast way where it is one, else PyTorch's.

    Under autocast all but the transforms' own sums is in its precision.
    """
    outputs, inputs = weight.shape[:2]
    height, width = x.shape[2:]
    if (
        torch.is_grad_enabled()
        or not may_loop(x)
        or min(inputs, outputs) < _LEAST_CHANNELS
        or height * width < _LEAST_PIXELS
        or height % _TILE
        or width % _TILE
    ):
        return functional.conv2d(x, weight, bias, padding=1)
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    with torch.autocast("cpu", enabled=False):
        way = torch.ops.cameo3d.convolve if torch.compiler.is_compiling() else _convolve
        return way(x.to(kind), weight.float(), bias)


class Convolution3x3(nn.Conv2d):
    """A layer that convolves so."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(
        self,
        input: Float[Tensor, "batch inputs height width"],  # noqa: A002 - the name that the base class gave it
    ) -> Float[Tensor, "batch outputs height width"]:
        """Convolve a batch of maps."""
        return convolve(input, self.weight, self.bias)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    outputs, inputs = weight.shape[:2]
    batch, _, height, width = x.shape
    transform = torch.from_numpy(np.kron(_WEIGHTS, _WEIGHTS))
    factors = (weight.permute(1, 0, 2, 3).reshape(-1, 9) @ transform.mT).unflatten(0, (inputs, outputs))
    factors = factors.permute(2, 0, 1).to(x.dtype).contiguous()
    shift = np.zeros(outputs, np.float32) if bias is None else bias.float().numpy()

    columns = width // _TILE
    rows = max(1, _STRIP_TILES // columns)
    result = x.new_empty(batch, height, width, outputs)
    seen = x.new_empty(36, rows * columns, inputs)
    scratch = np.zeros((6, width + 2, inputs), np.float32)
    part = np.empty((6, _TILE, outputs), np.float32)
    for picture, made in zip(x.permute(0, 2, 3, 1).contiguous(), result, strict=True):
        for first in range(0, height // _TILE, rows):
            last = min(first + rows, height // _TILE)
            tiles = seen[:, : (last - first) * columns]
            _to_tiles(_array(picture), first, last, scratch, _array(tiles))
            products = torch.bmm(tiles, factors)
            _from_tiles(_array(products), first, last, shift, part, _array(made))
    return result.permute(0, 3, 1, 2)


def _like_convolved(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Shape and layout of the result, for torch.compile."""
    batch, _, height, width = x.shape
    return x.new_empty(batch, height, width, weight.shape[0]).permute(0, 3, 1, 2)


# As an operation of PyTorch's it is one node to torch.compile, which cannot look into Numba's functions.
torch.library.define("cameo3d::convolve", "(Tensor x, Tensor weight, Tensor? bias) -> Tensor")
torch.library.impl("cameo3d::convolve", "CPU", _convolve)
torch.library.register_fake("cameo3d::convolve", _like_convolved)


def _array(x: Tensor) -> np.ndarray:
    """The same memory; numbers in bfloat16 as their bits."""
    return x.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else x.numpy()


@compiled
def _to_tiles(picture: Any, first: Any, last: Any, scratch: Any, tiles: Any) -> None:
    """Transform rows of tiles; beyond the picture's border all is zero."""
    height, width, channels = picture.shape
    like = picture[0, 0, 0]
    nothing = np.zeros((width, channels), picture.dtype)
    place = 0
    for row in range(first, last):
        top = 4 * row - 1
        a = picture[top] if top >= 0 else nothing
        b, c, d, e = picture[top + 1], picture[top + 2], picture[top + 3], picture[top + 4]
        f = picture[top + 5] if top + 5 < height else nothing
        for i in range(width):
            for k in range(channels):
                p, q, r = widened(a[i, k]), widened(b[i, k]), widened(c[i, k])
                s, t, u = widened(d[i, k]), widened(e[i, k]), widened(f[i, k])
                even, odd = t - _B2 * r, _A * (s - _B2 * q)
                wide, broad = t - _A2 * r, _B * (s - _A2 * q)
                scratch[0, i + 1, k] = _PRODUCT * p - _SUM * r + t
                scratch[1, i + 1, k] = even + odd
                scratch[2, i + 1, k] = even - odd
                scratch[3, i + 1, k] = wide + broad
                scratch[4, i + 1, k] = wide - broad
                scratch[5, i + 1, k] = _PRODUCT * q - _SUM * s + u
        for column in range(width // 4):
            for line in range(6):
                left = scratch[line, 4 * column : 4 * column + 6]
                for k in range(channels):
                    p, q, r, s, t, u = left[0, k], left[1, k], left[2, k], left[3, k], left[4, k], left[5, k]
                    even, odd = t - _B2 * r, _A * (s - _B2 * q)
                    wide, broad = t - _A2 * r, _B * (s - _A2 * q)
                    tiles[6 * line, place, k] = narrowed(_PRODUCT * p - _SUM * r + t, like)
                    tiles[6 * line + 1, place, k] = narrowed(even + odd, like)
                    tiles[6 * line + 2, place, k] = narrowed(even - odd, like)
                    tiles[6 * line + 3, place, k] = narrowed(wide + broad, like)
                    tiles[6 * line + 4, place, k] = narrowed(wide - broad, like)
                    tiles[6 * line + 5, place, k] = narrowed(_PRODUCT * q - _SUM * s + u, like)
            place += 1


@compiled
def _from_tiles(products: Any, first: Any, last: Any, bias: Any, part: Any, picture: Any) -> None:
    """Transform sums of products back and add the bias."""
    width, channels = picture.shape[1:]
    like = picture[0, 0, 0]
    place = 0
    for row in range(first, last):
        for column in range(width // 4):
            for line in range(6):
                for k in range(channels):
                    p, q = widened(products[6 * line, place, k]), widened(products[6 * line + 1, place, k])
                    r = widened(products[6 * line + 2, place, k])
                    s = widened(products[6 * line + 3, place, k])
                    t = widened(products[6 * line + 4, place, k])
                    u = widened(products[6 * line + 5, place, k])
                    even, odd, wide, broad = q + r, q - r, s + t, s - t
                    part[line, 0, k] = p + even + wide
                    part[line, 1, k] = _A * odd + _B * broad
                    part[line, 2, k] = _A2 * even + _B2 * wide
                    part[line, 3, k] = _A3 * odd + _B3 * broad + u
            for i in range(4):
                for k in range(channels):
                    p, q, r = part[0, i, k], part[1, i, k], part[2, i, k]
                    s, t, u = part[3, i, k], part[4, i, k], part[5, i, k]
                    even, odd, wide, broad = q + r, q - r, s + t, s - t
                    picture[4 * row, 4 * column + i, k] = narrowed(p + even + wide + bias[k], like)
                    picture[4 * row + 1, 4 * column + i, k] = narrowed(_A * odd + _B * broad + bias[k], like)
                    picture[4 * row + 2, 4 * column + i, k] = narrowed(
                        _A2 * even + _B2 * wide + bias[k], like
                    )
                    picture[4 * row + 3, 4 * column + i, k] = narrowed(
                        _A3 * odd + _B3 * broad + u + bias[k], like
                    )
            place += 1
