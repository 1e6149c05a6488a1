"""Draw a relief avatar in motion."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.expression import ExpressionChange
from cameo3d.models.relief.eyes import EYEBALL_RADIUS, LIDS, draw_eye
from cameo3d.models.relief.mouth import draw_mouth
from cameo3d.values import Motion

_NECK_BASE = torch.tensor([0.0, 0.17, 0.08])
"""Where the neck meets the torso, in head axes, metres."""
_TORSO_TURN, _TORSO_SHIFT = 0.12, 0.45
"""How much of the head's turn and of the neck's shift the torso takes up."""
_JAW = torch.tensor([152, 148, 377, 175, 199, 200])
"""Vertices of the chin, whose motion the lower teeth share."""


@dataclass(frozen=True)
class View:
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


def render(
    avatar: ReliefAvatar, model: FaceModel, motion: Motion, view: View
) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
    """Yield the person, frame by frame, in straight colours with alpha."""
    painter = _Painter(avatar, model, view)
    for index in range(len(motion)):
        yield painter.paint(motion.frame(index))


class _Painter:
    """What stays the same from frame to frame."""

    def __init__(self, avatar: ReliefAvatar, model: FaceModel, view: View) -> None:
        self.avatar, self.view = avatar, view
        rays = torch.from_numpy(avatar.canvas.rays(avatar.crop, avatar.points.numpy()))
        self.front, self.back = rays * avatar.depths[:, None], rays * avatar.back_depths[:, None]
        self.source = matrices_from_angles(avatar.rotation)
        in_head = (self.front[:468] - avatar.translation) @ self.source
        self.change = ExpressionChange(model, avatar.identity, avatar.expression, in_head)
        self.per_meter = avatar.canvas.pixels_per_unit(avatar.crop) / float(avatar.translation[2])

    def paint(self, motion: Motion) -> np.ndarray:
        avatar, view = self.avatar, self.view
        target, position = matrices_from_angles(motion.rotation[0]), motion.translation[0]
        change = self.change(motion.expression[0]) @ target.T
        relative = target @ self.source.T

        def with_head(rest: Tensor, moved: Tensor | float = 0.0) -> Tensor:
            return (rest - avatar.translation) @ relative.T + moved + position

        carried = (change[avatar.carriers.long()] * avatar.carrier_weights[..., None]).sum(1)
        front = self._with_torso(self.front, with_head(self.front, carried), relative, position)
        back = self._with_torso(self.back, with_head(self.back), relative, position)
        image = _over(self._draw(front), self._draw(back))

        corners = view.pixels(front[:468])
        for side, eye in enumerate((avatar.left_eye, avatar.right_eye)):
            pixels = view.pixels(with_head(eye.patch.positions).numpy())
            shift = self._iris_shift(motion.gaze[0, side] - avatar.gaze[side])
            draw_eye(image, eye, pixels, _outline(corners, *LIDS[side]), shift)
        jaw = change[_JAW].mean(0)
        mouth = avatar.mouth
        sheets = ((mouth.cavity, jaw / 2), (mouth.lower, jaw), (mouth.upper, 0.0))
        pixels = [view.pixels(with_head(patch.positions, moved).numpy()) for patch, moved in sheets]
        draw_mouth(image, mouth, (pixels[0], pixels[1], pixels[2]), _outline(corners, INNER_LIP_UPPER, INNER_LIP_LOWER))
        return image

    def _with_torso(self, rest: Tensor, head: Tensor, relative: Tensor, position: Tensor) -> np.ndarray:
        """Blend from the head's motion to the torso's, which follows a little."""
        avatar = self.avatar
        neck = self.source @ _NECK_BASE + avatar.translation
        shift = relative @ (neck - avatar.translation) + position - neck
        turn = matrices_from_angles(angles_from_matrices(relative) * _TORSO_TURN)
        torso = (rest - neck) @ turn.T + neck + _TORSO_SHIFT * shift
        torso = rest + (torso - rest) * avatar.anchored[:, None]
        return (torso + (head - torso) * avatar.head[:, None]).numpy()

    def _iris_shift(self, turn: Tensor) -> np.ndarray:
        """Canvas pixels that an iris moves when its eye turns by so much from the photo's gaze."""
        yaw, pitch = turn.unbind()
        ahead = torch.stack((-yaw.sin(), pitch.sin(), torch.zeros_like(yaw)))
        return (self.source @ ahead)[:2].numpy() * EYEBALL_RADIUS * self.per_meter

    def _draw(self, vertices: np.ndarray) -> np.ndarray:
        avatar, view = self.avatar, self.view
        raster = rasterize(
            view.pixels(vertices),
            np.ascontiguousarray(vertices[:, 2], np.float32),
            avatar.triangles.numpy(),
            avatar.points.numpy(),
            view.height,
            view.width,
        )
        where = raster.attributes - np.float32(0.5)
        where[~np.isfinite(raster.depths)] = -9
        return cv2.remap(
            avatar.texture.numpy(),
            where[..., 0],
            where[..., 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 0),
        )


def _outline(corners: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    return np.concatenate((corners[list(upper)], corners[list(lower[1:-1])[::-1]]))


def _over(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Lay the front surface over the back one; both in straight colours."""
    alpha = front[..., 3:].astype(np.float32) / 255
    behind = back[..., 3:].astype(np.float32) / 255 * (1 - alpha)
    total = alpha + behind
    color = (front[..., :3] * alpha + back[..., :3] * behind) / total.clip(1e-4)
    return np.dstack((color, total * 255)).astype(np.uint8)
