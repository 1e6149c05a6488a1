"""The relief avatar: the photo itself on a surface that is fitted to it. It needs no training.

The default model on a bare machine: `RELIEF.encode` once a person, `RELIEF.perform` once a clip.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from cameo3d.geometry.crops import shown_square
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.avatar import AvatarModel, View
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.mesh import relief_mesh
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.performance import FramePainter, ReliefPerformance
from cameo3d.models.relief.view import Viewport, Window, background
from cameo3d.values import Portrait
from cameo3d.values.mesh import Mesh

__all__ = ["CROP_SIZE", "RELIEF", "Relief", "ReliefAvatar"]

CROP_SIZE = 512
"""Pixels across the head-and-shoulders picture, by default."""


class Relief:
    """The relief model with the face model that the package ships.

    Args:
        size_px: Pixels across the head-and-shoulders picture.
    """

    size_px: int = CROP_SIZE

    def __init__(self, size_px: int = CROP_SIZE) -> None:
        self.size_px = size_px

    def encode(self, portraits: Sequence[Portrait]) -> ReliefAvatar:
        """Lift the first portrait to a relief, once a person."""
        return lift_portrait(portraits[0], load_face_model(), self.size_px)

    def perform(
        self,
        avatar: ReliefAvatar,
        view: View = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> ReliefPerformance:
        """Begin a clip; its frames are straight colours with alpha."""
        window = Window(avatar, self._viewport(avatar, view))
        return ReliefPerformance(avatar, window, self._painters(avatar, window.view))

    def mesh(self, avatar: ReliefAvatar, resolution: int, level: float) -> Mesh:
        """The relief's own surface; it has no density, and so no level."""
        return relief_mesh(avatar, resolution)

    def background(self, avatar: ReliefAvatar, view: View = "crop") -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background without the person, at the size of the view."""
        return background(avatar, self._viewport(avatar, view))

    def size(self, avatar: ReliefAvatar, view: View = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, in pixels."""
        at = self._viewport(avatar, view)
        return at.width, at.height

    def _painters(self, avatar: ReliefAvatar, view: Viewport) -> Sequence[FramePainter]:
        """What draws an avatar's frames; more than two would wait for each other's Python."""
        painter = Painter(avatar, load_face_model(), view)
        return (painter, painter.twin()) if torch.get_num_threads() > 1 else (painter,)

    def _viewport(self, avatar: ReliefAvatar, view: View) -> Viewport:
        height, width = avatar.person.photo.shape[:2]
        crop, size = avatar.person.crop, self.size_px
        if view == "crop":
            shown = shown_square(crop, avatar.face_in_photo(), width, height)
            if shown == crop:
                return Viewport(0.0, 0.0, float(size), size, size)
            scale = size / shown.side
            left = (crop.center_x - crop.side / 2 - shown.center_x + shown.side / 2) * scale
            top = (crop.center_y - crop.side / 2 - shown.center_y + shown.side / 2) * scale
            return Viewport(left, top, crop.side * scale, size, size)
        return Viewport(
            crop.center_x - crop.side / 2, crop.center_y - crop.side / 2, crop.side, width, height
        )


RELIEF: AvatarModel[ReliefAvatar] = Relief()
