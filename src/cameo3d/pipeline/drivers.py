"""Drivers: what moves a person. Each gives the motion for an avatar, and the sound that belongs to it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from cameo3d.media.files import check_input
from cameo3d.media.video import probe_video, read_frames
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.voice.contract import Delivery, VoiceModel
from cameo3d.pipeline.coefficients import is_coefficients, load_coefficients, save_coefficients
from cameo3d.pipeline.models import load_real3d_face
from cameo3d.pipeline.motion import Progress, TrackedVideo, track_video
from cameo3d.pipeline.reading import (
    ExpressionReader,
    LandmarkDriven,
    basel_reader,
    with_read_expressions,
)
from cameo3d.pipeline.reenact import matching_frame, seen_at
from cameo3d.pipeline.retarget import voiced_motion
from cameo3d.pipeline.shots import Shots
from cameo3d.pipeline.transfer import RELATIVE, Transfer, is_free
from cameo3d.pipeline.voice import check_voice, voice_motion
from cameo3d.values import Motion
from cameo3d.values.motion_files import MOTION_SUFFIXES, load_motion


@dataclass(frozen=True)
class Driven:
    """A driver's motion for one avatar."""

    avatar: Avatar
    """The avatar, in reenactment brought into agreement with the video that its photo is a frame of."""
    motion: Motion
    sound: Path | None = None
    """The file whose sound belongs to the motion."""
    video: Path | None = None
    """The video that it was read off."""
    shots: Shots | None = None
    """Where the head and shoulders are in each shot of that video."""


@runtime_checkable
class Driver(Protocol):
    """Whatever can move an avatar."""

    def drive(self, model: AvatarModel, avatar: Avatar, progress: Progress | None) -> Driven:
        """The motion for an avatar of a model.

        Raises:
            CameoError: If a file cannot be used, or shows no usable face.
        """
        ...


@dataclass(frozen=True)
class MotionDriver:
    """A motion, or a motion file."""

    motion: str | Path | Motion
    transfer: Transfer = RELATIVE
    """How its motion becomes the person's."""

    def __post_init__(self) -> None:
        if not isinstance(self.motion, Motion):
            check_input(Path(self.motion), "motion file")

    def drive(self, model: AvatarModel, avatar: Avatar, progress: Progress | None) -> Driven:
        """Move as the motion does."""
        motion = self.motion if isinstance(self.motion, Motion) else read_motion(Path(self.motion))
        return Driven(avatar, self.transfer(motion, avatar.person, is_free(model)))


@dataclass(frozen=True)
class VoiceDriver:
    """A voice that the person is to speak with."""

    path: Path
    voice: VoiceModel
    delivery: Delivery

    def __post_init__(self) -> None:
        check_input(self.path, "sound")
        check_voice(self.path)

    def drive(self, model: AvatarModel, avatar: Avatar, progress: Progress | None) -> Driven:
        """Speak; sound and motion begin and end together."""
        spoken = voice_motion(self.path, self.delivery, self.voice, progress)
        return Driven(avatar, voiced_motion(spoken, avatar.person, self.delivery.mood), self.path)


@dataclass(frozen=True)
class VideoDriver:
    """A video of somebody, with its sound. It is decoded once to follow the face.

    It is decoded again only where that cannot be avoided: up to the frame that is the photo, in reenactment
    at one picture size, and for GOHA, whose expressions are read in a square that follows the smoothed head.
    """

    path: Path
    transfer: Transfer = RELATIVE
    """How the driver's motion becomes the person's."""
    smooth: float = 0.3
    """How strongly the motion is smoothed, in [0, 1]."""

    def __post_init__(self) -> None:
        check_input(self.path, "video")
        probe_video(self.path)

    def drive(self, model: AvatarModel, avatar: Avatar, progress: Progress | None) -> Driven:
        """Move as the person in the video does."""
        info = probe_video(self.path)
        face = model.driving_face if isinstance(model, LandmarkDriven) else None
        reader = None if face is None else basel_reader(face, float(info.frame_rate))

        def tracked_with(**known: object) -> TrackedVideo:
            return track_video(self.path, smooth=self.smooth, progress=progress, reader=reader, **known)  # type: ignore[arg-type]

        height, width = avatar.person.photo.shape[:2]
        if self.transfer.start != "driver" or (info.width, info.height) != (width, height):
            tracked = tracked_with()
        else:
            # Reenactment within one picture size happens in the photo's own framing.
            frame = matching_frame(avatar.person.photo.numpy(), read_frames(self.path, info.frame_rate))
            known = avatar.person.identity if frame is None else None
            tracked = tracked_with(crop=avatar.person.crop, identity=known)
            if frame is not None:
                avatar, tracked = seen_at(avatar, tracked, frame)
        motion = tracked.motion
        if isinstance(model, ExpressionReader):
            motion = with_read_expressions(tracked, read_frames(self.path, motion.frame_rate), model, avatar)
        elif reader is not None:
            motion = reader.on(motion)
        moved = self.transfer(motion, avatar.person, is_free(model))
        sound = self.path if info.has_audio else None
        return Driven(avatar, moved, sound, self.path, tracked.shots)


def pose_motion(source: str | Path | Motion, smooth: float) -> Motion:
    """The motion whose pose is wanted: as given, from a motion file, or tracked in a video."""
    if isinstance(source, Motion):
        return source
    path = Path(source)
    is_motion = path.suffix.lower() in MOTION_SUFFIXES or is_coefficients(path)
    return read_motion(path) if is_motion else track_video(path, smooth=smooth).motion


def read_motion(path: Path) -> Motion:
    """A motion file, or a coefficient file of Real3D-Portrait.

    Raises:
        InputError: If the file cannot be read as one.
    """
    return load_coefficients(path) if is_coefficients(path) else load_motion(path)


def without_pose(delivery: Delivery) -> Delivery:
    """How a voice is spoken if head and gaze come from elsewhere."""
    return replace(delivery, pose="still")


def write_coefficients(
    video: Path, out: Path, face: int = 0, smooth: float = 0.3, progress: Progress | None = None
) -> None:
    """Fit the user's Basel model to a video as Real3D-Portrait does, and write its coefficient file.

    Raises:
        WeightsError: If the Basel model has not been imported.
        InputError: If the video cannot be read.
        FaceError: If most frames show no face.
        OutputError: If it cannot be written there.
    """
    reader = basel_reader(load_real3d_face(), float(probe_video(video).frame_rate))
    tracked = track_video(video, face=face, smooth=smooth, progress=progress, reader=reader)
    motion, identity = reader.on(tracked.motion), reader.identity
    assert identity is not None, "a tracked video shows a face"
    save_coefficients(motion, identity, out, reader.fit)
