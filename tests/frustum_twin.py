"""The clear twin of `blocks/frustum_kernel.py`: planes of a surface, and what is looked up in them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cameo3d.blocks.frustum_planes import (
    ABSORPTION,
    BACK,
    CHANNELS,
    COVER,
    DEPTH_SIDE,
    FRONT,
    SOFTNESS,
    PlaneFrame,
)


def ramps(size: int) -> Float[Tensor, "2 channels size size"]:
    """The two planes that hold depth: halves of it each, plus for the front, minus for the back."""
    depth = ((torch.arange(size) + 0.5) / size - 0.5) * DEPTH_SIDE
    planes = torch.zeros(2, CHANNELS, size, size)
    planes[:, FRONT] = depth[:, None] / 2
    planes[:, BACK] = -depth[:, None] / 2
    return planes


def packed_planes(
    front: Float[Tensor, "size size"],
    back: Float[Tensor, "size size"],
    head: Float[Tensor, "size size"],
    anchor: Float[Tensor, "size size"],
    cover: Float[Tensor, "size size"],
    colors: Float[Tensor, "3 size size"],
    middle: float,
) -> Float[Tensor, "3 channels size size"]:
    """Pack a surface with its colours into planes; depths are metres in the crop camera."""
    first = torch.cat((torch.stack((middle - front, back - middle, head, anchor, cover)), colors))
    return torch.cat((first[None], ramps(len(front))))


def look_up(
    planes: Float[Tensor, "batch 3 channels size size"],
    places: Float[Tensor, "batch points 3"],
) -> Float[Tensor, "batch points channels"]:
    """The sum of what three planes hold at places (across, down, depth), each from 0 to 1."""
    grid = 2 * places[:, :, [[0, 1], [0, 2], [1, 2]]].transpose(1, 2).flatten(0, 1)[:, None] - 1
    seen = functional.grid_sample(planes.flatten(0, 1), grid, padding_mode="border", align_corners=False)
    return seen.unflatten(0, (-1, 3)).sum(1)[:, :, 0].mT


def places_of(points: Float[Tensor, "*batch 3"], frame: PlaneFrame) -> Float[Tensor, "*batch 3"]:
    """Positions in the crop camera's axes as places in the planes."""
    across = (points[..., 0] / points[..., 2] - frame.left) * frame.scale
    down = (points[..., 1] / points[..., 2] - frame.top) * frame.scale
    return torch.stack((across, down, (points[..., 2] - frame.middle) / DEPTH_SIDE + 0.5), -1)


def density(seen: Float[Tensor, "*batch channels"]) -> Float[Tensor, "*batch"]:
    """Absorption per metre at what was looked up."""
    solid = (seen[..., FRONT] / SOFTNESS).sigmoid() * (seen[..., BACK] / SOFTNESS).sigmoid()
    return ABSORPTION * solid * seen[..., COVER].clamp(0, 1) ** 2
