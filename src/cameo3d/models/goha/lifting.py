"""Lifting a photo's features into space and laying them onto three planes."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import KDTree
from torch import Tensor

from cameo3d.models.blocks.triplanes import DISTINCT_AXES


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
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    rows, columns = np.meshgrid(steps, steps, indexing="ij")
    positions = np.stack((columns.ravel(), rows.ravel()), axis=1)
    cloud = (points.detach() * (2 / box_side)).cpu().numpy()
    found = [
        [KDTree(each[:, list(axes)]).query(positions)[1].reshape(side, side) for axes in DISTINCT_AXES]
        for each in cloud
    ]
    return torch.from_numpy(np.array(found, dtype=np.int64)).to(points.device)


def lay_on_planes(
    features: Float[Tensor, "batch channels height width"], nearest: Int64[Tensor, "batch 3 rows columns"]
) -> Float[Tensor, "batch 3 channels rows columns"]:
    """Give each position of each plane the feature of its point; points count row by row in the map."""
    batch, channels = features.shape[:2]
    index = nearest.reshape(batch, 1, -1).expand(-1, channels, -1)
    laid = features.flatten(2).gather(2, index)
    return laid.reshape(batch, channels, *nearest.shape[1:]).transpose(1, 2)
