"""Parts of a face that the photo hides from itself take the colours of the other half."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.compiled import compiled, inlined
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import OPENINGS
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import cubic
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.surface_kernel import SurfaceDrawer

_HIDDEN_BEHIND = 0.003
"""Metres behind another part of the face from which on a surface counts as hidden."""
_CELL = 2
"""Canvas pixels in a cell of the depths that the photo saw."""
_SAMPLES = 8
"""Along each side of a triangle, where it is compared with what the photo saw."""
_SAME_DEPTH = 1e-5
"""Metres between two computations of the depth of one point."""


class Lenders:
    """Who lends colours to the hidden parts of one face.

    Args:
        avatar: The person.
        model: The face model, which knows the mirrored vertices.
    """

    def __init__(self, avatar: ReliefAvatar, model: FaceModel) -> None:
        points, depths = avatar.points.numpy(), avatar.depths.numpy()
        face = avatar.triangles.numpy()[: len(model.triangles) + len(OPENINGS)]
        size = avatar.canvas.side // _CELL
        seen = rasterize(points / _CELL, depths, face, points[:, :1], size, size).depths
        column, row = (points[:468] / _CELL).astype(int).clip(0, size - 1).T
        visible = depths[:468] < seen[row, column] + 2 * _HIDDEN_BEHIND
        lenders, lends = points.copy(), np.zeros(len(points), np.float32)
        mirror = model.mirror.numpy()
        lenders[:468], lends[:468] = points[mirror], visible[mirror] & (not visible.all())
        # Steep parts are not hidden by their own neighbours: the deepest one around counts.
        self._seen = cv2.dilate(np.where(np.isfinite(seen), seen, 1e3).astype(np.float32), np.ones((5, 5)))
        self._attributes = np.column_stack((points, lenders, lends, depths))
        triangles, hidden = avatar.triangles.numpy(), np.zeros(len(points), np.bool_)
        _find_borrowing(triangles, points, depths, lends, self._seen, hidden)
        # With their neighbours, into which colours fade.
        self._triangles = np.ascontiguousarray(triangles[hidden[triangles].any(1)])
        self._vertices = np.unique(self._triangles)

    def lend(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        drawn: SurfaceDrawer,
        pixels: Float32[np.ndarray, "vertices 2"],
        depths: Float32[np.ndarray, " vertices"],
        texture: UInt8[np.ndarray, "rows columns 4"],
    ) -> None:
        """Give hidden parts their colours, in place.

        Args:
            image: The surface as it was drawn.
            drawn: What drew it last.
            pixels: Its vertices in the picture.
            depths: How far away they are.
            texture: The photo, with the matte.
        """
        if not len(self._triangles):
            return
        box = box_around(pixels[self._vertices], image.shape[1], image.shape[0])
        if box is None:
            return
        left, top, right, bottom = box
        corner = np.array((left, top), np.float32)
        found = rasterize(
            pixels - corner, depths, self._triangles, self._attributes, bottom - top, right - left
        )
        part, inside = (
            np.s_[top:bottom, left:right],
            found.depths <= drawn.depths[top:bottom, left:right] + _SAME_DEPTH,
        )
        hidden = np.zeros(inside.shape, np.float32)
        if _find_hidden(found.attributes, inside, self._seen, hidden):
            _mix(image[part], found.attributes, inside, cv2.blur(hidden, (5, 5)), texture)


@compiled
def _find_borrowing(triangles, points, depths, lends, seen, hidden):
    """Mark the corners of triangles that the photo hides somewhere, and whose mirrored ones it shows."""
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if max(lends[a], lends[b], lends[c]) <= 0:
            continue
        found = False
        # Closer together than cells, in triangles of seven pixels.
        for i in range(_SAMPLES + 1):
            for j in range(_SAMPLES + 1 - i):
                u, v = i / _SAMPLES, j / _SAMPLES
                x = points[a, 0] + (points[b, 0] - points[a, 0]) * u + (points[c, 0] - points[a, 0]) * v
                y = points[a, 1] + (points[b, 1] - points[a, 1]) * u + (points[c, 1] - points[a, 1]) * v
                depth = depths[a] + (depths[b] - depths[a]) * u + (depths[c] - depths[a]) * v
                found |= depth > _seen_at(seen, x, y) + _HIDDEN_BEHIND
        if found:
            hidden[a] = hidden[b] = hidden[c] = True


@inlined
def _seen_at(seen, x, y):
    """The depth that the photo saw at a place of the canvas."""
    column, row = int(np.rint(x / _CELL - 0.5)), int(np.rint(y / _CELL - 0.5))
    inside = column >= 0 and row >= 0 and column < seen.shape[1] and row < seen.shape[0]
    return seen[row, column] if inside else np.float32(0)


@compiled
def _find_hidden(where, inside, seen, hidden):
    found = False
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            lends = where[row, column, 4]
            if not inside[row, column] or lends <= 0.01:
                continue
            before = _seen_at(seen, where[row, column, 0], where[row, column, 1])
            behind = (where[row, column, 5] - before) / _HIDDEN_BEHIND - 1
            hidden[row, column] = min(max(behind, 0.0), 1.0) * min(lends, 1.0)
            found |= hidden[row, column] > 0
    return found


@compiled
def _mix(image, where, inside, share, texture):
    other = np.empty((1, 1, 4), np.uint8)
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            if not inside[row, column] or share[row, column] <= 0:
                continue
            cubic(texture, where[row, column, 2], where[row, column, 3], other, 0, 0)
            for k in range(4):
                mixed = (
                    image[row, column, k]
                    + (np.float32(other[0, 0, k]) - image[row, column, k]) * share[row, column]
                )
                image[row, column, k] = np.uint8(np.rint(mixed))
