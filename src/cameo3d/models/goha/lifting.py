"""Lifting a photo's features into space and laying them onto three planes."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import KDTree
from torch import Tensor

from cameo3d.blocks.triplanes import DISTINCT_AXES
from cameo3d.geometry.compiled import may_loop

_ROWS_AT_ONCE = 8
"""Of a plane, whose distances from all points are in memory at a time."""


def nearest_points(
    points: Float[Tensor, "batch points 3"], side: int, box_side: float = 1.0
) -> Int64[Tensor, "batch 3 {side} {side}"]:
    """For each position of each plane, the point whose projection onto that plane is nearest.

    Positions run from edge to edge of the cube, both included. There is no test of visibility: whatever lies
    nearest in the projection wins, hidden or not. Distances are exact; the release rounds them in float32.

    Args:
        points: World positions.
        side: Positions along each side of the planes.
        box_side: Side in world units of the cube that the planes span.
    """
    steps = torch.linspace(-1, 1, side, dtype=torch.float64, device=points.device).float()
    clouds = points.detach() * (2 / box_side)
    search = _search_tree if may_loop(points) else _compare_all
    found = [
        search(torch.stack((cloud[:, axes[0]], cloud[:, axes[1]]), dim=1), steps)
        for cloud in clouds
        for axes in DISTINCT_AXES
    ]
    return torch.stack(found).unflatten(0, (len(clouds), -1))


def lay_on_planes(
    features: Float[Tensor, "batch channels height width"], nearest: Int64[Tensor, "batch 3 rows columns"]
) -> Float[Tensor, "batch 3 channels rows columns"]:
    """Give each position of each plane the feature of its point; points count row by row in the map."""
    batch, channels = features.shape[:2]
    index = nearest.reshape(batch, 1, -1).expand(-1, channels, -1)
    laid = features.flatten(2).gather(2, index)
    return laid.reshape(batch, channels, *nearest.shape[1:]).transpose(1, 2)


def _search_tree(
    cloud: Float[Tensor, "points 2"], steps: Float[Tensor, " side"]
) -> Int64[Tensor, "side side"]:
    rows, columns = np.meshgrid(steps.numpy(), steps.numpy(), indexing="ij")
    positions = np.stack((columns.ravel(), rows.ravel()), axis=1)
    nearest = KDTree(cloud.numpy()).query(positions)[1]
    return torch.from_numpy(np.asarray(nearest, np.int64).reshape(rows.shape))


def _compare_all(
    cloud: Float[Tensor, "points 2"], steps: Float[Tensor, " side"]
) -> Int64[Tensor, "side side"]:
    """Far more arithmetic, but on a GPU sooner done than bringing the points to a tree on the CPU."""
    across, down = (steps[:, None].double() - cloud.mT[:, None]).square()
    return torch.cat([(rows[:, None] + across).argmin(dim=-1) for rows in down.split(_ROWS_AT_ONCE)])
