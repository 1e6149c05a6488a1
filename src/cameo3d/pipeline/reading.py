"""Expressions that a model itself reads off the frames of a driving video."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.models.goha.framing import centred_crop, cut_square
from cameo3d.pipeline.motion import TrackedVideo
from cameo3d.values import Motion


@runtime_checkable
class ExpressionReader(Protocol):
    """A model whose expressions are read off pictures rather than taken from ARKit's weights."""

    @property
    def picture_size(self) -> int:
        """Side in pixels of its pictures."""
        ...

    def read_expression(self, picture: UInt8[np.ndarray, "size size 3"]) -> Float[Tensor, "64"]:
        """Coefficients of the Basel face model of the face in the middle of a picture."""
        ...


def with_read_expressions(
    tracked: TrackedVideo, frames: Iterable[UInt8[np.ndarray, "height width 3"]], reader: ExpressionReader
) -> Motion:
    """A tracked video's motion with the reader's expressions; every frame is forgotten when it was read.

    Args:
        tracked: Where the face is.
        frames: The video's frames at the motion's rate.
        reader: Reads each face in a square that follows it.
    """
    motion = tracked.motion
    usual = motion.translation.median(dim=0).values
    read = []
    for frame, now in zip(frames, motion.translation, strict=False):
        crop = centred_crop(tracked.crop, usual, now)
        read.append(reader.read_expression(cut_square(frame, crop, reader.picture_size)))
    # A file may hold a frame less than was tracked at its own rate: the last one stays.
    read += read[-1:] * (len(motion) - len(read))
    return replace(motion, basel=torch.stack(read))
