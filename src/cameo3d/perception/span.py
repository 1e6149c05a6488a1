"""SPAN: a photo at twice its size, with sharper edges and nothing invented (Wan et al., CVPRW 2024).

The network has no attention of its own: what a block computes also says how much of it counts.
Weights: docs/cards/span.md.
"""

import functools

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.winograd import Convolution3x3
from cameo3d.weights.shipped import load_tensors

WIDTH, BLOCKS, SCALE = 48, 6, 2
_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, from which the network measures."""
_PAD, _MULTIPLE = 8, 4
"""Pixels by which a picture goes on at its border, and of which its sides are a multiple, which is faster."""


class Span(nn.Module):
    """From pictures to pictures of twice their size."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = Convolution3x3(3, WIDTH)
        self.blocks = nn.ModuleList(_Block() for _ in range(BLOCKS))
        self.last = Convolution3x3(WIDTH, WIDTH)
        self.joined = nn.Conv2d(4 * WIDTH, WIDTH, 1)
        self.up = nn.Sequential(Convolution3x3(WIDTH, 3 * SCALE**2), nn.PixelShuffle(SCALE))
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])

    def forward(
        self, pictures: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 two_h two_w"]:
        """Enlarge pictures in [0, 1]."""
        first = x = self.first((pictures - self.mean) * 255)
        seen = []
        for block in self.blocks:
            x, inner = block(x)
            seen.append((x, inner))
        return self.up(self.joined(torch.cat((first, self.last(x), seen[0][0], seen[-1][1]), 1)))


class _Block(nn.Module):
    """Three convolutions, whose result is let through as far as it differs from zero."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Convolution3x3(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: Float[Tensor, "batch width height width2"]) -> tuple[Tensor, Tensor]:
        inner = functional.silu(self.layers[0](x))
        found = self.layers[2](functional.silu(self.layers[1](inner)))
        return (found + x) * (found.sigmoid() - 0.5), inner


@functools.cache
def load_span() -> Span:
    """Load the shipped network, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = Span()
    weights = {name: tensor.float() for name, tensor in load_tensors("span").items()}
    network.load_state_dict({**weights, "mean": network.mean})
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def doubled(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "two_height two_width 3"]:
    """A picture at twice its size; a megapixel takes some ten seconds on a CPU core.

    Args:
        rgb: The picture.
    """
    height, width = rgb.shape[:2]
    down, right = (_PAD + -(size + 2 * _PAD) % _MULTIPLE for size in (height, width))
    padded = cv2.copyMakeBorder(rgb, _PAD, down, _PAD, right, cv2.BORDER_REFLECT)
    pictures = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
    large = load_span()(pictures)[0].permute(1, 2, 0).numpy()
    start = SCALE * _PAD
    part = large[start : start + SCALE * height, start : start + SCALE * width]
    return np.rint(part * 255).clip(0, 255).astype(np.uint8)
