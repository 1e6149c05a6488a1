"""The small Real3D-Portrait behind the contract of avatar models."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.frustum_planes import ramps
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.plane_painter import PlaneModel, PlanePainter, resting
from cameo3d.values import Motion, Portrait


@dataclass(frozen=True)
class Real3DLiteAvatar(ReliefAvatar):
    """What the small model keeps of one person: the relief that is its prior, and the canonical planes."""

    canonical: Float32[Tensor, "channels size size"]
    """The plane over the photo; the other two are ramps of depth."""


class Real3DLite(PlaneModel):
    """The small model."""

    def encode(self, portraits: Sequence[Portrait]) -> Real3DLiteAvatar:
        """Make a person's avatar from the first portrait."""
        relief, prior = self._lifted(portraits)
        planes = prior.planes(prior.page(resting(relief)))
        values = {field.name: getattr(relief, field.name) for field in fields(relief)}
        return Real3DLiteAvatar(**values, canonical=planes[0].contiguous())

    def _frames(self, avatar: Real3DLiteAvatar, painter: PlanePainter) -> "_Painter":
        return _Painter(avatar, painter)


class _Painter:
    """Adds motion planes to the canonical ones, frame by frame."""

    def __init__(self, avatar: Real3DLiteAvatar, painter: PlanePainter) -> None:
        self._painter = painter
        self._canonical = torch.cat((avatar.canonical[None], ramps(avatar.canonical.shape[-1])))
        self._still = painter.prior.planes(painter.photo_page)

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame."""
        page = self._painter.page(motion)
        moving = self._painter.prior.planes(page, motion.expression[0]) - self._still
        return self._painter.draw(self._canonical + moving, page, motion)
