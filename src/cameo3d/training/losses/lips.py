"""The square around the lips, where errors count again."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

LIPS = slice(48, 60)
"""The outer lips among the 68 key points."""


def lip_squares(
    points: Float[Tensor, "batch 68 _"], size: int, margin: float = 1.2
) -> Int[Tensor, "batch 4"]:
    """Left, right, top and bottom in pixels of a square around each mouth, moved inside the picture.

    Args:
        points: Key points, x right and y down in [-1, 1].
        size: Side of the pictures in pixels.
        margin: Of half the longer side of the lips' box.
    """
    lips = (points[:, LIPS, :2] + 1) / 2 * size
    low, high = lips.amin(dim=1), lips.amax(dim=1)
    half = (margin * (high - low) / 2).int().amax(dim=1, keepdim=True).clamp(4, size // 2)
    center = ((low + high) / 2).int()
    start = (center - half).clamp(min=0).minimum(size - 2 * half)
    left, top = start.unbind(dim=1)
    return torch.stack((left, left + 2 * half[:, 0], top, top + 2 * half[:, 0]), dim=1)


def lip_crops(
    pictures: Float[Tensor, "batch 3 height width"], squares: Int[Tensor, "batch 4"]
) -> list[Float[Tensor, "1 3 _ _"]]:
    """The part of each picture within its square."""
    return [
        picture[None, :, top:bottom, left:right]
        for picture, (left, right, top, bottom) in zip(pictures, squares.tolist(), strict=True)
    ]


def lip_l1(
    picture: Float[Tensor, "batch 3 height width"],
    truth: Float[Tensor, "batch 3 height width"],
    squares: Int[Tensor, "batch 4"],
) -> Float[Tensor, ""]:
    """Mean absolute difference within the squares."""
    pairs = zip(lip_crops(picture, squares), lip_crops(truth, squares), strict=True)
    return torch.stack([(one - other).abs().mean() for one, other in pairs]).mean()


def lip_batch(
    pictures: Float[Tensor, "batch 3 height width"], squares: Int[Tensor, "batch 4"], size: int
) -> Float[Tensor, "batch 3 {size} {size}"]:
    """The crops at one size, for losses that see whole batches."""
    crops = lip_crops(pictures, squares)
    return torch.cat(
        [functional.interpolate(crop, (size, size), mode="bilinear", antialias=True) for crop in crops]
    )
