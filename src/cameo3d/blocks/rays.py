"""Rays through the pixels of a camera, and where they cross a cube around the origin."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def pixel_rays(
    eg3d_from_camera: Float[Tensor, "batch 4 4"],
    intrinsics: Float[Tensor, "batch 3 3"],
    size: int,
) -> tuple[Float[Tensor, "batch rays 3"], Float[Tensor, "batch rays 3"]]:
    """Origins and unit directions, in world units, of the rays through the pixel centres, row by row.

    Args:
        eg3d_from_camera: Camera pose, in OpenCV axes.
        intrinsics: Divided by the image's side; the skew counts.
        size: Pixels along a side of the square image.
    """
    centres = (torch.arange(size, dtype=intrinsics.dtype, device=intrinsics.device) + 0.5) / size
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    u, v = u.flatten(), v.flatten()
    fx, fy, cx, cy, skew = (
        intrinsics[:, row, column, None] for row, column in ((0, 0), (1, 1), (0, 2), (1, 2), (0, 1))
    )
    x = (u - cx + cy * skew / fy - skew * v / fy) / fx
    y = ((v - cy) / fy).expand_as(x)
    seen = torch.stack((x, y, torch.ones_like(x)), dim=-1)
    directions = torch.nn.functional.normalize(seen @ eg3d_from_camera[:, :3, :3].mT, dim=-1)
    return eg3d_from_camera[:, None, :3, 3].expand_as(directions), directions


def box_crossing(
    origins: Float[Tensor, "batch rays 3"],
    directions: Float[Tensor, "batch rays 3"],
    box_side: float = 1.0,
) -> tuple[Float[Tensor, "batch rays"], Float[Tensor, "batch rays"], Bool[Tensor, "batch rays"]]:
    """Distances at which each ray enters and leaves a cube around the origin, and whether it does.

    As in EG3D's "auto" range, rays that miss the cube take the nearest and the farthest *entry* of the rays
    that hit it, or -1 and -2 if none does.

    Args:
        origins: Where the rays begin, in world units.
        directions: Unit directions.
        box_side: Side of the cube in world units.
    """
    half = box_side / 2
    # The reciprocal as in the official release: looking up planes amplifies the rounding of depths.
    slopes = 1 / directions
    first, second = (-half - origins) * slopes, (half - origins) * slopes
    enters = torch.minimum(first, second).amax(dim=-1)
    leaves = torch.maximum(first, second).amin(dim=-1)
    hits = enters <= leaves
    # Nothing here asks for a value: that would make a GPU's host wait.
    any_hit = hits.any()
    nearest = enters.masked_fill(~hits, torch.inf).min().masked_fill(~any_hit, -1)
    farthest = enters.masked_fill(~hits, -torch.inf).max().masked_fill(~any_hit, -2)
    return torch.where(hits, enters, nearest), torch.where(hits, leaves, farthest), hits
