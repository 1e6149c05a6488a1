"""The small Real3D-Portrait behind the contract of avatar models."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import acos
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.frustum_kernel import RayTracer
from cameo3d.blocks.frustum_planes import ramps
from cameo3d.blocks.photo_lookup import correspond, look_up_photo
from cameo3d.geometry.face_model import FaceModel
from cameo3d.models.real3d.lite.motion import SIZE, FaceMaps, MotionCorrection, conditions
from cameo3d.models.relief import Relief
from cameo3d.models.relief.avatar import ReliefAvatar, lift_portrait
from cameo3d.models.relief.prior import ReliefPrior, rays_of
from cameo3d.models.relief.render import FIRM_TURN, View, Window
from cameo3d.values import Motion, Portrait

_DETAIL = 512
"""Pixels of a page across the crop, at least."""


@dataclass(frozen=True)
class Real3DLiteAvatar(ReliefAvatar):
    """What the small model keeps of one person: the relief that is its prior, and the canonical planes."""

    canonical: Float32[Tensor, "channels size size"]
    """The plane over the photo; the other two are ramps of depth."""


class Real3DLite(Relief):
    """The small model.

    Args:
        face: The shipped face model.
        motion: What corrects the warped photo; None leaves it as it is.
    """

    def __init__(self, face: FaceModel, motion: MotionCorrection | None = None) -> None:
        self._face, self._maps = face, FaceMaps(face)
        self._motion = None if motion is None else motion.eval()

    def encode(self, portrait: Portrait) -> Real3DLiteAvatar:
        """Make a person's avatar from a portrait."""
        relief = lift_portrait(portrait, self._face)
        prior = ReliefPrior(relief, self._face, _DETAIL)
        planes = prior.planes(prior.page(_resting(relief)))
        values = {field.name: getattr(relief, field.name) for field in fields(relief)}
        return Real3DLiteAvatar(**values, canonical=planes[0].contiguous())

    def render(
        self,
        avatar: Real3DLiteAvatar,
        motion: Motion,
        view: Literal["crop", "photo"] = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Yield the person in motion, frame by frame, in straight colours with alpha."""
        window = Window(avatar, self._view(avatar, view))
        painter = _Painter(self, avatar, window.view)
        still = None if window.is_whole else window.still(avatar)
        for index in range(len(motion)):
            image = painter.paint(motion.frame(index))
            yield image if still is None else window.put(image, still.copy())


class _Painter:
    """What stays the same from frame to frame."""

    def __init__(self, model: Real3DLite, avatar: Real3DLiteAvatar, view: View) -> None:
        self.model, self.avatar, self.view = model, avatar, view
        detail = max(_DETAIL, round(min(view.side, avatar.canvas.scale * avatar.crop.side)))
        self.prior = ReliefPrior(avatar, model._face, detail)
        self.across, self.down = rays_of(view)
        self.canonical = torch.cat((avatar.canonical[None], ramps(avatar.canonical.shape[-1])))
        resting = _resting(avatar)
        self.rest_page = self.prior.page(resting)
        # What the encoder has learned to change in the planes that a relief gives.
        self.learned = self.canonical - self.prior.planes(self.rest_page)
        squares = [self.prior.face_square(e) for e in (torch.zeros(52), resting.expression[0])]
        self.maps = [model._maps.draw(square) for square in squares]
        self.photo = squares[1].cut(self.rest_page, SIZE)[..., :3]

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        expression, prior = motion.expression[0], self.prior
        page = prior.page(motion)
        if self.model._motion is not None:
            self._correct(page, self.model._motion, motion)
        # Motion planes: those of the new expression less those of the photo's own.
        added = prior.planes(page, expression) - self.canonical + self.learned
        rotation, translation = motion.rotation[0], motion.translation[0]
        bend = prior.bend(rotation, translation)
        tracer = RayTracer(self.canonical + added, prior.frame, bend, *prior.depth_range(translation))
        found = correspond(tracer, self.across, self.down)
        image = look_up_photo(found, page)
        turned = acos(float(np.clip(bend.turn[2, 2], -1, 1)))
        firm = 1 + min(1.0, turned / FIRM_TURN)
        image[..., 3] = np.rint((image[..., 3] * firm).clip(0, 255) * found.cover)
        return image

    @torch.inference_mode()
    def _correct(self, page: np.ndarray, network: MotionCorrection, motion: Motion) -> None:
        """Add what the network has learned, in place."""
        square = self.prior.face_square(motion.expression[0])
        maps = (self.maps[0], self.maps[1], self.model._maps.draw(square))
        seen = conditions(self.photo, square.cut(page, SIZE)[..., :3], maps)
        cover = torch.from_numpy(self.model._maps.cover(square))
        added = network(seen[None], cover[None, None])[0].permute(1, 2, 0).numpy() * 127.5
        left, top = np.floor(square.corner).astype(int)
        side = int(np.ceil(square.side)) + 1
        box = np.s_[max(top, 0) : top + side, max(left, 0) : left + side]
        scale = square.side / SIZE
        matrix = np.array(
            [[scale, 0, square.corner[0] - box[1].start], [0, scale, square.corner[1] - box[0].start]]
        )
        matrix[:, 2] += 0.5 * scale - 0.5
        part = page[box][..., :3]
        full = cv2.warpAffine(added, matrix, part.shape[1::-1], flags=cv2.INTER_LINEAR)
        part[:] = np.rint((part + full).clip(0, 255))


def _resting(surface: ReliefAvatar) -> Motion:
    """The photo's own expression, pose and gaze, as one frame."""
    return Motion(
        surface.expression[None],
        surface.rotation[None],
        surface.translation[None],
        surface.gaze[None],
        25.0,
        "photo",
    )
