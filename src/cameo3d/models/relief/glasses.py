"""Glasses: taken off the face, which then moves freely behind them, and laid over it again as a rigid sheet.

Rims, and what lenses mirror, belong to the sheet; so do whole lenses through which no eye is seen. All else
behind a lens is the face's. At rest both together are the photo.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.compiled import compiled, inlined
from cameo3d.geometry.face_topology import OVAL
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import cubic
from cameo3d.imaging.inpainting import fill_holes
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.eyes import LIDS
from cameo3d.models.relief.patch import Patch, lattice, make_patch
from cameo3d.models.relief.rims import sharp_rims

_EYES = (263, 362), (33, 133)
"""Corners of the left, then the right eye."""
_SURE, _MAYBE = 0.5, 0.2
"""From how sure on a pixel is the glasses', and from how sure on it may hold some of them."""
_LASHES, _CERTAIN = 0.07, 0.7
"""How far around an eye lashes look like rims, in distances between the eyes, and which rims count there."""
_AROUND = 0.022
"""How far around what may hold some of the glasses the face is painted, in distances between the eyes."""
_BEYOND = 0.06
"""How far beyond the face's outline glasses are taken off; further out nothing moves but the head."""
_ALIKE, _UNLIKE = 4, 12
"""Grey levels between photo and painted face from which on a pixel shows some glasses, and nothing else."""
_LIGHT = 150
"""Grey level of the darkest reflection."""
_SPOT, _SHINE = 0.12, (60, 100)
"""Largest radius of reflections, in distances between eyes, and grey levels that set them off the rest."""
_CELLS = 40
"""Along the sheet."""
_DEPTHS = 4
"""Canvas pixels in a cell of the depths that the sheet is laid onto."""
_JOIN = 0.2
"""Distances between the eyes within the outline over which the sheet joins the skin."""
_HIDDEN = 0.016, 0.008
"""Metres behind the nearest surface at which a sheet begins to be hidden, and over how many it vanishes."""
DEPTH_STEP = 16
"""Pixels between those whose depths say whether the sheet is hidden."""


class TakenOff(NamedTuple):
    """A face without its glasses, and these."""

    face: UInt8[np.ndarray, "side side 3"]
    """The canvas without them."""
    cover: UInt8[np.ndarray, "side side"]
    """How far each pixel is the glasses'."""


def take_off(
    image: UInt8[np.ndarray, "side side 3"],
    maps: UInt8[np.ndarray, "side side 2"],
    landmarks: Float32[np.ndarray, "478 3"],
    covered: tuple[bool, bool],
) -> TakenOff:
    """Take glasses off a face.

    Args:
        image: The canvas.
        maps: How surely each pixel is a rim, and a lens, up to 255.
        landmarks: Landmarks on the canvas, pixels.
        covered: Whether the lens over the left, and the right eye hides that.
    """
    eyes = np.stack([landmarks[list(corners), :2].mean(0) for corners in _EYES])
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    low = np.floor(eyes.min(0) - 1.1 * distance).astype(int).clip(0)
    high = np.ceil(eyes.max(0) + 1.1 * distance).astype(int)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    photo, marks = image[part], landmarks[:, :2] - low
    rim, lens = cv2.split(maps[part].astype(np.float32) / 255)
    near = _near_face(rim.shape, marks, distance)
    at_eyes = cv2.dilate(_openings(rim.shape, marks), _disc(_LASHES * distance)) > 0
    lashes = at_eyes & (rim < _CERTAIN)
    rim = np.where(lashes, 0, rim)
    sharp = np.where(lashes, 0, sharp_rims(photo, rim, lens, eyes - low))
    worn = np.where(at_eyes | (lens < _SURE), 0, _mirrored(photo, distance))
    # Whatever is nearer to the one eye than to the other lies before that.
    rows, columns = np.indices(rim.shape, np.float32)
    first, second = (np.hypot(columns - x, rows - y) for x, y in eyes - low)
    for hidden, side in zip(covered, (first <= second, second < first), strict=True):
        if hidden:
            worn = np.maximum(worn, lens * side)
    sure, maybe = np.maximum(worn, np.minimum(rim, sharp)) * near, np.maximum(worn, sharp) * near > _MAYBE
    grown = cv2.dilate(maybe.astype(np.uint8), _disc(_AROUND * distance))
    hole = (grown > 0) & (near > 0) & ~(at_eyes & ~maybe)
    face = np.rint(fill_holes(photo.astype(np.float32), hole)).clip(0, 255).astype(np.uint8)
    unlike = cv2.absdiff(photo, face).max(-1).astype(np.float32)
    cover = np.maximum(
        smoothstep((sure - _MAYBE) / (_SURE - _MAYBE)), ((unlike - _ALIKE) / (_UNLIKE - _ALIKE)).clip(0, 1)
    )
    whole, covers = image.copy(), np.zeros(image.shape[:2], np.uint8)
    whole[part], covers[part] = face, np.rint(255 * cover * hole)
    return TakenOff(whole, covers)


