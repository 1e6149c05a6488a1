"""Light on skin that moves: what turns or folds gets brighter or darker, as the photo's light says.

Only ratios are drawn, of how bright skin is now to how bright it was in the photo, so that a photo at rest
stays as it is. They are computed on the photo, and drawn where a picture shows its places.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.sparse import csr_matrix

from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import (
    EYES,
    LEFT_LOWER_FOLD,
    LEFT_UPPER_FOLD,
    LIPS,
    OPENINGS,
    OVAL,
    RIGHT_LOWER_FOLD,
    RIGHT_UPPER_FOLD,
)
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.inpainting import cloth_likeness
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.lighting import GAMMA, find_light, surface_normals
from cameo3d.models.relief.mouth_photo import CHEEKS_AND_CHIN, color_at
from cameo3d.models.relief.wrinkles import make_wrinkles

_ACROSS = 220
"""Cells across the face, at most; usual frames have as many pixels."""
_COARSE = 6
"""Cells along the squares in which the shade of vertices is interpolated."""
_STEP = 2
"""Pixels of a picture from one at which its shade is looked up to the next."""
_SHARE, _MOST = 0.8, 0.25
"""How much of what the light says is drawn, and the largest logarithm of a ratio."""
_LEAST, _UNSEEN = 0.02, 0.002
"""Of a line, and of a ratio's logarithm, below which they are not drawn."""
_LIPS_REACH, _LIDS_REACH = 0.004, 0.002
"""Metres around lips and lids in which no line is drawn."""
_STILL = (
    *OVAL,
    *EYES,
    *LIPS,
    *LEFT_LOWER_FOLD,
    *LEFT_UPPER_FOLD,
    *RIGHT_LOWER_FOLD,
    *RIGHT_UPPER_FOLD,
)
"""Vertices whose own motion is no witness of how skin lies."""
_SIDES = ((EYES[: len(EYES) // 2], _LIDS_REACH), (EYES[len(EYES) // 2 :], _LIDS_REACH), (LIPS, _LIPS_REACH))


class SkinShade:
    """The shade of one person's moving skin.

    Args:
        avatar: The person.
        positions: The face's vertices in the photo, in the camera's axes, metres.
        per_meter: Pixels of the canvas in a metre.
        model: The face model.
    """

    def __init__(
        self,
        avatar: ReliefAvatar,
        positions: Float32[np.ndarray, "468 3"],
        per_meter: float,
        model: FaceModel,
    ) -> None:
        texture, points = avatar.texture.numpy(), avatar.points.numpy()
        face = points[:468]
        low = np.floor(face.min(0)).astype(int).clip(0)
        high = np.ceil(face.max(0)).astype(int).clip(max=texture.shape[1::-1])
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        self._low = low.astype(np.float32)
        self._box: tuple[int, int, int, int] | None = None
        self._size = (max(1, int(high[0] - low[0])), max(1, int(high[1] - low[1])))
        scale = min(1.0, _ACROSS / self._size[0])
        self._cells = tuple(max(8, round(side * scale)) for side in self._size)
        width, height = self._cells
        self._scales = scales = (np.array(self._cells) / self._size).astype(np.float32)
        at = ((face - low) * scales).astype(np.float32)

        closed = np.concatenate((model.triangles.numpy(), np.array(OPENINGS))).astype(np.int32)
        colors = np.ascontiguousarray(texture[part][..., :3])
        light = find_light(colors, (face - low).astype(np.float32), positions, closed)
        self._direction, self._ambient = light.direction.astype(np.float32), light.ambient
        self._triangles = closed
        self._normals = surface_normals(positions, closed).astype(np.float32)
        self._near = _neighbours(closed)
        moves = np.ones(468, np.float32)
        moves[list(_STILL)] = 0
        self._moves = np.where(moves > 0, (moves + self._near @ moves) / 2, 0) * _SHARE

        depths, everyone = np.ascontiguousarray(positions[:, 2]), np.eye(468, dtype=np.float32)
        self._few = few = (-(-width // _COARSE), -(-height // _COARSE))
        places = (at * (np.array(few) / self._cells)).astype(np.float32)
        drawn = rasterize(places, depths, closed, everyone, few[1], few[0]).attributes
        self._spread = csr_matrix(drawn.reshape(-1, 468))

        on_cells = rasterize(at, depths, closed, self._normals, height, width)
        skin = self._foldable(colors, (face - low).astype(np.float32), per_meter)
        self._expression = avatar.person.expression.numpy()
        self._lines = make_wrinkles(
            at, model.mirror.numpy(), per_meter * float(scales.mean()), on_cells.attributes, skin, light
        )
        color = color_at(texture[..., :3], face, CHEEKS_AND_CHIN)
        # What light is left comes from the skin around, and so takes on its colour twice.
        self._tint = (1 - np.log((color / color.mean().clip(1)).clip(0.3, 2))).astype(np.float32)

    def change(
        self,
        expression: Float[np.ndarray, "52"],
        positions: Float32[np.ndarray, "468 3"],
        turn: Float32[np.ndarray, "3 3"],
    ) -> None:
        """Bring the shade up to an expression and a pose.

        Args:
            expression: The wanted one.
            positions: The face's vertices with it, its head as in the photo, metres.
            turn: From the photo's pose to the wanted one; the light stays where it is.
        """
        direction = self._direction @ turn  # as the head in the photo's pose sees it
        normals = np.empty_like(self._normals)
        _find_normals(positions, self._triangles, normals)
        share = 1 - self._ambient
        now, rest = (normals @ direction).clip(0), (self._normals @ self._direction).clip(0)
        brighter = np.log((self._ambient + share * now) / (self._ambient + share * rest)) / GAMMA
        brighter = brighter.clip(-_MOST, _MOST)
        values = self._moves * (brighter + self._near @ brighter) / 2
        coarse = (self._spread @ values.astype(np.float32)).reshape(self._few[::-1])
        self._shade = cv2.resize(coarse, self._cells, interpolation=cv2.INTER_LINEAR)
        squeezed = (self._lines.drivers @ (expression - self._expression)).clip(0, 1)
        for amount, place, line in zip(squeezed, self._lines.places, self._lines.shades, strict=True):
            if amount > _LEAST:
                self._shade[place] += amount * line

    def change_by_turn(
        self,
        expression: Float[np.ndarray, "52"],
        positions: Float32[np.ndarray, "468 3"],
        turn: Float32[np.ndarray, "3 3"],
    ) -> None:
        """The same, but only what the turn adds: the photo already has the expression's shade."""
        self.change(expression, positions, np.eye(3, dtype=np.float32))
        still = self._shade
        self.change(expression, positions, turn)
        self._shade = self._shade - still

    def look(
        self, places: Float32[np.ndarray, "2 height width"], pixels: Float32[np.ndarray, "468 2"]
    ) -> None:
        """Find where a picture shows the shaded skin.

        Args:
            places: Columns and rows of the photo that its pixels show.
            pixels: The face's vertices in the picture.
        """
        height, width = places.shape[1:]
        self._box = box_around(pixels, width, height)
        if self._box is not None:
            left, top, right, bottom = self._box
            places = places[:, top:bottom:_STEP, left:right:_STEP]
            seen = np.zeros(places.shape[1:], np.float32)
            _find_shade(places, self._low, self._scales, self._shade, seen)
            self._seen = cv2.resize(seen, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)

    def draw(self, image: UInt8[np.ndarray, "height width 4"]) -> None:
        """Lay the shade over a picture, in place, where the skin was found."""
        if self._box is not None:
            left, top, right, bottom = self._box
            _shine(image[top:bottom, left:right], self._seen, *self._tint)

    def _foldable(
        self, colors: np.ndarray, points: np.ndarray, per_meter: float
    ) -> Float32[np.ndarray, "height width"]:
        """Where skin can fold: on the face, on what looks like skin, and away from lips and eyes."""
        width, height = self._size

        def filled(vertices: list[int], reach: float) -> np.ndarray:
            mask = np.zeros((height, width), np.uint8)
            cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[vertices]).astype(np.int32)), 1)
            side = 2 * round(reach * per_meter) + 1
            return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))

        skin = filled(list(OVAL), 0.0).astype(np.float32)
        for vertices, reach in _SIDES:
            skin *= 1 - filled(vertices, reach)
        skin *= 1 - smoothstep(cv2.blur(cloth_likeness(colors, points[list(OVAL)]), (3, 3)) / 0.7)
        soft = cv2.GaussianBlur(skin, (0, 0), max(0.5, 0.0015 * per_meter))
        return cv2.resize(soft, self._cells, interpolation=cv2.INTER_AREA)


