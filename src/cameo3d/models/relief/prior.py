"""The relief as a prior for tri-plane models: planes by construction, and what an expression changes in them.

Nothing here is learned. A model packs a photo's relief once; an expression moves its surface and repaints the
photo where it stood; a pose bends the rays that see it.
"""

from copy import copy
from dataclasses import replace
from functools import cached_property
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from cameo3d.blocks.frustum_planes import COVER, Bend, PlaneFrame
from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.painter import NECK_BASE, TORSO_SHIFT, TORSO_TURN, Painter
from cameo3d.models.relief.turned import TurnedColors
from cameo3d.models.relief.view import Viewport
from cameo3d.values import Motion

PLANE_SIZE = 256
"""Texels across a plane, which spans the canvas."""
_THINNEST = 0.008
"""Metres that the body is thick at its outline, so that soft hair there is seen at all."""
_MOVES = 0.01
"""Share of a face's motion below which a point does not count as moving: half a pixel at the widest mouth."""
_REACH = 0.06
"""How far a face may move beyond what moves with it at rest, in sizes of that."""

_FACE_SHARE = 1.24
"""Side of the square that networks see, in sides of the face's box."""


class FaceSquare(NamedTuple):
    """A square of the page around the face, and the face's vertices."""

    corner: Float64[np.ndarray, "2"]
    """Its upper left corner on the page, pixels."""
    side: float
    """Pixels of the page."""
    points: Float32[np.ndarray, "468 2"]
    """The face's vertices on the page, pixels."""

    def cut(self, page: np.ndarray, size: int) -> np.ndarray:
        """The square of a page, at `size` pixels."""
        scale = size / self.side
        matrix = np.array([[scale, 0, -self.corner[0] * scale], [0, scale, -self.corner[1] * scale]])
        matrix[:, 2] += 0.5 * scale - 0.5
        if scale < 0.9:  # Every pixel counts, as OpenCV's area sampling does not do in a warp.
            page = cv2.GaussianBlur(page, (0, 0), 0.4 / scale)
        return cv2.warpAffine(
            page, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def vertices(self, size: int) -> Float32[np.ndarray, "468 2"]:
        """The face's vertices in the square at `size` pixels."""
        return ((self.points - self.corner) * (size / self.side)).astype(np.float32)


class FaceBox(NamedTuple):
    """The part of the canvas that an expression can change, and what it makes of the plane there."""

    rows: slice
    columns: slice
    """Texels of the plane."""
    shape: Float32[np.ndarray, "height width 5"]
    """The channels before the colours."""


class ReliefPrior:
    """One person's relief, ready to be packed.

    Args:
        surface: The relief.
        model: The face model that moves it.
        detail: Pixels of a page across the crop.
    """

    def __init__(self, surface: ReliefAvatar, model: FaceModel, detail: int) -> None:
        canvas, crop = surface.canvas, surface.person.crop
        self.surface, self.detail = surface, detail
        per_pixel = detail / crop.side
        self.page_side = round(canvas.side / canvas.scale * per_pixel)
        left = (crop.center_x - crop.side / 2 - canvas.left) * per_pixel
        top = (crop.center_y - crop.side / 2 - canvas.top) * per_pixel
        self.painter = Painter(
            surface, model, Viewport(left, top, float(detail), self.page_side, self.page_side)
        )
        corner = canvas.rays(crop, np.zeros((1, 2)))[0]
        across = canvas.side / canvas.pixels_per_unit(crop)
        self.frame = PlaneFrame(
            1 / across, float(corner[0]), float(corner[1]), float(surface.depths[:468].mean())
        )
        front = self.painter.front
        rest = self._pixels(front[:468])
        low, high = rest.min(0), rest.max(0)
        self._square = float((high - low).max()) * _FACE_SHARE
        # More below than above: there the chin goes when the mouth opens.
        self._corner = (low + high) / 2 + (0, 0.04 * self._square) - self._square / 2
        self._attributes = np.column_stack((surface.back_depths, surface.head, surface.anchored))
        moving = surface.carrier_weights.numpy().sum(1) > _MOVES
        self._box = self._moving_box(self._pixels(front[moving]))
        view, (left, top, right, bottom) = self.painter.view, self._on_page
        self._face_painter = copy(self.painter)
        self._face_painter.show(
            Viewport(view.left - left, view.top - top, view.side, right - left, bottom - top)
        )

    @cached_property
    def photo_page(self) -> UInt8[np.ndarray, "side side 4"]:
        """The photo as it is."""
        return self.painter.paint(resting(self.surface), with_back=False)

    @cached_property
    def turned(self) -> TurnedColors:
        """What a turn changes in a page's colours."""
        painter = self.painter.twin()
        painter.turned.add(painter.texture, 1.0)
        turned = painter.paint(resting(self.surface), with_back=False)
        return TurnedColors.between(self.photo_page, np.ascontiguousarray(turned[..., :3]))

    def page(self, motion: Motion) -> UInt8[np.ndarray, "side side 4"]:
        """The photo with the expression and gaze of a motion's first frame, the head where it was."""
        still = resting(self.surface)
        moved = replace(still, expression=motion.expression[:1], gaze=motion.gaze[:1])
        left, top, right, bottom = self._on_page
        page = self.photo_page.copy()
        page[top:bottom, left:right] = self._face_painter.paint(moved, with_back=False)
        return page

    def moved(self, expression: Float[Tensor, "52"]) -> Float32[np.ndarray, "vertices 3"]:
        """The surface with another expression, the head where it was, in the crop camera's axes."""
        painter = self.painter
        front = painter.front.copy()
        change = painter.change(expression).numpy() @ painter.source.T
        front[painter.carried] += np.einsum("vk,vkc->vc", painter.carrier_weights, change[painter.carriers])
        return front

    def plane(
        self,
        page: UInt8[np.ndarray, "side side 4"],
        front: Float32[np.ndarray, "vertices 3"] | None = None,
    ) -> Float[Tensor, "channels size size"]:
        """The plane over the photo of a surface, by default the photo's own, with the colours of a page."""
        depths, attributes = self._drawn(self.painter.front if front is None else front)
        covered = np.isfinite(depths)
        # Around the surface its border goes on, so that nothing is mixed with nothing.
        nearest = distance_transform_edt(~covered, return_distances=False, return_indices=True)
        rows, columns = np.asarray(nearest)
        shape = self._shape(depths[rows, columns], attributes[rows, columns])
        shape[..., COVER] = covered
        small = cv2.resize(page[..., :3], (PLANE_SIZE, PLANE_SIZE), interpolation=cv2.INTER_AREA)
        plane = np.dstack((shape, small.astype(np.float32) / 255))
        return torch.from_numpy(np.ascontiguousarray(plane.transpose(2, 0, 1)))

    def face_plane(self, front: Float32[np.ndarray, "vertices 3"], rest: np.ndarray) -> FaceBox:
        """What a moved surface makes of a resting plane, texels first, where the face can move."""
        left, top, right, bottom = self._box
        depths, attributes = self._drawn(front, left, top, right, bottom)
        covered = np.isfinite(depths)[..., None]
        before = rest[top:bottom, left:right, : COVER + 1]
        shape = np.where(covered, self._shape(depths, attributes), before)
        shape[..., COVER] = covered[..., 0]
        return FaceBox(slice(top, bottom), slice(left, right), shape)

    def face_square(self, front: Float32[np.ndarray, "vertices 3"]) -> FaceSquare:
        """Where a moved surface has the face, for networks that look at it."""
        return FaceSquare(self._corner, self._square, self._pixels(front[:468]))

    def _drawn(
        self,
        front: Float32[np.ndarray, "vertices 3"],
        left: int = 0,
        top: int = 0,
        right: int = PLANE_SIZE,
        bottom: int = PLANE_SIZE,
    ) -> tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width 3"]]:
        """Depths of the nearest surface at texels, and how far back, head and anchor go there."""
        places = (front[:, :2] / front[:, 2:] - (self.frame.left, self.frame.top)) * self.frame.scale
        drawn = rasterize(
            (places * PLANE_SIZE - (left, top)).astype(np.float32),
            np.ascontiguousarray(front[:, 2], np.float32),
            self.surface.triangles.numpy(),
            self._attributes,
            bottom - top,
            right - left,
        )
        return drawn.depths, drawn.attributes

    def _shape(
        self, depths: Float32[np.ndarray, "height width"], attributes: Float32[np.ndarray, "height width 3"]
    ) -> Float32[np.ndarray, "height width 5"]:
        """The channels before the colours, all of it covered."""
        back = np.maximum(attributes[..., 0], depths + _THINNEST)
        middle = np.float32(self.frame.middle)
        return np.dstack(
            (middle - depths, back - middle, attributes[..., 1], attributes[..., 2], np.ones_like(depths))
        )

    def _moving_box(self, carried: Float32[np.ndarray, "points 2"]) -> tuple[int, int, int, int]:
        """Texels between which expressions move anything: left, top, right, bottom."""
        low, high = carried.min(0) / self.page_side, carried.max(0) / self.page_side
        reach = (high - low) * _REACH
        low, high = low - reach, high + reach
        return tuple(
            int(edge.clip(0, 1) * PLANE_SIZE) for edge in (*low, *np.ceil(high * PLANE_SIZE) / PLANE_SIZE)
        )  # type: ignore[return-value]

    @property
    def _on_page(self) -> tuple[int, int, int, int]:
        """The same in pixels of a page."""
        scale = self.page_side / PLANE_SIZE
        left, top, right, bottom = self._box
        return int(left * scale), int(top * scale), ceil(right * scale), ceil(bottom * scale)

    def _pixels(self, positions: Float32[np.ndarray, "points 3"]) -> Float32[np.ndarray, "points 2"]:
        places = (positions[:, :2] / positions[:, 2:] - (self.frame.left, self.frame.top)) * self.frame.scale
        return (places * self.page_side).astype(np.float32)

    def bend(self, rotation: Float[Tensor, "3"], translation: Float[Tensor, "3"]) -> Bend:
        """How rays are bent when the head has moved to a pose, and the torso a little."""
        painter = self.painter
        target, position = matrices_from_angles(rotation).numpy(), translation.numpy()
        relative = target @ painter.source.T
        neck = painter.source @ NECK_BASE + painter.position
        shift = relative @ (neck - painter.position) + position - neck
        angles = angles_from_matrices(torch.from_numpy(relative))
        sway = (matrices_from_angles(angles * TORSO_TURN).numpy() - np.eye(3, dtype=np.float32)).T
        return Bend(
            turn=relative.astype(np.float32),
            shift=(painter.position - position @ relative).astype(np.float32),
            sway=sway.astype(np.float32),
            drift=(TORSO_SHIFT * shift - neck @ sway).astype(np.float32),
        )

    def depth_range(self, translation: Float[Tensor, "3"]) -> tuple[float, float]:
        """Depths between which rays look for the person."""
        moved = float(translation[2] - self.surface.person.translation[2])
        near, far = float(self.surface.depths.min()), float(self.surface.back_depths.max())
        return near + min(moved, 0.0) - 0.03, far + max(moved, 0.0) + 0.03


def rays_of(view: Viewport) -> tuple[Float32[np.ndarray, " width"], Float32[np.ndarray, " height"]]:
    """The x / z of each column and y / z of each row of a view."""
    scale = 1 / (view.side * CROP_FOCAL)
    columns = np.arange(view.width) + 0.5 - view.left - view.side / 2
    rows = np.arange(view.height) + 0.5 - view.top - view.side / 2
    return (columns * scale).astype(np.float32), (rows * scale).astype(np.float32)


def resting(surface: ReliefAvatar) -> Motion:
    """The photo's own expression, pose and gaze, as one frame."""
    return Motion(
        surface.person.expression[None],
        surface.person.rotation[None],
        surface.person.translation[None],
        surface.person.gaze[None],
        25.0,
        "photo",
    )
