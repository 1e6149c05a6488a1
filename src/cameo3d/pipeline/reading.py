"""Expressions of the Basel face model, read off the frames of a driving video as a model wants them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.geometry.basel.bfm import PICTURE_SIZE
from cameo3d.geometry.basel.fitting import BaselFit, fit_clip, fit_photo
from cameo3d.geometry.basel.pncc import MAP_SIZE
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.basel.tracking import BaselTracker
from cameo3d.geometry.crops import crop_from_pixels
from cameo3d.media.video import DEFAULT_FRAME_RATE
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.goha.framing import centred_crop, cut_square, regressor_crop
from cameo3d.pipeline.motion import TrackedVideo
from cameo3d.values import Crop, Motion, Portrait

_JOINT_FRAMES = 3000
"""Longest clip that is fitted as a whole; of a longer one, the identity is fitted to few frames."""
_STUDY_SECONDS, _STUDY_FRAMES = 10.0, 8
"""A long driver's identity is fitted to so many frames of the first seconds."""


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

    def read_rotation(self, avatar: Any, picture: UInt8[np.ndarray, "side side 3"]) -> Float[Tensor, "3"]:
        """Yaw, pitch and roll, for an avatar, of the head in a picture of `regressor_crop`."""
        ...


@runtime_checkable
class LandmarkDriven(Protocol):
    """A model whose expressions are the Basel face model's, fitted to the driver's landmarks."""

    @property
    def driving_face(self) -> Real3DFace | None:
        """The face model, if this size of the model uses it."""
        ...


def with_read_expressions(
    tracked: TrackedVideo,
    frames: Iterable[UInt8[np.ndarray, "height width 3"]],
    reader: ExpressionReader,
    avatar: Avatar,
) -> Motion:
    """A tracked video's motion with the reader's expressions and turns; each frame is forgotten once read.

    Args:
        tracked: Where the face is.
        frames: The video's frames at the motion's rate.
        reader: Reads each face in a square that follows it.
        avatar: Who will move.
    """
    motion = tracked.motion
    usual = torch.cat(
        [
            motion.translation[start:end].median(dim=0).values.expand(end - start, 3)
            for start, end in tracked.shots.spans(len(motion))
        ]
    )
    read, turns = [], []
    for index, (frame, now) in enumerate(zip(frames, motion.translation, strict=False)):
        crop = centred_crop(tracked.shots.crop_at(index), usual[index], now)
        expression, turn = _read(reader, avatar, frame, crop)
        read.append(expression)
        turns.append(turn)
    # A file may hold a frame less than was tracked at its own rate: the last one stays.
    read += read[-1:] * (len(motion) - len(read))
    turns += turns[-1:] * (len(motion) - len(turns))
    return replace(motion, rotation=torch.stack(turns), basel=torch.stack(read))


def motion_of_photo(portrait: Portrait, model: AvatarModel, avatar: Avatar) -> Motion:
    """A photo as a driver: its own pose and expression, one frame, read as the model reads a video's.

    Args:
        portrait: The driver.
        model: Whose avatar is driven.
        avatar: Who will move.
    """
    person = portrait.person
    motion = Motion(
        person.expression[None],
        person.rotation[None],
        person.translation[None],
        person.gaze[None],
        float(DEFAULT_FRAME_RATE),
        "photo",
    )
    if isinstance(model, ExpressionReader):
        expression, turn = _read(model, avatar, person.photo.numpy(), person.crop)
        return replace(motion, rotation=turn[None], basel=expression[None])
    face = model.driving_face if isinstance(model, LandmarkDriven) else None
    if face is None:
        return motion
    landmarks = portrait.landmarks.numpy().astype(np.float64)
    landmarks[:, :2] = crop_from_pixels(landmarks[:, :2], person.crop) * MAP_SIZE
    return replace(motion, basel=fit_photo(face, landmarks, MAP_SIZE).expression)


def _read(reader: ExpressionReader, avatar: Avatar, frame: np.ndarray, crop: Crop) -> tuple[Tensor, Tensor]:
    expression = reader.read_expression(cut_square(frame, crop, reader.picture_size))
    return expression, reader.read_rotation(avatar, cut_square(frame, regressor_crop(crop), PICTURE_SIZE))


