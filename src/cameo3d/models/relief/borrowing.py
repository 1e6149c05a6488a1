"""Parts of a face that the photo hides from itself take the colours of the other half."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.compiled import compiled, inlined
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import OPENINGS
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import cubic
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.far_side import FarSide
from cameo3d.models.relief.lighting import find_light, surface_normals
from cameo3d.models.relief.lip_rings import LipRings, sharpness
from cameo3d.models.relief.surface_kernel import SurfaceDrawer

_HIDDEN_BEHIND = 0.003
"""Metres behind another part of the face from which on a surface counts as hidden."""
_EDGE_ON = (0.45, 0.15)
"""Cosines between skin and the ray to the camera from which on it is shown too steeply, and at the second not
at all."""
_BESIDE = 0.03
"""Heights of the face from its outline within which the photo's skin is mixed with what is beside it."""
_LEAST_DOUBT = 0.15
"""How much worse one half of a face must be shown than the other before it borrows."""
_MOST_LIT = 1.6
"""By how much, at most, the photo's light makes one half brighter than the other."""
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
        rings: The surface as it is drawn.
    """

    def __init__(self, avatar: ReliefAvatar, model: FaceModel, rings: LipRings) -> None:
        points, depths = avatar.points.numpy(), avatar.depths.numpy()
        face = avatar.triangles.numpy()[: len(model.triangles) + len(OPENINGS)]
        size = avatar.canvas.side // _CELL
        seen = rasterize(points / _CELL, depths, face, points[:, :1], size, size).depths
        column, row = (points[:468] / _CELL).astype(int).clip(0, size - 1).T
        visible = depths[:468] < seen[row, column] + 2 * _HIDDEN_BEHIND
        lenders, lends, doubts, lit = (
            points.copy(),
            *np.zeros((2, len(points)), np.float32),
            np.ones((len(points), 3), np.float32),
        )
        mirror = model.mirror.numpy()
        positions = avatar.canvas.rays(avatar.person.crop, points[:468]) * depths[:468, None]
        normals = surface_normals(positions, face)
        doubt = _doubts(avatar.texture[..., 3].numpy(), points[:468], positions, normals)
        # Halves that are seen alike have nothing to lend each other.
        doubts[:468] = smoothstep((doubt - doubt[mirror] - _LEAST_DOUBT) / (1 - _LEAST_DOUBT))
        lends[:468] = visible[mirror] * (1 - doubt[mirror]) * (not visible.all() or doubts.max() > 0)
        lenders[:468] = points[mirror]
        colors = np.ascontiguousarray(avatar.texture[..., :3].numpy())
        light = find_light(colors, points[:468], positions.astype(np.float32), face)
        shade = light.shade(normals)
        lit[:468] = (shade / shade[mirror].clip(0.1)).clip(1 / _MOST_LIT, _MOST_LIT)[:, None]
        self.far_side = FarSide(avatar, model, doubts[:468])
        """What of the head around the face is hidden."""
        lit[:468] = np.where(np.isnan(self.far_side.lit), lit[:468], self.far_side.lit)
        # Steep parts are not hidden by their own neighbours: the deepest one around counts.
        self._seen = cv2.dilate(np.where(np.isfinite(seen), seen, 1e3).astype(np.float32), np.ones((5, 5)))
        self._attributes = np.column_stack((points, lenders, lends, depths, doubts, lit)).astype(np.float32)
        self._attributes, triangles = rings.refined(self._attributes, sharpness(positions)), rings.triangles
        points, depths, lends, doubts = (
            np.ascontiguousarray(self._attributes[:, k]) for k in (slice(2), 5, 4, 6)
        )
        hidden = np.zeros(len(points), np.bool_)
        _find_borrowing(triangles, points, depths, lends, doubts, self._seen, hidden)
        # With their neighbours, into which colours fade.
        self._triangles = np.ascontiguousarray(triangles[hidden[triangles].any(1)])
        self._vertices = np.unique(self._triangles)

    @property
    def lends(self) -> bool:
        """Whether anything of the face is hidden."""
        return len(self._triangles) > 0

    def lend(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        drawn: SurfaceDrawer,
        pixels: Float32[np.ndarray, "vertices 2"],
        depths: Float32[np.ndarray, " vertices"],
        texture: UInt8[np.ndarray, "rows columns 4"],
        turned: float = 1.0,
    ) -> None:
        """Give hidden parts their colours, in place.

        Args:
            image: The surface as it was drawn.
            drawn: What drew it last.
            pixels: Its vertices in the picture.
            depths: How far away they are.
            texture: The photo, with the matte.
            turned: How far the head is turned from the photo's pose, where all is as the photo shows it.
        """
        if not self.lends:
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
        if _find_hidden(found.attributes, inside, self._seen, np.float32(turned), hidden):
            _mix(image[part], found.attributes, inside, cv2.blur(hidden, (5, 5)), texture)


def _doubts(
    matte: UInt8[np.ndarray, "side side"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float[np.ndarray, "468 3"],
    normals: Float[np.ndarray, "468 3"],
) -> Float[np.ndarray, "468"]:
    """How little the photo shows of the skin at each vertex, from 0 to 1: edge-on, or beside the person."""
    facing = -(normals * positions).sum(1) / np.linalg.norm(positions, axis=1)
    steep = smoothstep((_EDGE_ON[0] - facing) / (_EDGE_ON[0] - _EDGE_ON[1]))
    reach = max(3, round(_BESIDE * float(np.ptp(points[:, 1]))))
    thin = cv2.erode(matte, np.ones((reach, reach), np.uint8))
    column, row = points.astype(int).clip(0, len(matte) - 1).T
    return np.maximum(steep, 1 - thin[row, column] / 255.0)


@compiled
def _find_borrowing(triangles, points, depths, lends, doubts, seen, hidden):
    """Mark the corners of triangles that the photo hides somewhere, and whose mirrored ones it shows."""
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if max(lends[a], lends[b], lends[c]) <= 0:
            continue
        found = max(doubts[a], doubts[b], doubts[c]) > 0
        # Closer together than cells, in triangles of seven pixels.
        for i in range(_SAMPLES + 1):
            for j in range(_SAMPLES + 1 - i):
                u, v = i / _SAMPLES, j / _SAMPLES
                x = points[a, 0] + (points[b, 0] - points[a, 0]) * u + (points[c, 0] - points[a, 0]) * v
                y = points[a, 1] + (points[b, 1] - points[a, 1]) * u + (points[c, 1] - points[a, 1]) * v
                depth = depths[a] + (depths[b] - depths[a]) * u + (depths[c] - depths[a]) * v
                found |= depth > _seen_at(seen, np.float32(x), np.float32(y)) + _HIDDEN_BEHIND
        if found:
            hidden[a] = hidden[b] = hidden[c] = True


@inlined
def _seen_at(seen, x, y):
    """The depth that the photo saw at a place of the canvas."""
    column, row = int(np.rint(x / _CELL - 0.5)), int(np.rint(y / _CELL - 0.5))
    inside = column >= 0 and row >= 0 and column < seen.shape[1] and row < seen.shape[0]
    return seen[row, column] if inside else np.float32(0)


@compiled
def _find_hidden(where, inside, seen, turned, hidden):
    found = False
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            lends = where[row, column, 4]
            if not inside[row, column] or lends <= 0.01:
                continue
            before = _seen_at(seen, where[row, column, 0], where[row, column, 1])
            behind = (where[row, column, 5] - before) / _HIDDEN_BEHIND - 1
            hidden[row, column] = min(max(behind, where[row, column, 6] * turned, 0.0), 1.0) * min(lends, 1.0)
            found |= hidden[row, column] > 0
    return found


@compiled
def _mix(image, where, inside, share, texture):
    other = np.empty((1, 1, 4), np.uint8)
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            if not inside[row, column] or share[row, column] <= 0:
                continue
            cubic(texture, where[row, column, 2], where[row, column, 3], other, np.int64(0), np.int64(0))
            for k in range(4):
                lent = np.float32(other[0, 0, k])
                if k < 3:
                    lent = min(lent * where[row, column, 7 + k], np.float32(255))
                mixed = image[row, column, k] + (lent - image[row, column, k]) * share[row, column]
                image[row, column, k] = np.uint8(np.rint(mixed))
