"""A relief's own surface as a mesh: front and back, eyes and mouth closed with what the photo shows there."""

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from cameo3d.geometry.face_topology import OPENINGS
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.values.mesh import Mesh

_FACE = 468


def relief_mesh(avatar: ReliefAvatar, resolution: int) -> Mesh:
    """The person as lifted from the photo, in the photo's pose.

    Args:
        avatar: The person.
        resolution: Triangles are halved until about so many corners lie along the crop's side.
    """
    points = avatar.points.numpy()
    rays = avatar.canvas.rays(avatar.person.crop, points)
    front = rays * avatar.depths.numpy()[:, None]
    back = rays * avatar.back_depths.numpy()[:, None]
    openings = np.array(OPENINGS, np.int32)
    both = np.concatenate((avatar.triangles.numpy(), openings))
    triangles = np.concatenate((both, avatar.back_triangles.numpy() + len(points)))
    is_front = np.arange(len(triangles)) < len(both)
    rows = np.concatenate((np.column_stack((front, points)), np.column_stack((back, points))))
    spacing = float(np.median(np.linalg.norm(np.diff(points[both[:, :2]], axis=1), axis=2)))
    wanted = avatar.person.crop.side * avatar.canvas.scale / resolution
    for _ in range(int(np.log2(max(spacing / wanted, 1)))):
        rows, triangles = _halved(rows, triangles)
        is_front = is_front.repeat(4)
    triangles = _outward(rows, triangles, is_front)
    across, down = rows[:, 3:].T - 0.5
    seen = np.stack(
        [
            map_coordinates(x, (down, across), order=1, mode="nearest")
            for x in np.rollaxis(avatar.texture.numpy(), 2)
        ],
        axis=1,
    )
    colors, matte = seen[:, :3], seen[:, 3]
    # The surface reaches beyond the person, so that soft edges have something to lie on.
    triangles = triangles[matte[triangles].mean(axis=1) > 127]
    used = np.unique(triangles)
    renumbered = np.searchsorted(used, triangles).astype(np.int32)
    vertices = (rows[used, :3] - front[:_FACE].mean(0)) * (1, -1, -1)
    return Mesh(
        torch.from_numpy(vertices.astype(np.float32)),
        torch.from_numpy(renumbered),
        torch.from_numpy(np.ascontiguousarray(colors[used])),
    )


def _halved(rows: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each triangle as four, with new corners in the middles of its edges."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, which = np.unique(edges, axis=0, return_inverse=True)
    middle = which.reshape(-1, 3) + len(rows)
    a, b, c = triangles.T
    ab, bc, ca = middle.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    finer = np.concatenate([np.column_stack(part) for part in parts])
    # Kept in the order of the triangles that they were.
    finer = finer.reshape(4, -1, 3).transpose(1, 0, 2).reshape(-1, 3)
    return np.concatenate((rows, rows[unique].mean(axis=1))), finer.astype(np.int32)


def _outward(rows: np.ndarray, triangles: np.ndarray, is_front: np.ndarray) -> np.ndarray:
    """Corners counter-clockwise from outside: what the camera sees of fronts, and does not see of backs."""
    a, b, c = (rows[triangles[:, corner], 3:] for corner in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    # On the canvas y grows downwards: a positive area is clockwise to the eye.
    flip = (ux * vy - uy * vx > 0) == is_front
    return np.where(flip[:, None], triangles[:, ::-1], triangles)
