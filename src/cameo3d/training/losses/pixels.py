"""How far pictures are apart, pixel by pixel."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def l1(
    picture: Float[Tensor, "batch channels height width"], truth: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, ""]:
    """Mean absolute difference."""
    return (picture - truth).abs().mean()


def masked_l1(
    picture: Float[Tensor, "batch 3 height width"],
    truth: Float[Tensor, "batch 3 height width"],
    mask: Float[Tensor, "batch 1 height width"],
    outside: float,
    inside: float = 1.0,
) -> Float[Tensor, ""]:
    """Absolute difference, the sum over colours, weighted by a mask; the largest errors are cut off.

    Real3D-Portrait cuts at the 80 % quantile, or at 0.5 if that is larger, so that pixels which cannot be
    matched do not take over.

    Args:
        picture: In [-1, 1].
        truth: In [-1, 1].
        mask: 1 where errors count in full, else 0.
        outside: What they count elsewhere.
        inside: What they count inside.
    """
    error = (picture - truth).abs().sum(dim=1, keepdim=True)
    error = error * torch.where(mask > 0.5, inside, outside)
    # `quantile` takes at most 2^24 numbers; every fourth pixel of large batches tells the same.
    flat = error.detach().float().flatten()
    most = flat[:: 1 + flat.numel() // 2**24].quantile(0.8).clamp(min=0.5)
    return error.clamp(min=0.0).minimum(most).mean()


def dilated(
    mask: Float[Tensor, "batch 1 height width"], size: int = 41
) -> Float[Tensor, "batch 1 height width"]:
    """The largest value in a square, an odd number of pixels wide, around each pixel; borders reflect."""
    reach = min(size // 2, min(mask.shape[2:]) - 1)
    return functional.max_pool2d(functional.pad(mask, (reach,) * 4, "reflect"), 2 * reach + 1, stride=1)
