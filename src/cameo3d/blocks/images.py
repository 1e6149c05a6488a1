"""Resizing images and maps, one function for each way of the official releases; their order in memory."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def resize(
    x: Float[Tensor, "batch channels _ _"], height: int, width: int
) -> Float[Tensor, "batch channels {height} {width}"]:
    """Bilinear, pixel centres at half-integer positions, without a filter against aliasing."""
    return functional.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


def resize_smoothly(
    x: Float[Tensor, "batch channels _ _"], height: int, width: int
) -> Float[Tensor, "batch channels {height} {width}"]:
    """As `resize`, but when shrinking every source pixel counts (a triangle filter of matching support)."""
    return functional.interpolate(
        x, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )


def double_with_corners(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels _ _"]:
    """Bilinear to twice the size, the outermost pixel centres staying at the corners."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def channels_innermost(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """The same map in the order of memory that convolutions like best; most of what follows keeps it."""
    return x.contiguous(memory_format=torch.channels_last)
