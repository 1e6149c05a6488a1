"""Draw a relief avatar in motion."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OPENINGS
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.expression import ExpressionChange
from cameo3d.models.relief.eyes import EYEBALL_RADIUS, LIDS, draw_eye
from cameo3d.models.relief.folds import find_folds
from cameo3d.models.relief.lids import draw_lid, make_lid
from cameo3d.models.relief.lips import draw_lips, make_lips
from cameo3d.models.relief.mouth import draw_mouth
from cameo3d.models.relief.patch import rounded
from cameo3d.values import Motion

NECK_BASE = np.array([0.0, 0.17, 0.08], np.float32)
"""Where the neck meets the torso, in head axes, metres."""
TORSO_TURN = 0.05
"""How much of the head's turn the torso takes up."""
TORSO_SHIFT = np.array([0.25, 0.06, 0.25], np.float32)
"""How much of the neck's shift it takes up: shoulders sway, but hardly rise when the chin does."""
_HIDDEN_BEHIND = 0.003
"""Metres behind another part of the face from which on a surface counts as hidden."""
_DEPTH_CELL = 2
"""Canvas pixels in a cell of the depths that the photo saw."""
_FOLD = 6.0
"""Neighbours whose origins in the photo lie this many times too far apart belong to different parts."""
FIRM_TURN = math.radians(10)
"""From this turn on, the photo's soft outline lies inside the picture of the head and is drawn firm."""


