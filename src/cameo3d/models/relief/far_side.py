"""The half of a head that a turned photo hides: the other half's mirror image, in the light that falls there.

Between a far cheek and its outline a turned photo shows a few pixels of skin, hair and wall, which a turn
back stretches over cheek, temple and ear. Instead of these the mirror image of the near half is drawn.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.far_maps import CELL, HEAD, MIDDLE, FarMaps
from cameo3d.models.relief.mirrored import Mirrored, mirror_near_half, seen_from, spread
from cameo3d.models.relief.surface_kernel import BLOCK, SurfaceDrawer, pose_surfaces, shown_blocks
from cameo3d.models.relief.view import Viewport

_REVEALED, _BLENDED = np.radians((2, 10))
"""How far a head turns back until the mirror image is opaque, and until it replaces what the photo shows too
steeply."""
_GONE = np.radians(20)
"""How far a head turns back until the outline that is not mirrored is eroded, since it would be stretched."""
_KEPT, _FADES_OVER = 0.4, 0.15
"""Doubt up to which it is kept even then, and the range of doubts over which it fades."""
_NOWHERE = 1e9
"""Place in the photo of what is not in it."""
_BESIDE = (0.003, 0.01)
"""Metres next to the person up to which it may reach, and from which on the photo shows nothing of it."""
_EVEN = 0.5
"""How firmly single points of the mirror image move to where the photo shows the person."""
_FIXED, _TIED = 1e6, 0.999
"""How firmly those stay that are tied to the face so far: its own, and those on its outline."""
_HIDDEN = 0.006
"""Metres behind something else from which on a point is not seen."""
_ALIKE = np.log(2.5)
"""Up to how many times as bright as the near side the far one may be."""
_FIRM, _LOOSE = 3.0, 1e-3
"""How firmly the photo's light is believed, and how firmly that there is none."""

