"""Loss terms that the stages of Real3D-Portrait share."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.gradients import clamped
from cameo3d.blocks.images import resize_smoothly
from cameo3d.blocks.volume_rendering import SampleNoise
from cameo3d.data.portraits.pairs import View
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.generator import Frame
from cameo3d.training.learner import Losses
from cameo3d.training.losses.density import entropy, opacity_loss
from cameo3d.training.losses.lips import lip_batch, lip_l1, lip_squares
from cameo3d.training.losses.pixels import dilated, masked_l1

_DILATED = 41 / 512
"""Side of the square by which masks grow, as a share of the picture."""


def raw_colors(frame: Frame) -> Float[Tensor, "batch 3 raw raw"]:
    """The colours that the rays see, in [-1, 1]."""
    return clamped(frame.head.features[:, :3])


def picture_losses(
    frame: Frame,
    truth: Float[Tensor, "batch 3 size size"],
    mask: Float[Tensor, "batch 1 size size"],
    points: Float[Tensor, "batch 68 3"],
    outside: float,
    perceptual: nn.Module | None,
    slip: bool = False,
) -> Losses:
    """L1 within a grown mask and around the lips, and the same for features.

    Args:
        frame: What was drawn.
        truth: What should have been.
        mask: Where errors count most, before it grows.
        points: Key points, for the lips.
        outside: What errors count elsewhere.
        perceptual: The perceptual loss; None leaves its terms out.
        slip: The official slip of stage B's target.
    """
    wide = dilated(mask, grown_side(truth.shape[-1]))
    inside, beyond = (0.6, -0.2) if slip else (1.0, outside)
    squares = lip_squares(points, truth.shape[-1])
    losses = {
        "l1": masked_l1(frame.image, truth, wide, beyond, inside),
        "lip_l1": lip_l1(frame.image, truth, squares),
    }
    if perceptual is not None:
        losses["perceptual"] = perceptual(frame.image, truth)
        side = truth.shape[-1] // 4
        losses["lip_perceptual"] = perceptual(
            lip_batch(frame.image, squares, side), lip_batch(truth, squares, side)
        )
    return losses


def head_losses(
    frame: Frame, view: View, outside: float, perceptual: nn.Module | None, slip: bool = False
) -> Losses:
    """All of a head on black: at full size, as the rays see it, and how solid it is."""
    mask, raw = view.head_mask, raw_colors(frame)
    wide = dilated(mask, grown_side(mask.shape[-1]))
    small = resize_smoothly(view.head, *raw.shape[2:])
    losses = picture_losses(frame, view.head, mask, view.points, outside, perceptual, slip)
    losses["raw_l1"] = masked_l1(raw, small, _nearest(wide, raw), outside)
    if perceptual is not None:
        losses["raw_perceptual"] = perceptual(raw, small)
    losses["opacity"] = opacity_loss(frame.head.opacity, _nearest(mask, raw))
    losses["entropy"] = entropy(frame.head.opacity)
    return losses


def named(prefix: str, values: Mapping[str, Tensor]) -> Losses:
    """Losses under longer names."""
    return {f"{prefix}_{name}": value for name, value in values.items()}


def ray_noise(config: Real3DConfig, batch: int, device: torch.device) -> SampleNoise:
    """Random places of the samples along the rays, from torch's own numbers."""
    rays = config.render_size**2
    return SampleNoise(
        torch.rand((batch, rays, config.coarse_samples), device=device),
        torch.rand((batch, rays, config.fine_samples), device=device),
    )


def grown_side(size: int) -> int:
    """The side, an odd number of pixels, of the square by which a mask of a picture grows; 41 for 512."""
    return 2 * int(size * _DILATED / 2) + 1


def _nearest(mask: Tensor, like: Tensor) -> Tensor:
    return nn.functional.interpolate(mask, like.shape[2:], mode="nearest")
