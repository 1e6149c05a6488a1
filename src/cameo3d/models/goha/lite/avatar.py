"""The small GOHA behind the contract of avatar models: three branches of planes whose sum is rendered.

Canonical planes hold the person's shape with a neutral face and soft colours, appearance planes the photo's
own detail lifted onto it, expression planes what a drawn face changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.frustum_planes import CHANNELS, COLORS, ramps
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.plane_painter import PlaneModel, PlanePainter, resting
from cameo3d.models.relief.prior import PLANE_SIZE, ReliefPrior
from cameo3d.values import Motion, Portrait

_SOFT = 0.01
"""Width of the blur that tells soft colours from detail, in sides of the canvas."""


@dataclass(frozen=True)
class GohaLiteAvatar(ReliefAvatar):
    """What the small model keeps of one person; planes lie over the photo, and ramps of depth beside them."""

    canonical: Float32[Tensor, "channels size size"]
    """The neutral person in soft colours."""
    appearance: Float32[Tensor, "channels size size"]
    """The photo's detail where the photo shows it."""


class GohaLite(PlaneModel):
    """The small model."""

    def encode(self, portraits: Sequence[Portrait]) -> GohaLiteAvatar:
        """Make a person's avatar from the first portrait."""
        relief, prior = self._lifted(portraits)
        canonical, appearance = _branches(prior, prior.page(resting(relief)))
        values = {field.name: getattr(relief, field.name) for field in fields(relief)}
        return GohaLiteAvatar(**values, canonical=canonical, appearance=appearance)

    def _frames(self, avatar: GohaLiteAvatar, painter: PlanePainter) -> "_Painter":
        return _Painter(avatar, painter)


class _Painter:
    """Adds expression planes to the person's, frame by frame."""

    def __init__(self, avatar: GohaLiteAvatar, painter: PlanePainter) -> None:
        self._painter, self._depth = painter, ramps(avatar.canonical.shape[-1])
        canonical, appearance = _branches(painter.prior, painter.photo_page)
        self._person, self._resting = avatar.canonical + avatar.appearance, canonical + appearance

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame."""
        page = self._painter.page(motion)
        expression = self._painter.prior.planes(page, motion.expression[0])[0] - self._resting
        planes = torch.cat(((self._person + expression)[None], self._depth))
        return self._painter.draw(planes, page, motion)


def _branches(
    prior: ReliefPrior, photo: UInt8[np.ndarray, "side side 4"]
) -> tuple[Float32[Tensor, "channels size size"], Float32[Tensor, "channels size size"]]:
    """Canonical and appearance planes of a photo's page, those that lie over it."""
    neutral = replace(resting(prior.surface), expression=torch.zeros(1, 52))
    canonical = prior.planes(_softened(prior.page(neutral)), neutral.expression[0])[0]
    appearance = torch.zeros(CHANNELS, PLANE_SIZE, PLANE_SIZE)
    appearance[COLORS] = (prior.planes(photo) - prior.planes(_softened(photo)))[0, COLORS]
    return canonical.contiguous(), appearance


def _softened(page: UInt8[np.ndarray, "side side 4"]) -> UInt8[np.ndarray, "side side 4"]:
    return cv2.GaussianBlur(page, (0, 0), _SOFT * len(page))