@dataclass(frozen=True)
class Viewport:
    """Where the crop lies in the output picture, and how large that picture is."""

    left: float
    top: float
    """Output pixels from the output's upper left corner to the crop's."""
    side: float
    """Output pixels across the crop."""
    width: int
    height: int

    def pixels(self, positions: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Project positions in the crop camera's axes to output pixels."""
        across = positions[:, :2] / positions[:, 2:] * (CROP_FOCAL * self.side)
        return (across + (self.left + self.side / 2, self.top + self.side / 2)).astype(np.float32)


@runtime_checkable
class FramePainter(Protocol):
    """Whoever draws one frame of a relief."""

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame, in straight colours with alpha."""
        ...


class ReliefPerformance:
    """One clip of a relief avatar, drawn frame by frame without look-ahead.

    Beyond the canvas, where a view shows more of the photo, the photo itself stands still.
    """

    look_ahead = 0

    def __init__(self, avatar: ReliefAvatar, window: "Window", painter: "FramePainter") -> None:
        self._window, self._painter = window, painter
        self._still = None if window.is_whole else window.still(avatar)

    def draw(self, motion: Motion) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Draw every frame of a motion."""
        for index in range(len(motion)):
            image = self._painter.paint(motion.frame(index))
            yield image if self._still is None else self._window.put(image, self._still.copy())

    def finish(self) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Nothing is left: every frame was drawn at once."""
        return iter(())


def background(avatar: ReliefAvatar, view: Viewport) -> UInt8[np.ndarray, "height width 3"]:
    """The photo without the person, as a view shows it."""
    window = Window(avatar, view)
    plate = window.resample(avatar.plate.numpy())
    return plate if window.is_whole else window.put(plate, avatar.person.photo.numpy().copy())


class Window:
    """The part of a view that the canvas fills."""

    def __init__(self, avatar: ReliefAvatar, view: Viewport) -> None:
        canvas, crop = avatar.canvas, avatar.person.crop
        self._scale = view.side / crop.side / canvas.scale
        self._left = view.left + (canvas.left - (crop.center_x - crop.side / 2)) * view.side / crop.side
        self._top = view.top + (canvas.top - (crop.center_y - crop.side / 2)) * view.side / crop.side
        side = canvas.side * self._scale
        self._columns = slice(max(0, math.ceil(self._left)), min(view.width, math.floor(self._left + side)))
        self._rows = slice(max(0, math.ceil(self._top)), min(view.height, math.floor(self._top + side)))
        width, height = self._columns.stop - self._columns.start, self._rows.stop - self._rows.start
        self.is_whole = (width, height) == (view.width, view.height)
        self.view = Viewport(
            view.left - self._columns.start, view.top - self._rows.start, view.side, width, height
        )
        # Where the window ends within the view, moving and still parts melt into each other.
        rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[None] + 0.5
        edges = (
            (rows, self._rows.start > 0),
            (height - rows, self._rows.stop < view.height),
            (columns, self._columns.start > 0),
            (width - columns, self._columns.stop < view.width),
        )
        melt = np.ones((height, width, 1), np.float32)
        for distance, is_seam in edges:
            if is_seam:
                melt *= np.clip(distance / (0.03 * view.side), 0, 1)[..., None]
        self._melt = melt

    def resample(self, image: np.ndarray) -> np.ndarray:
        """Bring something of the canvas's size to the window."""
        scale = self._scale
        matrix = np.array(
            [
                [scale, 0, self._left - self._columns.start + (scale - 1) / 2],
                [0, scale, self._top - self._rows.start + (scale - 1) / 2],
            ]
        )
        size = (self.view.width, self.view.height)
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def put(self, image: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Melt the window's picture into the whole one, in place."""
        part = whole[self._rows, self._columns]
        part[:] = np.rint(part + (image.astype(np.float32) - part) * self._melt)
        return whole

    def still(self, avatar: ReliefAvatar) -> np.ndarray:
        """The photo's own person, where nothing moves."""
        return np.dstack((avatar.person.photo.numpy(), avatar.person.matte.numpy()))


class Painter:
    """What stays the same from frame to frame."""

    def __init__(self, avatar: ReliefAvatar, model: FaceModel, view: Viewport) -> None:
        self.avatar, self.view = avatar, view
        rays = avatar.canvas.rays(avatar.person.crop, avatar.points.numpy())
        self.front = rays * avatar.depths.numpy()[:, None]
        self.back = rays * avatar.back_depths.numpy()[:, None]
        self.source = matrices_from_angles(avatar.person.rotation).numpy()
        self.position = avatar.person.translation.numpy()
        in_head = (self.front[:468] - self.position) @ self.source
        self.change = ExpressionChange(
            model, avatar.person.identity, avatar.person.expression, torch.from_numpy(in_head)
        )
        self.fold = _FOLD * avatar.canvas.scale * avatar.person.crop.side / view.side
        self.per_meter = avatar.canvas.pixels_per_unit(avatar.person.crop) / float(
            avatar.person.translation[2]
        )
        weights = avatar.carrier_weights.numpy()
        self.carried = np.flatnonzero(weights.sum(1) > 1e-3)
        self.carriers, self.carrier_weights = avatar.carriers.numpy()[self.carried], weights[self.carried]
        self.attributes, self.photo_depths = _with_lenders(avatar, model)
        self.places = np.ascontiguousarray(self.attributes[:, :2])
        self.beside = ThreadPoolExecutor(1)
        texture, points = avatar.texture.numpy(), avatar.points.numpy()[:468]
        self.folds = find_folds(texture, points, avatar.person.expression.numpy())
        self.texture, self.gone = texture if self.folds is None else texture.copy(), 0.0
        self.lids = [make_lid(side, texture, points, self.front[:468]) for side in (0, 1)]
        self.lips = make_lips(texture, points, self.front[:468], self.source[:, 1])
        self.openness = [max(1e-4, _openness(self.front, side)) for side in (0, 1)]
        self.head, self.anchored = avatar.head.numpy()[:, None], avatar.anchored.numpy()[:, None]

    def paint(self, motion: Motion, with_back: bool = True) -> np.ndarray:
        """Draw a motion's first frame; a view like the photo's needs no back, and no other half of a face."""
        avatar, view = self.avatar, self.view
        if self.folds is not None:
            gone = self.folds.gone(motion.expression[0].numpy())
            if gone != self.gone:
                self.folds.fade(self.texture, gone)
                self.gone = gone
        target, position = matrices_from_angles(motion.rotation[0]).numpy(), motion.translation[0].numpy()
        change = self.change(motion.expression[0]).numpy() @ target.T
        relative = target @ self.source.T

        def with_head(rest: np.ndarray) -> np.ndarray:
            return (rest - self.position) @ relative.T + position

        front, back = self._surfaces(change, relative, position)
        facing = math.acos(min(1.0, max(-1.0, float(relative[2, 2]))))
        # The back takes colours from the photo as they lie; only a face has another half to borrow from.
        if with_back:
            behind = self.beside.submit(self._draw, back, avatar.back_triangles, self.places)
            before = self._draw(front, avatar.triangles, self.attributes)
            image = _over(*before, *behind.result(), 1 + min(1, facing / FIRM_TURN))
        else:
            image, _ = self._draw(front, avatar.triangles, self.places)

        corners = view.pixels(front[:468])
        for side, eye in enumerate((avatar.left_eye, avatar.right_eye)):
            sight = avatar.person.sight
            if sight.covered_eyes[side]:
                continue
            if not sight.shut_eyes[side]:
                pixels = view.pixels(with_head(eye.patch.positions.numpy()))
                shift = self._iris_shift(*(motion.gaze[0, side] - avatar.person.gaze[side]).tolist())
                opened = _openness(front, side) / self.openness[side]
                draw_eye(image, eye, pixels, _outline(corners, *LIDS[side]), shift, 1 - min(1.0, opened))
            draw_lid(image, self.lids[side], front[:468], corners)
        if avatar.person.sight.still_mouth:
            return image
        jaw = target @ self.change.jaw(motion.expression[0]).numpy()
        # A lip that pouts hides the teeth behind it.
        pout = max(0.0, float((change[14] - jaw) @ target[:, 1])) * target[:, 1]
        mouth = avatar.mouth
        cavity, lower, upper = (
            view.pixels(with_head(patch.positions.numpy()) + moved)
            for patch, moved in ((mouth.cavity, jaw), (mouth.lower, jaw + pout), (mouth.upper, 0))
        )
        lips = rounded(corners[list(INNER_LIP_UPPER)], corners[list(INNER_LIP_LOWER)])
        per_meter = CROP_FOCAL * view.side / float(front[13, 2])
        widened = float((change[14] - change[13]) @ target[:, 1])
        draw_mouth(image, mouth, (cavity, lower, upper), lips, per_meter, widened)
        if self.lips is not None:
            draw_lips(image, self.lips, front[:468], target[:, 1], corners)
        return image

    def surfaces(
        self, motion: Motion
    ) -> tuple[Float[np.ndarray, "vertices 3"], Float[np.ndarray, "vertices 3"]]:
        """Where front and back are in a motion's first frame, in the crop camera's axes, metres."""
        target, position = matrices_from_angles(motion.rotation[0]).numpy(), motion.translation[0].numpy()
        change = self.change(motion.expression[0]).numpy() @ target.T
        return self._surfaces(change, target @ self.source.T, position)

    def _surfaces(
        self, change: np.ndarray, relative: np.ndarray, position: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        front, back = ((x - self.position) @ relative.T + position for x in (self.front, self.back))
        front[self.carried] += np.einsum("vk,vkc->vc", self.carrier_weights, change[self.carriers])
        return (
            self._with_torso(self.front, front, relative, position),
            self._with_torso(self.back, back, relative, position),
        )

    def _with_torso(
        self, rest: np.ndarray, head: np.ndarray, relative: np.ndarray, position: np.ndarray
    ) -> np.ndarray:
        """Blend from the head's motion to the torso's, which follows a little."""
        neck = self.source @ NECK_BASE + self.position
        shift = relative @ (neck - self.position) + position - neck
        angles = angles_from_matrices(torch.from_numpy(relative))
        turn = matrices_from_angles(angles * TORSO_TURN).numpy()
        # The torso's motion away from rest: linear in the position.
        away = (rest - neck) @ (turn - np.eye(3, dtype=np.float32)).T + TORSO_SHIFT * shift
        torso = rest + away * self.anchored
        return torso + (head - torso) * self.head

    def _iris_shift(self, yaw: float, pitch: float) -> np.ndarray:
        """Canvas pixels that an iris moves when its eye turns by so much from the photo's gaze."""
        ahead = np.array([-math.sin(yaw), math.sin(pitch), 0.0], np.float32)
        return (self.source @ ahead)[:2] * np.float32(EYEBALL_RADIUS * self.per_meter)

    def _draw(
        self, vertices: np.ndarray, triangles: Tensor, attributes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A surface's colours with the matte, and how much of each pixel it covers at all."""
        view = self.view
        raster = rasterize(
            view.pixels(vertices),
            np.ascontiguousarray(vertices[:, 2], np.float32),
            triangles.numpy(),
            attributes,
            view.height,
            view.width,
        )
        seen = np.isfinite(raster.depths)
        raster.attributes[~seen] = -9
        image = self._colors(raster.attributes[..., :2])
        if attributes.shape[1] > 2:
            self._borrow(image, raster.attributes)
        image = _soften_folds(image, raster.attributes, self.fold)
        return image, cv2.blur(seen.astype(np.uint8) * 255, (3, 3))

    def _borrow(self, image: np.ndarray, seen: np.ndarray) -> None:
        """Where a surface was hidden in the photo, take the colours of the other half of the face."""
        rows, columns = np.nonzero(seen[..., 4] > 0.01)
        if not len(rows):
            return
        box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        part, where = image[box], seen[box]
        x, y = np.ascontiguousarray((where[..., :2] / _DEPTH_CELL - 0.5).transpose(2, 0, 1))
        before = cv2.remap(self.photo_depths, x, y, cv2.INTER_NEAREST)
        hidden = ((where[..., 5] - before) / _HIDDEN_BEHIND - 1).clip(0, 1)
        share = cv2.blur(hidden * where[..., 4].clip(0, 1), (5, 5))[..., None]
        mirrored = self._colors(where[..., 2:4])
        part[:] = np.rint(part + (mirrored.astype(np.float32) - part) * share)

    def _colors(self, where: np.ndarray) -> np.ndarray:
        where = where - np.float32(0.5)
        return cv2.remap(
            self.texture,
            where[..., 0],
            where[..., 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 0),
        )


def _with_lenders(avatar: ReliefAvatar, model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """What to draw for every vertex, and the depths that the photo saw, in cells of the canvas.

    Every vertex carries its place in the photo; where the photo hides a part of the face from itself, also
    the place of its mirrored vertex, whether the photo shows that one, and its own depth in the photo.
    """
    points, depths = avatar.points.numpy(), avatar.depths.numpy()
    face = avatar.triangles.numpy()[: len(model.triangles) + len(OPENINGS)]
    size = avatar.canvas.side // _DEPTH_CELL
    seen = rasterize(points / _DEPTH_CELL, depths, face, points[:, :1], size, size).depths
    column, row = (points[:468] / _DEPTH_CELL).astype(int).clip(0, size - 1).T
    visible = depths[:468] < seen[row, column] + 2 * _HIDDEN_BEHIND
    if visible.all():
        return points, seen
    lenders, lends = points.copy(), np.zeros(len(points), np.float32)
    mirror = model.mirror.numpy()
    lenders[:468], lends[:468] = points[mirror], visible[mirror]
    # Steep parts are not hidden by their own neighbours: the deepest one around counts.
    seen = cv2.dilate(np.where(np.isfinite(seen), seen, 1e3).astype(np.float32), np.ones((5, 5)))
    return np.column_stack((points, lenders, lends, depths)), seen


def _openness(positions: np.ndarray, side: int) -> float:
    """How far the lids of an eye are apart, metres, on average."""
    upper, lower = (positions[list(lid)] for lid in LIDS[side])
    return float(np.linalg.norm(upper - lower, axis=1).mean())


def _outline(corners: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    return np.concatenate((corners[list(upper)], corners[list(lower[1:-1])[::-1]]))


@compiled
def _soften_folds(image, where, limit):
    """Blur the picture where one part of a surface hides another, so that the edge is no staircase."""
    result = image.copy()
    height, width = image.shape[:2]
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            u, v = where[row, column, 0], where[row, column, 1]
            if u < 0:
                continue
            jump = 0.0
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                other = where[row + down, column + right, 0]
                if other >= 0:
                    jump = max(jump, abs(other - u) + abs(where[row + down, column + right, 1] - v))
            if jump < limit:
                continue
            for k in range(4):
                total = 0
                for down in range(-1, 2):
                    for right in range(-1, 2):
                        weight = (2 - abs(down)) * (2 - abs(right))
                        total += weight * image[row + down, column + right, k]
                result[row, column, k] = np.uint8(total // 16)
    return result


@compiled
def _over(front, front_cover, back, back_cover, firmness):
    """Lay the front surface over the back one; both in straight colours."""
    result = np.empty_like(front)
    for row in range(front.shape[0]):
        for column in range(front.shape[1]):
            alpha = min(255.0, front[row, column, 3] * firmness) * front_cover[row, column] / 65025.0
            behind = min(255.0, back[row, column, 3] * firmness) * back_cover[row, column] / 65025.0
            behind *= 1 - alpha
            total = alpha + behind
            result[row, column, 3] = np.uint8(total * 255 + 0.5)
            if total > 0:
                share = alpha / total
                for k in range(3):
                    mixed = front[row, column, k] * share + back[row, column, k] * (1 - share)
                    result[row, column, k] = np.uint8(mixed + 0.5)
            else:
                for k in range(3):
                    result[row, column, k] = front[row, column, k]
    return result