def make_glasses(
    image: UInt8[np.ndarray, "side side 3"],
    cover: UInt8[np.ndarray, "side side"],
    points: Float32[np.ndarray, "vertices 2"],
    depths: Float32[np.ndarray, " vertices"],
    triangles: np.ndarray,
    rays: Callable[[np.ndarray], np.ndarray],
) -> Patch | None:
    """Put glasses that were taken off onto a sheet; None if nothing of them was found.

    The sheet is curved like the face as a whole, not like its nose and eyes, and joins the skin where the
    face ends.

    Args:
        image: The canvas with them.
        cover: How far each pixel is theirs.
        points: The surface's vertices on the canvas; the first ones are the face's.
        depths: Their depths, metres.
        triangles: The surface's.
        rays: From canvas positions to directions at depth 1.
    """
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if not len(rows):
        return None
    top, left = max(0, rows[0] - 2), max(0, columns[0] - 2)
    part = np.s_[top : rows[-1] + 3, left : columns[-1] + 3]
    texture = np.dstack((image[part], cover[part]))
    height, width = texture.shape[:2]
    across = _CELLS + 1
    down = max(3, round(_CELLS * height / width) + 1)
    size = len(image) // _DEPTHS
    skin = rasterize(points / _DEPTHS, depths, triangles, points[:, :1], size, size).depths
    skin = np.where(np.isfinite(skin), skin, np.nanmedian(depths[:468])).astype(np.float32)
    places = lattice(width, height, across, down).reshape(-1, 2) + (left, top)

    def depth_at(at: np.ndarray) -> np.ndarray:
        x, y = (at / _DEPTHS - 0.5).astype(np.float32).T
        return cv2.remap(skin, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]

    oval = points[list(OVAL)].astype(np.float32)
    eyes = float(np.linalg.norm(points[list(_EYES[0])].mean(0) - points[list(_EYES[1])].mean(0)))
    inside = np.array([cv2.pointPolygonTest(oval, (float(x), float(y)), True) for x, y in places]) / eyes
    found = np.argwhere(cover[::_DEPTHS, ::_DEPTHS] > 127)[:, ::-1].astype(np.float32) * _DEPTHS
    middle = points[[33, 263]].mean(0)
    if len(found) < 12:
        return None
    curve, *_ = np.linalg.lstsq(_quadratic((found - middle) / eyes), depth_at(found), rcond=None)
    smooth = _quadratic((places - middle) / eyes) @ curve
    depth = depth_at(places)
    depth += (smooth - depth) * smoothstep(inside / _JOIN)
    return make_patch(
        int(left), int(top), texture, depth.reshape(down, across).astype(np.float32), rays(places)
    )


class WornGlasses:
    """Lays a person's glasses over frames."""

    def __init__(self, glasses: Patch) -> None:
        self.positions = glasses.positions.numpy()
        self._texture, self._places = glasses.texture.numpy(), glasses.points.numpy()
        near = cv2.dilate(self._texture[..., 3], np.ones((5, 5), np.uint8))
        self._near = near > 0
        corners = self._places[glasses.triangles.numpy()]
        low, high = np.floor(corners.min(1)).astype(int), np.ceil(corners.max(1)).astype(int)
        drawn = [bool(near[y:b, x:r].any()) for (x, y), (r, b) in zip(low, high, strict=True)]
        self._triangles = glasses.triangles.numpy()[np.array(drawn)]

    def draw(
        self,
        output: UInt8[np.ndarray, "height width 4"],
        pixels: Float32[np.ndarray, "vertices 2"],
        depths: Float32[np.ndarray, " vertices"],
        nearest: Float32[np.ndarray, "rows columns"] | None,
    ) -> None:
        """Lay them over a frame, in place.

        Args:
            output: The frame.
            pixels: Where the sheet's vertices are in it.
            depths: How far away these are, metres.
            nearest: Depths of the face, one in `DEPTH_STEP` pixels both ways; None if it hides nothing.
        """
        if nearest is None:
            nearest = np.full((1, 1), np.inf, np.float32)
        _lay(output, self._texture, self._near, self._places, pixels, depths, nearest, self._triangles)


