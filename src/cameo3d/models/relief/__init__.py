"""The relief avatar: the photo itself on a surface that is fitted to it. It needs no training.

The default model on a bare machine: `RELIEF.encode` once a person, `RELIEF.render` once a clip.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from cameo3d.geometry.crops import shown_square
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.avatar import AvatarModel
from cameo3d.models.relief.avatar import ReliefAvatar, lift_portrait
from cameo3d.models.relief.render import View, background, render
from cameo3d.values import Motion, Portrait

__all__ = ["RELIEF", "Relief", "ReliefAvatar"]

CROP_SIZE = 512
"""Pixels across the head-and-shoulders picture."""


class Relief:
    """The relief model with the face model that the package ships."""

    def encode(self, portrait: Portrait) -> ReliefAvatar:
        """Lift a portrait to a relief, once a person."""
        return lift_portrait(portrait, load_face_model())

    def render(
        self,
        avatar: ReliefAvatar,
        motion: Motion,
        view: Literal["crop", "photo"] = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Yield the person in motion, frame by frame, in straight colours with alpha."""
        return render(avatar, load_face_model(), motion, self._view(avatar, view))

    def background(
        self, avatar: ReliefAvatar, view: Literal["crop", "photo"] = "crop"
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background with the person taken out, at the size of the view."""
        return background(avatar, self._view(avatar, view))

    def size(self, avatar: ReliefAvatar, view: Literal["crop", "photo"] = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, pixels."""
        at = self._view(avatar, view)
        return at.width, at.height

    def _view(self, avatar: ReliefAvatar, view: Literal["crop", "photo"]) -> View:
        height, width = avatar.photo.shape[:2]
        crop = avatar.crop
        if view == "crop":
            shown = shown_square(crop, avatar.face_in_photo(), width, height)
            if shown == crop:
                return View(0.0, 0.0, float(CROP_SIZE), CROP_SIZE, CROP_SIZE)
            scale = CROP_SIZE / shown.side
            left = (crop.center_x - crop.side / 2 - shown.center_x + shown.side / 2) * scale
            top = (crop.center_y - crop.side / 2 - shown.center_y + shown.side / 2) * scale
            return View(left, top, crop.side * scale, CROP_SIZE, CROP_SIZE)
        return View(crop.center_x - crop.side / 2, crop.center_y - crop.side / 2, crop.side, width, height)


RELIEF: AvatarModel[ReliefAvatar] = Relief()