Motions = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""How the head turns and shifts, and how the torso does away from rest."""


class FarSide:
    """The mirror image of a turned head's near half.

    Args:
        avatar: The person.
        model: The face model, which knows the mirrored vertices.
        doubts: How little the photo shows of each vertex of the face.
    """

    def __init__(self, avatar: ReliefAvatar, model: FaceModel, doubts: Float32[np.ndarray, "468"]) -> None:
        person, head = avatar.person, avatar.head.numpy()
        front = avatar.canvas.rays(person.crop, avatar.points.numpy()) * avatar.depths.numpy()[:, None]
        pose = matrices_from_angles(person.rotation).numpy(), person.translation.numpy()
        self._angle = seen_from(*pose)
        carried = avatar.carriers.numpy(), avatar.carrier_weights.numpy()
        mirrored = mirror_near_half(front, head, avatar.triangles.numpy(), pose, carried, model)
        self.is_hidden = mirrored is not None
        """Whether the photo has a far side at all."""
        self.lit = np.full((468, 3), np.nan, np.float32)
        """By how much the face's far vertices outshine their mirror images; unknown on the near side."""
        if mirrored is None:
            return
        near, mirror = mirrored.near, model.mirror.numpy()
        maps = FarMaps.of(avatar, front, mirrored.aside, doubts)
        edges = mirrored.edges
        moved = self._moved_in(avatar, maps, mirrored, edges)
        self._rest, self._triangles = mirrored.positions + moved, mirrored.triangles
        there = avatar.canvas.points(person.crop, self._rest)
        opacity = self._opacity(maps, there, head[near], near < 468)
        self._back, self.back_triangles = self._mirrored_back(avatar, pose, mirrored, moved, opacity)
        self._places = np.ascontiguousarray(avatar.points.numpy()[near])
        self._head, self._anchored = head[near], avatar.anchored.numpy()[near]
        self._carried = np.flatnonzero(carried[1][near].sum(1) > 1e-3)
        moving = near[self._carried]
        self._carriers, self._weights = mirror[carried[0][moving]].astype(np.int32), carried[1][moving]
        gains = self._light(maps, there, edges)
        of_face = near < 468
        self.lit[mirror[near[of_face]]] = np.exp(gains[of_face])
        colors = self._painted(avatar, maps, gains, opacity)
        self._texture, self._shown = colors, shown_blocks(colors)
        # Others show nothing, or lie on the near side.
        column, row = (self._places / BLOCK).astype(int).clip(0, np.array(self._shown.shape[::-1]) - 1).T
        used = self._shown[row, column] & (mirrored.aside[near] > 0)
        self._triangles = self._triangles[used[self._triangles].any(1)]
        self._vertices = np.unique(self._triangles)
        self.doubts = np.rint(cv2.resize(maps.doubts * 255, colors.shape[1::-1])).astype(np.uint8)
        """Where the photo shows the far side too steeply, from 0 to 255."""
        self._doubted = np.flatnonzero(maps.at(maps.doubts, avatar.points.numpy()) > 0)
        self.back_places = np.concatenate((avatar.points.numpy(), self._places))

    def _moved_in(
        self, avatar: ReliefAvatar, maps: FarMaps, mirrored: Mirrored, edges: np.ndarray
    ) -> np.ndarray:
        """How far the mirror image around the face moves to lie where the photo shows the person, metres."""
        crop, points = avatar.person.crop, mirrored.positions
        free = avatar.carrier_weights.numpy()[mirrored.near].sum(1) < _TIED
        shift = maps.at(maps.inward, avatar.canvas.points(crop, points)) * free[:, None]
        per_meter = avatar.canvas.pixels_per_unit(crop) / points[:, 2:]
        shift = spread(shift / per_meter, np.where(free, _EVEN, _FIXED), edges, 0.0)
        return np.column_stack((shift, np.zeros(len(shift)))).astype(np.float32)

    def _mirrored_back(
        self,
        avatar: ReliefAvatar,
        pose: tuple[np.ndarray, np.ndarray],
        mirrored: Mirrored,
        moved: np.ndarray,
        opacity: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The near half's back as the far one's, and triangles of a back that consists of both."""
        rotation, position = pose
        back = avatar.canvas.rays(avatar.person.crop, avatar.points.numpy())
        in_head = (back * avatar.back_depths.numpy()[:, None] - position) @ rotation
        near, head = in_head[:, 0] * np.sign(self._angle) > -MIDDLE[0], avatar.head.numpy() > HEAD[1]
        place, shown = np.zeros(len(near), int), np.zeros(len(near), np.bool_)
        place[mirrored.near], shown[mirrored.near] = np.arange(len(mirrored.near)), opacity > 0
        own = avatar.back_triangles.numpy()
        other = own[(near & head & shown)[own].all(1)]
        own = own[(near | ~head)[own].all(1)]
        triangles = np.concatenate((own, place[other] + len(near))).astype(np.int32)
        back = (in_head[mirrored.near] * (-1, 1, 1)) @ rotation.T + position + mirrored.moved + moved
        return back.astype(np.float32), triangles

    def _light(self, maps: FarMaps, there: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """By how much each vertex is brighter than its mirror image, in each colour, as a logarithm."""
        own, lent = (np.log(maps.at(maps.colors, each) + 4) for each in (there, self._places))
        ratio = own - lent
        before = maps.at(maps.depths, there)
        trust = (self._rest[:, 2] < before + _HIDDEN) * (1 - maps.at(maps.near_edge, there))
        trust *= 1 - maps.at(maps.near_edge, self._places)
        trust *= (np.abs(ratio).max(1) < _ALIKE) * (self._head > HEAD[1])
        return spread(ratio, trust * _FIRM, edges, _LOOSE)

    def _opacity(self, maps: FarMaps, there: np.ndarray, head: np.ndarray, of_face: np.ndarray) -> np.ndarray:
        """How far each vertex is the head's, and not where the photo shows nothing of it."""
        beside = 1 - smoothstep((maps.at(maps.beside, there) - _BESIDE[0]) / np.ptp(_BESIDE))
        return smoothstep((head - HEAD[0]) / np.ptp(HEAD)) * np.maximum(beside, of_face)

    def _painted(
        self, avatar: ReliefAvatar, maps: FarMaps, gains: np.ndarray, opacity: np.ndarray
    ) -> UInt8[np.ndarray, "side side 4"]:
        """The near half as the far one looks: in its light, and nothing where the photo shows nothing."""
        size = maps.doubts.shape[0]
        drawn = rasterize(
            self._places / CELL,
            np.ones(len(self._places), np.float32),
            self._triangles,
            np.column_stack((np.exp(gains), opacity)).astype(np.float32),
            size,
            size,
        )
        covered = np.isfinite(drawn.depths)
        (top, bottom), (left, right) = (
            (int(each[0]), int(each[-1]) + 1) for each in (np.flatnonzero(covered.any(k)) for k in (1, 0))
        )
        part = np.s_[top * CELL : bottom * CELL, left * CELL : right * CELL]
        result, near = np.zeros_like(avatar.texture.numpy()), avatar.turned.numpy()[part][..., :3]
        matte = avatar.texture.numpy()[part][..., 3]
        size = (right - left) * CELL, (bottom - top) * CELL
        factors = cv2.resize(drawn.attributes[top:bottom, left:right], size)[: len(near), : near.shape[1]]
        # In OpenCV, which rounds and saturates while it multiplies.
        result[part] = cv2.multiply(np.dstack((near, matte)), factors, dtype=cv2.CV_8U)
        return result

    def reveal(
        self, pose: tuple[np.ndarray, np.ndarray], motions: Motions, change: Float32[np.ndarray, "468 3"]
    ) -> "Revealed | None":
        """The far side of a head that has turned back to show it; None of another.

        Args:
            pose: The head's rotation and position.
            motions: How the head turns and shifts, and how the torso does away from rest.
            change: How the face's vertices move.
        """
        turn = (self._angle - seen_from(*pose)) * np.sign(self._angle)
        if not self.is_hidden or turn <= 0:
            return None
        posed = np.empty((2, *self._rest.shape), np.float32)
        carried = self._carried, self._carriers, self._weights
        pose_surfaces(self._rest, self._back, *motions, self._head, self._anchored, *carried, change, posed)
        return Revealed(posed[0], posed[1], turn)

    def lay(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        drawn: SurfaceDrawer,
        front: Float32[np.ndarray, "vertices 2"],
        view: Viewport,
        revealed: "Revealed",
    ) -> None:
        """Lay the far side under the front, and over what of it the photo shows too steeply, in place.

        Args:
            image: The front.
            drawn: What drew it last.
            front: Its vertices in the picture.
            view: What is shown.
            revealed: Where the far side is.
        """
        pixels, depths = view.pixels(revealed.front), np.ascontiguousarray(revealed.front[:, 2])
        outline = np.concatenate((pixels[self._vertices], front[self._doubted]))
        box = box_around(outline, *image.shape[1::-1])
        if box is None:
            return
        left, top, right, bottom = box
        part = np.s_[top:bottom, left:right]
        image, places, seen = image[part], drawn.places[:, *part], drawn.seen[part]
        where = np.zeros(seen.shape, np.bool_)
        _find_wanted(image, places, self.doubts, where)
        drawer = SurfaceDrawer(bottom - top, right - left, np.inf)
        photo = self._places, self._texture, self._shown
        corner = np.array((left, top), np.float32)
        far = drawer.draw(pixels - corner, depths, self._triangles, *photo, where)
        opaque, blended, gone = (min(1.0, revealed.turn / full) for full in (_REVEALED, _BLENDED, _GONE))
        kept = 1 + _FADES_OVER - (1 - _KEPT) * gone
        shares = np.array((opaque, blended, kept), np.float32)
        _lay_under(image, seen, places, self.doubts, far, where, shares)


class Revealed(NamedTuple):
    """The far side in a pose."""

    front: Float32[np.ndarray, "mirrored 3"]
    back: Float32[np.ndarray, "mirrored 3"]
    """Its back, whose vertices are counted after all others in `FarSide.back_triangles`."""
    turn: float
    """Since the photo's pose, radians."""


@compiled
def _find_wanted(front, places, doubts, where):
    for row in range(front.shape[0]):
        for column in range(front.shape[1]):
            if front[row, column, 3] < 255:
                where[row, column] = True
                continue
            x, y = np.int64(places[0, row, column]), np.int64(places[1, row, column])
            if x >= 0 and y >= 0 and x < doubts.shape[1] and y < doubts.shape[0]:
                where[row, column] = doubts[y, x] > 0


@compiled
def _lay_under(front, seen, places, doubts, far, where, shares):
    scale, soft = np.float32(1 / 255), np.float32(1 / _FADES_OVER)
    opaque, blended, kept = shares
    for row in range(front.shape[0]):
        for column in range(front.shape[1]):
            if not where[row, column]:
                continue
            above, behind = np.float32(0), far[row, column, 3] * opaque * scale
            if seen[row, column] > 0:
                above = front[row, column, 3] * scale
                x, y = np.int64(places[0, row, column]), np.int64(places[1, row, column])
                if x >= 0 and y >= 0 and x < doubts.shape[1] and y < doubts.shape[0]:
                    doubt = doubts[y, x] * scale
                    left = min(max((kept - doubt) * soft, np.float32(0)), np.float32(1))
                    above *= (1 - doubt * behind * blended) * left
                    if left < 1:
                        places[0, row, column] = _NOWHERE  # no gap that would be closed
            behind *= 1 - above
            total = above + behind
            if behind > 0:
                for k in range(3):
                    mixed = (front[row, column, k] * above + far[row, column, k] * behind) / total
                    front[row, column, k] = np.uint8(mixed + np.float32(0.5))
                seen[row, column] = 255
            front[row, column, 3] = np.uint8(total * 255 + np.float32(0.5))