@inlined
def _seen(pixels, depths, nearest, vertex):
    """How far a vertex of the sheet is in sight."""
    row = min(max(int(pixels[vertex, 1]) // DEPTH_STEP, 0), nearest.shape[0] - 1)
    column = min(max(int(pixels[vertex, 0]) // DEPTH_STEP, 0), nearest.shape[1] - 1)
    behind = depths[vertex] - nearest[row, column]
    return np.float32(min(max(1 - (behind - _HIDDEN[0]) / _HIDDEN[1], 0.0), 1.0))


@compiled
def _lay(output, texture, near, places, pixels, depths, nearest, triangles):
    height, width = output.shape[:2]
    color = np.empty((1, 1, 4), np.uint8)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = pixels[a, 0] - np.float32(0.5), pixels[a, 1] - np.float32(0.5)
        bx, by = pixels[b, 0] - np.float32(0.5) - ax, pixels[b, 1] - np.float32(0.5) - ay
        cx, cy = pixels[c, 0] - np.float32(0.5) - ax, pixels[c, 1] - np.float32(0.5) - ay
        area = bx * cy - by * cx
        if abs(area) < 1e-9:
            continue
        b_step, b_down, c_step, c_down = cy / area, -cx / area, -by / area, bx / area
        a_seen = _seen(pixels, depths, nearest, a)
        b_seen, c_seen = (
            _seen(pixels, depths, nearest, b) - a_seen,
            _seen(pixels, depths, nearest, c) - a_seen,
        )
        u_a, v_a = places[a, 0], places[a, 1]
        u_b, v_b, u_c, v_c = places[b, 0] - u_a, places[b, 1] - v_a, places[c, 0] - u_a, places[c, 1] - v_a
        top, bottom = (
            max(0, int(np.ceil(ay + min(0, by, cy)))),
            min(height - 1, int(np.floor(ay + max(0, by, cy)))),
        )
        left, right = (
            max(0, int(np.ceil(ax + min(0, bx, cx)))),
            min(width - 1, int(np.floor(ax + max(0, bx, cx)))),
        )
        for row in range(top, bottom + 1):
            y = np.float32(row) - ay
            for column in range(left, right + 1):
                x = np.float32(column) - ax
                second, third = x * b_step + y * b_down, x * c_step + y * c_down
                if second < 0 or third < 0 or second + third > 1:
                    continue
                u, v = u_a + second * u_b + third * u_c, v_a + second * v_b + third * v_c
                if not near[min(int(v), near.shape[0] - 1), min(int(u), near.shape[1] - 1)]:
                    continue
                cubic(texture, u, v, color, 0, 0)
                share = a_seen + second * b_seen + third * c_seen
                weight = np.float32(color[0, 0, 3]) * share * np.float32(1 / 255)
                for k in range(3):
                    under = np.float32(output[row, column, k])
                    mixed = under + (np.float32(color[0, 0, k]) - under) * weight
                    output[row, column, k] = np.uint8(mixed + np.float32(0.5))


def _near_face(
    shape: tuple[int, ...], marks: Float[np.ndarray, "vertices 2"], distance: float
) -> Float32[np.ndarray, "height width"]:
    """1 on the face, going to 0 a little beyond its outline."""
    face = np.zeros(shape, np.uint8)
    cv2.fillPoly(face, [np.rint(marks[list(OVAL)]).astype(np.int32)], 1)
    away = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5) / (_BEYOND * distance)
    return smoothstep(2 - 2 * away).astype(np.float32)


def _mirrored(
    photo: UInt8[np.ndarray, "height width 3"], distance: float
) -> Float32[np.ndarray, "height width"]:
    """How far each pixel shines: what is much lighter than all around it, in every colour."""
    least = photo.min(-1)
    above = least.astype(np.float32) - cv2.morphologyEx(least, cv2.MORPH_OPEN, _disc(_SPOT * distance))
    shines = smoothstep((above - _SHINE[0]) / (_SHINE[1] - _SHINE[0])).astype(np.float32)
    return np.where((shines > _MAYBE) & (least > _LIGHT), shines, 0).astype(np.float32)


def _openings(
    shape: tuple[int, ...], marks: Float[np.ndarray, "vertices 2"]
) -> UInt8[np.ndarray, "height width"]:
    """1 between the lids of either eye."""
    opening = np.zeros(shape, np.uint8)
    for upper, lower in LIDS:
        corners = np.concatenate((marks[list(upper)], marks[list(lower[1:-1])[::-1]]))
        cv2.fillPoly(opening, [np.rint(corners).astype(np.int32)], 1)
    return opening


def _quadratic(at: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points terms"]:
    x, y = at.T
    return np.column_stack((np.ones_like(x), x, y, x * x, x * y, y * y))


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
