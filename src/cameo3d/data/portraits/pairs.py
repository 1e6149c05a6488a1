"""What the stages of Real3D-Portrait learn from: two frames of one person."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class View:
    """A frame, taken apart; pictures are in [-1, 1]."""

    picture: Float[Tensor, "batch 3 size size"]
    """The person in front of the clip's merged background."""
    head: Float[Tensor, "batch 3 size size"]
    """The head on black."""
    torso: Float[Tensor, "batch 3 size size"]
    """The torso on black, painted on behind the head."""
    classes: Float[Tensor, "batch 6 size size"]
    """Background, hair, body skin, face skin, clothes, others: 0 or 1."""
    pncc: Float[Tensor, "batch 3 size size"]
    """The PNCC picture of identity and expression, without pose."""
    camera: Float[Tensor, "batch 25"]
    """EG3D's camera."""
    points: Float[Tensor, "batch 68 3"]
    """Key points in [-1, 1], y down, z 0."""

    def to(self, device: torch.device) -> "View":
        """The same on a device."""
        return View(*(getattr(self, field.name).to(device) for field in fields(self)))

    @property
    def head_mask(self) -> Float[Tensor, "batch 1 size size"]:
        """Hair, face and others."""
        return self.classes[:, (1, 3, 5)].sum(dim=1, keepdim=True).clamp(max=1)

    @property
    def torso_mask(self) -> Float[Tensor, "batch 1 size size"]:
        """Body skin and clothes."""
        return self.classes[:, (2, 4)].sum(dim=1, keepdim=True).clamp(max=1)


@dataclass(frozen=True)
class PairBatch:
    """Source and target frames of several people."""

    source: View
    target: View
    background: Float[Tensor, "batch 3 size size"]
    """Of the clips, merged over their frames, without the people."""
    neutral: Float[Tensor, "batch 3 size size"]
    """PNCC picture of the identity without expression."""
    base: Float[Tensor, "batch 3 size size"]
    """The PNCC picture that is changed a little: the target's, in a quarter of the cases the source's."""
    perturbed: Float[Tensor, "batch 3 size size"]
    """That one with a little noise on identity and expression."""
    blinks: Float[Tensor, "batch 3 3 size size"]
    """The target's or the source's PNCC picture with eyes less than half, half, and more than half closed."""

    def to(self, device: torch.device) -> "PairBatch":
        """The same on a device."""
        pictures = [getattr(self, field.name).to(device) for field in fields(self)[2:]]
        return PairBatch(self.source.to(device), self.target.to(device), *pictures)


def draw_pair(count: int, random: np.random.Generator) -> tuple[int, int]:
    """Source and target among the frames of a clip, far apart: at least min(50, about half of what there is).

    As in the official training, the target is drawn until it is far enough.
    """
    source = int(random.integers(count))
    if count < 2:
        return source, source
    least = min(50, max((count - 1 - source) // 2, source // 2))
    while True:
        target = int(random.integers(count))
        if abs(source - target) >= least:
            return source, target
