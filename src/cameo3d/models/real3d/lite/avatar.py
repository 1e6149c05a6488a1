"""The small Real3D-Portrait behind the contract of avatar models."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.face_correction import FaceCorrection
from cameo3d.blocks.frustum_planes import ramps
from cameo3d.geometry.face_model import FaceModel
from cameo3d.models.relief import Relief
from cameo3d.models.relief.avatar import ReliefAvatar, lift_portrait
from cameo3d.models.relief.plane_painter import DETAIL, PlanePainter, resting
from cameo3d.models.relief.prior import ReliefPrior
from cameo3d.models.relief.render import Window
from cameo3d.values import Motion, Portrait


@dataclass(frozen=True)
class Real3DLiteAvatar(ReliefAvatar):
    """What the small model keeps of one person: the relief that is its prior, and the canonical planes."""

    canonical: Float32[Tensor, "channels size size"]
    """The plane over the photo; the other two are ramps of depth."""


class Real3DLite(Relief):
    """The small model.

    Args:
        face: The shipped face model.
        correction: What was learned about expressions; None draws the warped photo as it is.
    """

    def __init__(self, face: FaceModel, correction: FaceCorrection | None = None) -> None:
        self._face = face
        self._correction = None if correction is None else correction.eval()

    def encode(self, portrait: Portrait) -> Real3DLiteAvatar:
        """Make a person's avatar from a portrait."""
        relief = lift_portrait(portrait, self._face)
        prior = ReliefPrior(relief, self._face, DETAIL)
        planes = prior.planes(prior.page(resting(relief)))
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
        painter = PlanePainter(avatar, self._face, window.view, self._correction)
        canonical = torch.cat((avatar.canonical[None], ramps(avatar.canonical.shape[-1])))
        still = painter.prior.planes(painter.photo_page)
        outside = None if window.is_whole else window.still(avatar)
        for index in range(len(motion)):
            frame = motion.frame(index)
            page = painter.page(frame)
            moving = painter.prior.planes(page, frame.expression[0]) - still
            image = painter.draw(canonical + moving, page, frame)
            yield image if outside is None else window.put(image, outside.copy())
