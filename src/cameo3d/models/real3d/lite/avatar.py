"""The small Real3D-Portrait behind the contract of avatar models."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.plane_painter import PlaneModel, PlanePainter, geometry
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
        plane = self._shaped(prior.plane(prior.photo_page))
        values = {field.name: getattr(relief, field.name) for field in fields(relief)}
        return Real3DLiteAvatar(**values, canonical=plane)

    def _frames(self, avatar: Real3DLiteAvatar, painter: PlanePainter) -> "_Painter":
        return _Painter(avatar, painter)


class _Painter:
    """Adds motion planes to the canonical ones, frame by frame."""

    def __init__(self, avatar: Real3DLiteAvatar, painter: PlanePainter) -> None:
        self._painter = painter
        self._canonical = geometry(avatar.canonical)
        self._still = geometry(painter.prior.plane(painter.prior.photo_page))

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame."""
        front = self._painter.prior.moved(motion.expression[0])
        page = self._painter.page(motion, front)
        box = self._painter.prior.face_plane(front, self._still)
        plane = self._canonical.copy()
        plane[box.rows, box.columns] += box.shape - self._still[box.rows, box.columns]
        return self._painter.draw(plane, page, motion, front)
