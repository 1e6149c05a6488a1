"""Resizing images and maps, one function for each of the three ways that the official releases use."""

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
