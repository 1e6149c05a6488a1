"""What the volume and the torso should look like where no picture tells."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LookUp = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From planes and points, `batch points 3`, to colours, and to densities before their activation."""


def density_tv(
    look_up: LookUp,
    planes: Float[Tensor, "batch 3 channels height width"],
    side: float,
    step: float,
    points: int = 1000,
) -> Float[Tensor, ""]:
    """Total variation of the density: how much it changes over a small random step, as in EG3D.

    Args:
        look_up: Of the renderer.
        planes: What it looks up.
        side: Of the cube around the origin in which points are drawn, in world units.
        step: Standard deviation of the steps in world units: 5e-3 in Real3D-Portrait, 4e-3 in GOHA.
        points: How many are drawn for each set of planes.
    """
    first = (torch.rand((len(planes), points, 3), device=planes.device) - 0.5) * side
    moved = first + torch.randn_like(first) * step
    _, densities = look_up(planes, torch.cat((first, moved), dim=1))
    here, there = densities.chunk(2, dim=1)
    return (here - there).abs().mean()


def opacity_loss(
    opacity: Float[Tensor, "batch 1 height width"], head: Float[Tensor, "batch 1 height width"]
) -> Float[Tensor, ""]:
    """Squared error of the opacity against the head: the mean inside plus the mean outside."""
    opacity, inside = opacity.clamp(1e-5, 1 - 1e-5), head > 0.5
    return _mean(opacity.square(), ~inside) + _mean((1 - opacity).square(), inside)


def entropy(alpha: Float[Tensor, "*any"]) -> Float[Tensor, ""]:
    """Mean entropy in bits: 1 where it is undecided at one half, 0 where it is 0 or 1."""
    alpha = alpha.clamp(1e-5, 1 - 1e-5)
    return -(alpha * alpha.log2() + (1 - alpha) * (1 - alpha).log2()).mean()


def occlusion_l1(
    occlusion: Float[Tensor, "batch 1 height width"],
    torso: Float[Tensor, "batch 1 height width"],
    inside: float = 0.3,
) -> Float[Tensor, ""]:
    """The mean of an occlusion outside the torso, plus a share of what it lacks to 1 inside."""
    where = torso > 0.5
    return _mean(occlusion, ~where) + inside * _mean(1 - occlusion, where)


def _mean(values: Float[Tensor, "*any"], where: Bool[Tensor, "*any"]) -> Float[Tensor, ""]:
    """The mean of chosen values; 0 if none is chosen."""
    return (values * where).sum() / where.sum().clamp(min=1)
