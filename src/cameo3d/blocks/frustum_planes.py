"""Tri-planes in a photo's own perspective: what each channel means, and the bent rays that see them.

A point's first two coordinates are where the photo saw it, from 0 to 1 over the canvas; its third is depth.
So the first of the three planes lies over the photo pixel by pixel, and a surface packed into it is exact:
its front and back depths are channels. The other planes hold ramps of depth. As in EG3D (Chan et al., CVPR
2022) the three look-ups are added, which gives how far a point lies behind the front and before the back.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

FRONT, BACK, HEAD, ANCHOR, COVER = range(5)
"""Channels: metres behind the front surface and before the back one (once the ramps are added); how far a
point follows the head, and how far the torso's motion; whether there is a person."""
COLORS = slice(5, 8)
"""Red, green, blue in [0, 1]."""
CHANNELS = 8
DEPTH_SIDE = 0.5
"""Metres of depth over which the planes reach, around `PlaneFrame.middle`."""
ABSORPTION, SOFTNESS = 2500.0, 0.0008
"""Density within the person, per metre, and metres over which it sets in behind a surface."""


@dataclass(frozen=True)
class PlaneFrame:
    """Where the planes lie in the crop camera's axes."""

    scale: float
    """Canvas sides per unit of x / z."""
    left: float
    top: float
    """x / z and y / z of the canvas's upper left corner."""
    middle: float
    """Depth in the middle of the planes, metres."""


@dataclass(frozen=True)
class Bend:
    """From a point that the camera sees to where the photo saw it: head and torso go different ways.

    A point `q` of the head was at `q @ turn + shift`, one of the torso at `q - (q @ sway + drift)`, unless
    it is anchored. In between, positions are mixed, as skinning does.
    """

    turn: Float32[np.ndarray, "3 3"]
    shift: Float32[np.ndarray, "3"]
    sway: Float32[np.ndarray, "3 3"]
    drift: Float32[np.ndarray, "3"]


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
