"""Looking points up in three axis-aligned feature planes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

PlaneAxes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""For each plane, which coordinate of a point runs along its columns and which along its rows."""

EG3D_AXES: PlaneAxes = ((0, 1), (0, 2), (2, 0))
"""Planes of EG3D (Chan et al., CVPR 2022) and Real3D-Portrait: the last repeats the axes of the second."""

DISTINCT_AXES: PlaneAxes = ((0, 1), (0, 2), (2, 1))
"""Planes of GOHA (Li et al., NeurIPS 2023): one for each pair of axes."""


def sample_triplanes(
    planes: Float[Tensor, "batch 3 channels height width"],
    points: Float[Tensor, "batch points 3"],
    axes: PlaneAxes = EG3D_AXES,
    box_side: float = 1.0,
) -> Float[Tensor, "batch points channels"]:
    """Average what the three planes hold at each point.

    The planes span a cube around the origin; their texels have their centres at half-integer positions, and
    beyond the cube's faces they fade into zeros.

    Args:
        planes: Features of each plane, rows and columns growing with the coordinates.
        points: World positions.
        axes: Which plane shows which axes: `EG3D_AXES` or `DISTINCT_AXES`.
        box_side: Side of the cube in world units.
    """
    batch, _, channels, height, width = planes.shape
    unit = points * (2 / box_side)
    grid = _picked(unit, axes)[:, None]  # (batch 3) 1 points 2
    looked_up = functional.grid_sample(
        planes.reshape(batch * 3, channels, height, width),
        grid.to(planes.dtype),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return looked_up.reshape(batch, 3, channels, -1).mean(dim=1).mT


def sample_trigrids(
    planes: Float[Tensor, "batch 3 channels height width"],
    points: Float[Tensor, "batch points 3"],
    depth: int,
    axes: PlaneAxes = EG3D_AXES,
    box_side: float = 1.0,
) -> Float[Tensor, "batch points features"]:
    """Average what three planes of several slices hold at each point, between slices too.

    "Tri-grids" of PanoHead (An et al., CVPR 2023), as Real3D-Portrait's public options take them: the slices
    of a plane are spread along the axis that it does not show.

    Args:
        planes: Features of each plane, the slice's index the fastest of its channels.
        points: World positions.
        depth: Slices.
        axes: See `sample_triplanes`.
        box_side: Side of the cube in world units.
    """
    batch, _, channels, height, width = planes.shape
    unit = points * (2 / box_side)
    order = [(*pair, 3 - sum(pair)) for pair in axes]
    grid = _picked(unit, order)[:, None, None]  # (batch 3) 1 1 points 3
    looked_up = functional.grid_sample(
        planes.reshape(batch * 3, channels // depth, depth, height, width),
        grid.to(planes.dtype),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    return looked_up.reshape(batch, 3, channels // depth, -1).mean(dim=1).mT


def _picked(
    points: Float[Tensor, "batch points 3"], orders: Sequence[tuple[int, ...]]
) -> Float[Tensor, "batch_planes points axes"]:
    """Some coordinates of all points for each plane, one plane of a batch behind the other."""
    planes = [torch.stack([points[..., axis] for axis in order], dim=-1) for order in orders]
    return torch.stack(planes, dim=1).flatten(0, 1)
