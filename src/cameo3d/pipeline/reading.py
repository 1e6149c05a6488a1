"""Expressions of the Basel face model, read off the frames of a driving video as a model wants them."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.geometry.basel.fitting import fit_clip
from cameo3d.geometry.basel.pncc import MAP_SIZE
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.basel.tracking import BaselTracker
from cameo3d.geometry.crops import crop_from_pixels
from cameo3d.models.goha.framing import centred_crop, cut_square
from cameo3d.pipeline.motion import FaceFollower, TrackedVideo
from cameo3d.values import Crop, Motion

_STUDY_SECONDS, _STUDY_FRAMES = 10.0, 8
"""A driver's identity is fitted to so many frames of the first seconds."""


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


@runtime_checkable
class LandmarkDriven(Protocol):
    """A model whose expressions are the Basel face model's, fitted to the driver's landmarks."""

    @property
    def driving_face(self) -> Real3DFace | None:
        """The face model, if this size of the model uses it."""
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


def with_fitted_expressions(
    tracked: TrackedVideo, frames: Iterable[UInt8[np.ndarray, "height width 3"]], face: Real3DFace
) -> Motion:
    """A tracked video's motion with the Basel model's expressions, fitted as Real3D-Portrait does it.

    Where no face is seen, the expression before is held. Memory does not grow but by 64 numbers a frame.

    Args:
        tracked: Where the face is.
        frames: The video's frames at the motion's rate.
        face: The user's Basel face model.
    """
    motion = tracked.motion
    with closing(FaceFollower(0)) as follower:
        seen = (_in_crop(follower(frame), tracked.crop) for frame in frames)
        read = list(islice(_fitted(seen, face, round(_STUDY_SECONDS * motion.frame_rate)), len(motion)))
    known = [expression for expression in read if expression is not None]
    if not known:
        return motion
    held, last = [], known[0]
    for expression in read:
        last = last if expression is None else expression
        held.append(last)
    held += held[-1:] * (len(motion) - len(held))
    return replace(motion, basel=torch.stack(held))


def _fitted(
    landmarks: Iterator[np.ndarray | None], face: Real3DFace, study_frames: int
) -> Iterator[Tensor | None]:
    """Each frame's expression, or None where no face was seen; the identity is the first frames'."""
    study = list(islice(landmarks, study_frames))
    shown = [points for points in study if points is not None]
    tracker = None
    if shown:
        chosen = np.linspace(0, len(shown) - 1, min(len(shown), _STUDY_FRAMES)).round().astype(int)
        identity = fit_clip(face, np.stack([shown[index] for index in chosen]), MAP_SIZE).identity
        tracker = BaselTracker(face, identity, MAP_SIZE)
    for points in chain(study, landmarks):
        yield None if tracker is None or points is None else tracker(points).expression[0]


def _in_crop(landmarks: np.ndarray | None, crop: Crop) -> np.ndarray | None:
    """Landmarks in pixels of the crop's picture, as those of a photo are fitted."""
    if landmarks is None:
        return None
    points = landmarks.astype(np.float64)
    points[:, :2] = crop_from_pixels(points[:, :2], crop) * MAP_SIZE
    return points