class BaselReader:
    """Fits the Basel model to a video's landmarks while it is tracked, as Real3D-Portrait does.

    All frames are fitted at once with one identity, smoothly within each shot. A clip that is longer than
    `joint_frames` is followed frame by frame instead, so that memory grows by 64 numbers a frame only. Where
    no face is seen, the expression before is held.

    Args:
        face: The user's Basel face model.
        study_frames: The identity of a long clip is fitted to a few of so many first frames.
        joint_frames: Longest clip that is fitted as a whole.
    """

    def __init__(self, face: Real3DFace, study_frames: int, joint_frames: int = _JOINT_FRAMES) -> None:
        self._face, self._study_frames, self._joint_frames = face, study_frames, joint_frames
        self._tracker: BaselTracker | None = None
        self._seen: list[np.ndarray | None] = []
        self._starts: list[int] = []
        self._crop: Crop | None = None
        self._is_studied = False
        self._read: list[Tensor | None] = []
        self.fit: BaselFit | None = None
        """The whole clip's, of the frames that show a face; None for a long clip."""

    @property
    def identity(self) -> Tensor | None:
        """The driver's shape, 80 numbers; None before any face was seen."""
        if self.fit is not None:
            return self.fit.identity
        return None if self._tracker is None else self._tracker.identity

    def see(self, landmarks: np.ndarray | None, crop: Crop) -> None:
        """The face in the next frame, in pixels of the video, and the square that its motion is seen in."""
        points = None if landmarks is None else _in_crop(landmarks, crop)
        if self._is_studied:
            self._fit(points)
            return
        if self._crop != crop:  # another shot
            self._starts.append(len(self._seen))
            self._crop = crop
        self._seen.append(points)
        if len(self._seen) > max(self._joint_frames, self._study_frames - 1):
            self._study_now()

    def on(self, motion: Motion) -> Motion:
        """The tracked motion with the expressions that were read; as it is if no face was ever seen."""
        if not self._is_studied:
            self._fit_all()
        known = [expression for expression in self._read if expression is not None]
        if not known:
            return motion
        held, last = [], known[0]
        for expression in self._read[: len(motion)]:
            last = last if expression is None else expression
            held.append(last)
        held += held[-1:] * (len(motion) - len(held))
        return replace(motion, basel=torch.stack(held))

    def _fit_all(self) -> None:
        self._is_studied = True
        shown = [index for index, points in enumerate(self._seen) if points is not None]
        self._read = [None] * len(self._seen)
        if not shown:
            return
        points = np.stack([self._seen[index] for index in shown])  # type: ignore[arg-type]
        # Of the frames that are left, the first of each shot; shots without a face have none.
        starts = sorted({int(np.searchsorted(shown, start)) for start in self._starts} - {len(shown)})
        self.fit = fit_clip(self._face, points, MAP_SIZE, starts)
        for index, expression in zip(shown, self.fit.expression, strict=True):
            self._read[index] = expression
        self._seen.clear()

    def _study_now(self) -> None:
        self._is_studied = True
        shown = [points for points in self._seen[: self._study_frames] if points is not None]
        shown = shown or [points for points in self._seen if points is not None]
        if shown:
            chosen = np.linspace(0, len(shown) - 1, min(len(shown), _STUDY_FRAMES)).round().astype(int)
            identity = fit_clip(self._face, np.stack([shown[index] for index in chosen]), MAP_SIZE).identity
            self._tracker = BaselTracker(self._face, identity, MAP_SIZE)
        for points in self._seen:
            self._fit(points)
        self._seen.clear()

    def _fit(self, points: np.ndarray | None) -> None:
        is_seen = self._tracker is not None and points is not None
        self._read.append(self._tracker(points).expression[0] if is_seen else None)  # type: ignore[misc]


def _in_crop(landmarks: np.ndarray, crop: Crop) -> np.ndarray:
    """Landmarks in pixels of the crop's picture, as those of a photo are fitted."""
    points = landmarks[:468].astype(np.float32)
    points[:, :2] = crop_from_pixels(landmarks[:468, :2].astype(np.float64), crop) * MAP_SIZE
    return points


def basel_reader(face: Real3DFace, frame_rate: float) -> BaselReader:
    """A reader that studies the first ten seconds of a video."""
    return BaselReader(face, max(1, round(_STUDY_SECONDS * frame_rate)))
