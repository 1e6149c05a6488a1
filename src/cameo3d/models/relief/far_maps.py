"""What a turned photo shows of a head's far side, in cells of its canvas."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32
from scipy.ndimage import distance_transform_edt

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.avatar import ReliefAvatar

CELL = 4
"""Canvas pixels in a cell of the maps."""
MIDDLE = (0.01, 0.03)
"""Metres from the middle of the head from which on it is its far side, and from which on wholly."""
HEAD = (0.5, 0.9)
"""How far what is mirrored follows the head: not at all up to the first, from the second on wholly."""
_EDGE = (0.003, 0.015)
"""Metres from the outline up to which a photo shows the far side too steeply, and from which on well."""
_FADES = 5
"""How fast doubts about the face's outline fade around it, as a power of how far its motion does."""
_SOFT = 0.006
"""Metres over which colours are compared."""


class FarMaps(NamedTuple):
    """What a photo shows, in cells of the canvas."""

    colors: Float32[np.ndarray, "rows columns 3"]
    """The person's, without detail."""
    depths: Float32[np.ndarray, "rows columns"]
    """Of the front; large where nothing is."""
    near_edge: Float32[np.ndarray, "rows columns"]
    """How close to the outline a cell is: 1 where it is seen too steeply."""
    beside: Float32[np.ndarray, "rows columns"]
    """How far a cell lies from the person, metres."""
    inward: Float32[np.ndarray, "rows columns 2"]
    """Canvas pixels from a cell to the person."""
    doubts: Float32[np.ndarray, "rows columns"]
    """How little the photo shows of the far side, from 0 to 1."""

    @staticmethod
    def of(
        avatar: ReliefAvatar,
        front: Float32[np.ndarray, "vertices 3"],
        aside: Float32[np.ndarray, " vertices"],
        doubts: Float32[np.ndarray, "468"],
    ) -> "FarMaps":
        """Read a person's photo.

        Args:
            avatar: The person.
            front: The surface in the crop camera's axes, metres.
            aside: How far vertices lie on the near side of the head's middle, metres.
            doubts: How little the photo shows of each vertex of the face.
        """
        size = -(-len(avatar.texture) // CELL)
        texture = cv2.resize(avatar.texture.numpy(), (size, size), interpolation=cv2.INTER_AREA)
        texture = texture.astype(np.float32)
        weights = avatar.carrier_weights.numpy()
        around = (doubts[avatar.carriers.numpy()] * weights).sum(1) * weights.sum(1) ** _FADES
        drawn = rasterize(
            avatar.points.numpy() / CELL,
            front[:, 2],
            avatar.triangles.numpy(),
            np.column_stack((aside, avatar.head.numpy(), around)).astype(np.float32),
            size,
            size,
        )
        meters = CELL * float(front[:468, 2].mean()) / avatar.canvas.pixels_per_unit(avatar.person.crop)
        solid = (texture[..., 3] > 127).astype(np.uint8)
        inside = cv2.distanceTransform(solid, cv2.DIST_L2, 5) * np.float32(meters)
        nearest = distance_transform_edt(1 - solid, return_distances=False, return_indices=True)
        rows, columns = np.asarray(nearest)
        y, x = np.mgrid[:size, :size]
        inward = (np.stack((columns - x, rows - y), -1) * CELL).astype(np.float32)
        beside = np.linalg.norm(inward, axis=-1) * np.float32(meters / CELL)
        near_edge = 1 - smoothstep((inside - _EDGE[0]) / np.ptp(_EDGE))
        sure = (texture[..., 3:] / 255) ** 4
        sigma = _SOFT / meters
        colors = cv2.GaussianBlur(texture[..., :3] * sure, (0, 0), sigma)
        colors /= cv2.GaussianBlur(sure, (0, 0), sigma)[..., None].clip(1e-3)
        far = smoothstep((-drawn.attributes[..., 0] - MIDDLE[0]) / np.ptp(MIDDLE))
        far *= smoothstep((drawn.attributes[..., 1] - HEAD[0]) / np.ptp(HEAD))
        doubtful = np.maximum(near_edge, drawn.attributes[..., 2]) * far
        depths = np.where(np.isfinite(drawn.depths), drawn.depths, 1e3).astype(np.float32)
        return FarMaps(
            colors, depths, near_edge.astype(np.float32), beside, inward, doubtful.astype(np.float32)
        )

    @staticmethod
    def at(
        values: Float32[np.ndarray, "rows columns *channels"], points: Float32[np.ndarray, "points 2"]
    ) -> Float32[np.ndarray, " points *channels"]:
        """Values at places of the canvas."""
        column, row = (points / CELL).astype(int).clip(0, len(values) - 1).T
        return values[row, column]
