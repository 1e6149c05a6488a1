"""The small GOHA behind the contract of avatar models: three branches of planes whose sum is rendered.

Canonical planes hold the person's shape with a neutral face and soft colours, appearance planes the photo's
own detail lifted onto it, expression planes what a drawn face changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.blocks.frustum_planes import CHANNELS, COLORS
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.plane_painter import PlaneModel, PlanePainter, geometry
from cameo3d.models.relief.prior import PLANE_SIZE, ReliefPrior, resting
from cameo3d.values import Motion, Portrait

_SOFT = 0.01
"""Width of the blur that tells soft colours from detail, in sides of the canvas."""


@dataclass(frozen=True)
class GohaLiteAvatar(ReliefAvatar):
    """What the small model keeps of a person; planes lie over the photo, and ramps of depth next to them."""

    canonical: Float32[Tensor, "channels size size"]
    """The neutral person in soft colours."""
    appearance: Float32[Tensor, "channels size size"]
    """The photo's detail where the photo shows it."""


class GohaLite(PlaneModel):
    """The small model."""

    def encode(self, portraits: Sequence[Portrait]) -> GohaLiteAvatar:
        """Make a person's avatar from the first portrait."""
        relief, prior = self._lifted(portraits)
        canonical, appearance = _branches(prior, self._shaped)
        values = {field.name: getattr(relief, field.name) for field in fields(relief)}
        return GohaLiteAvatar(**values, canonical=canonical, appearance=appearance)

    def _frames(self, avatar: GohaLiteAvatar, painter: PlanePainter) -> "_Painter":
        return _Painter(avatar, painter)


class _Painter:
    """Adds expression planes to the person's, frame by frame."""

    def __init__(self, avatar: GohaLiteAvatar, painter: PlanePainter) -> None:
        self._painter = painter
        self._person = geometry(avatar.canonical + avatar.appearance)
        self._neutral = geometry(_branches(painter.prior)[0])

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame."""
        front = self._painter.prior.moved(motion.expression[0])
        page = self._painter.page(motion, front)
        box = self._painter.prior.face_plane(front, self._neutral)
        plane = self._person.copy()
        plane[box.rows, box.columns] += box.shape - self._neutral[box.rows, box.columns]
        return self._painter.draw(plane, page, motion, front)


def _branches(
    prior: ReliefPrior, shaped: Callable[[Tensor], Tensor] = lambda plane: plane
) -> tuple[Float32[Tensor, "channels size size"], Float32[Tensor, "channels size size"]]:
    """Canonical and appearance planes of a photo, those that lie over it.

    Args:
        prior: The person's relief.
        shaped: Corrects the canonical plane's shape.
    """
    neutral = replace(resting(prior.surface), expression=torch.zeros(1, 52))
    canonical = shaped(prior.plane(prior.page(neutral), prior.moved(neutral.expression[0])))
    canonical[COLORS] = _softened(canonical[COLORS])
    photo = prior.plane(prior.photo_page)[COLORS]
    appearance = torch.zeros(CHANNELS, PLANE_SIZE, PLANE_SIZE)
    appearance[COLORS] = photo - _softened(photo)
    return canonical, appearance


def _softened(colors: Float32[Tensor, "3 size size"]) -> Float32[Tensor, "3 size size"]:
    soft = cv2.GaussianBlur(colors.permute(1, 2, 0).numpy(), (0, 0), _SOFT * PLANE_SIZE)
    return torch.from_numpy(soft).permute(2, 0, 1)