def _neighbours(triangles: np.ndarray) -> csr_matrix:
    """For each vertex, the mean of its neighbours."""
    pairs = np.unique(
        np.concatenate([triangles[:, [a, b]] for a in range(3) for b in range(3) if a != b]), axis=0
    )
    share = 1 / np.bincount(pairs[:, 0], minlength=468).clip(1)
    return csr_matrix((share[pairs[:, 0]].astype(np.float32), pairs.T), (468, 468))


@compiled
def _find_normals(positions, triangles, normals):
    normals[:] = 0
    facing = 0.0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy = positions[b, 0] - positions[a, 0], positions[b, 1] - positions[a, 1]
        vx, vy = positions[c, 0] - positions[a, 0], positions[c, 1] - positions[a, 1]
        uz, vz = positions[b, 2] - positions[a, 2], positions[c, 2] - positions[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        facing += z
        for vertex in (a, b, c):
            normals[vertex, 0] += x
            normals[vertex, 1] += y
            normals[vertex, 2] += z
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        scale = (-1.0 if facing > 0 else 1.0) / max(length, 1e-12)
        for k in range(3):
            normals[v, k] *= scale


@compiled
def _find_shade(places, low, scales, shade, seen):
    """Read the shade, bilinearly, at the places of the photo that pixels show."""
    rows, columns = shade.shape
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            x = (places[0, row, column] - low[0]) * scales[0] - np.float32(0.5)
            y = (places[1, row, column] - low[1]) * scales[1] - np.float32(0.5)
            if not (x >= 0 and y >= 0 and x < columns - 1 and y < rows - 1):
                continue
            u, v = np.int64(x), np.int64(y)
            a, b = x - np.float32(u), y - np.float32(v)
            upper = shade[v, u] + (shade[v, u + 1] - shade[v, u]) * a
            lower = shade[v + 1, u] + (shade[v + 1, u + 1] - shade[v + 1, u]) * a
            seen[row, column] = upper + (lower - upper) * b


@compiled
def _shine(image, seen, red, green, blue):
    most, half, one = np.float32(255), np.float32(0.5), np.float32(1)
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            log = seen[row, column]
            if abs(log) < np.float32(_UNSEEN):
                continue
            r, g, b = log * red, log * green, log * blue
            r = image[row, column, 0] * (one + r + r * r * half) + half
            g = image[row, column, 1] * (one + g + g * g * half) + half
            b = image[row, column, 2] * (one + b + b * b * half) + half
            image[row, column, 0] = np.uint8(min(r, most))
            image[row, column, 1] = np.uint8(min(g, most))
            image[row, column, 2] = np.uint8(min(b, most))
