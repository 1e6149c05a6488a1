"""The relief as a prior for tri-plane models: planes by construction, and what an expression changes in them.

Nothing here is learned. A model packs a photo's relief once; an expression moves its surface and repaints the
photo where it stood; a pose bends the rays that see it.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from cameo3d.blocks.frustum_planes import Bend, PlaneFrame, packed_planes
from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.render import NECK_BASE, TORSO_SHIFT, TORSO_TURN, Painter, Viewport
from cameo3d.values import Motion

PLANE_SIZE = 256
"""Texels across a plane, which spans the canvas."""
_THINNEST = 0.008
"""Metres that the body is thick at its outline, so that soft hair there is seen at all."""

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
        rest = self._pixels(self.painter.front[:468])
        low, high = rest.min(0), rest.max(0)
        self._square = float((high - low).max()) * _FACE_SHARE
        # More below than above: there the chin goes when the mouth opens.
        self._corner = (low + high) / 2 + (0, 0.04 * self._square) - self._square / 2
        self._attributes = np.column_stack((surface.back_depths, surface.head, surface.anchored))

    def page(self, motion: Motion) -> UInt8[np.ndarray, "side side 4"]:
        """The photo with the expression and gaze of a motion's first frame, the head where it was."""
        surface = self.surface
        return self.painter.paint(
            Motion(
                motion.expression,
                surface.person.rotation[None],
                surface.person.translation[None],
                motion.gaze,
                motion.frame_rate,
                motion.source,
            ),
            with_back=False,
        )

    def moved(self, expression: Float[Tensor, "52"]) -> Float32[np.ndarray, "vertices 3"]:
        """The surface with another expression, the head where it was, in the crop camera's axes."""
        painter = self.painter
        front = painter.front.copy()
        change = painter.change(expression).numpy() @ painter.source.T
        front[painter.carried] += np.einsum("vk,vkc->vc", painter.carrier_weights, change[painter.carriers])
        return front

    def planes(
        self, page: UInt8[np.ndarray, "side side 4"], expression: Float[Tensor, "52"] | None = None
    ) -> Float[Tensor, "3 channels size size"]:
        """Planes of an expression, by default the photo's own, with the colours of its page."""
        front = self.painter.front if expression is None else self.moved(expression)
        points = (front[:, :2] / front[:, 2:] - (self.frame.left, self.frame.top)) * self.frame.scale
        drawn = rasterize(
            (points * PLANE_SIZE).astype(np.float32),
            np.ascontiguousarray(front[:, 2], np.float32),
            self.surface.triangles.numpy(),
            self._attributes,
            PLANE_SIZE,
            PLANE_SIZE,
        )
        covered = np.isfinite(drawn.depths)
        # Around the surface its border goes on, so that nothing is mixed with nothing.
        nearest = distance_transform_edt(~covered, return_distances=False, return_indices=True)
        rows, columns = np.asarray(nearest)
        depths, attributes = drawn.depths[rows, columns], drawn.attributes[rows, columns]
        back = np.maximum(attributes[..., 0], depths + _THINNEST)
        small = cv2.resize(page[..., :3], (PLANE_SIZE, PLANE_SIZE), interpolation=cv2.INTER_AREA)
        front_map, back_map, head, anchor, cover = (
            torch.from_numpy(each.astype(np.float32))
            for each in (depths, back, attributes[..., 1], attributes[..., 2], covered)
        )
        colors = torch.from_numpy(small).permute(2, 0, 1).float() / 255
        return packed_planes(front_map, back_map, head, anchor, cover, colors, self.frame.middle)

    def face_square(self, expression: Float[Tensor, "52"]) -> "FaceSquare":
        """Where an expression moves the face to, for networks that look at it."""
        points = self._pixels(self.moved(expression)[:468])
        return FaceSquare(self._corner, self._square, points)

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
