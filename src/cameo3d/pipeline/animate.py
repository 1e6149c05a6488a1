"""The whole story: a photo and a motion in, frames out."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import UInt8

from cameo3d.errors import FaceError, InputError
from cameo3d.imaging.compose import compose
from cameo3d.media.files import check_input, shown
from cameo3d.media.images import read_image
from cameo3d.media.video import probe_video, read_frames
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.voice.contract import Delivery
from cameo3d.pipeline.choice import DEFAULT_CHOICE, Choice
from cameo3d.pipeline.hidden import held_where_hidden, hidden_notices
from cameo3d.pipeline.models import load_avatar, load_model, made_by
from cameo3d.pipeline.motion import Progress, TrackedVideo, track_video
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.reading import (
    ExpressionReader,
    LandmarkDriven,
    with_fitted_expressions,
    with_read_expressions,
)
from cameo3d.pipeline.reenact import matching_frame, seen_at
from cameo3d.pipeline.retarget import absolute_motion, relative_motion, voiced_motion, with_pose
from cameo3d.pipeline.voice import VoiceName, check_voice, load_voice, voice_motion
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.motion_files import load_motion
from cameo3d.values.portrait import Sight

logger = logging.getLogger(__name__)

MAX_PHOTO_SIDE = 1920
"""Larger photos are scaled down to this, in pixels."""

Frame = Literal["crop", "photo"]
"""The head-and-shoulders square at 512x512, or the person within the whole photo."""
Hidden = Literal["still", "move"]
"""Whether what the photo does not show stays as it is there, or moves all the same."""
Source = str | Path | Portrait | Avatar


@dataclass(frozen=True)
class Animation:
    """A person in motion. Iterating draws one frame after the other; it can be iterated again."""

    model: AvatarModel
    avatar: Avatar
    motion: Motion
    view: Frame
    background: UInt8[np.ndarray, "height width 3"] | None
    """What stands behind the person; None leaves it transparent."""
    driver: Path | None = None
    """The video that drives it."""
    driver_crop: Crop | None = None
    """Where the driver's head and shoulders are, in pixels of its frames."""
    audio: Path | None = None
    """The file whose sound belongs to it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels."""
        return self.model.size(self.avatar, self.view)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.motion.frame_rate

    def __len__(self) -> int:
        return len(self.motion)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "height width channels"]]:
        for frame in self.model.render(self.avatar, self.motion, self.view, self.background):
            yield frame if self.background is None else compose(frame, self.background)

    def driver_frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The driving video's own frames: its head and shoulders, or all of it, as `view` says.

        Raises:
            ValueError: If no video drives it.
        """
        if self.driver is None:
            raise ValueError("This animation has no driving video.")
        for frame in read_frames(self.driver, self.frame_rate):
            yield frame if self.view == "photo" or self.driver_crop is None else cut(frame, self.driver_crop)


def animate(
    source: Source,
    *,
    video: str | Path | None = None,
    motion: str | Path | Motion | None = None,
    voice: str | Path | None = None,
    pose: str | Path | Motion | None = None,
    relative: bool = True,
    background: str | Path = "keep",
    frame: Frame = "crop",
    face: int = 0,
    hidden: Hidden = "still",
    smooth: float = 0.3,
    delivery: Delivery | None = None,
    voice_model: VoiceName = "lite",
    choice: Choice = DEFAULT_CHOICE,
    progress: Progress | None = None,
) -> Animation:
    """Bring a photo to life with the motion of a video or of a motion file, or with a voice.

    Args:
        source: A photo, an avatar file, or what `make_portrait` or `create` returned.
        video: Video whose motion and sound are taken. Give this, `motion` or `voice`.
        motion: Motion, or a motion file (our own or Live Link Face CSV).
        voice: Sound file, or a video of which only the sound is taken, that the person is to say.
        pose: Where head pose and gaze come from instead: "still", a motion, a motion file or a video.
            "natural" leaves them to the driver.
        relative: Move from the photo's own pose and expression by what the driver moves from its most
            neutral frame. Otherwise take over the driver's pose and expression as they are.
        background: "keep" for the photo's own, a colour as "#rrggbb", a picture file, or "transparent".
        frame: "crop" for head and shoulders at 512x512, "photo" for the whole photo at its own size.
        face: Which face of the photo, counted from the largest, 0.
        hidden: Whether what the photo does not show (eyes that are shut or behind dark lenses, a covered
            mouth) stays "still", or is made to "move" all the same.
        smooth: How strongly a video's motion is smoothed, in [0, 1].
        delivery: How a voice is spoken; of its pose and that given above, the one that is still counts.
        voice_model: What turns a voice into motion: "lite", which is shipped, or "official", with imported
            weights.
        choice: The avatar model, its size, and how it draws.
        progress: Called while a video is tracked or a voice is heard.

    Returns:
        An iterable of frames: RGB bytes, or RGB with straight alpha when the background is transparent.

    Raises:
        CameoError: If a file cannot be used, or shows no usable face.
        ValueError: If not exactly one of `video`, `motion` and `voice` is given.
    """
    if sum(given is not None for given in (video, motion, voice)) != 1:
        raise ValueError("Give exactly one of video, motion and voice.")
    pose = None if pose == "natural" else pose
    # What is quickly checked comes before what takes long.
    for what, given in (("video", video), ("motion file", motion), ("sound", voice), ("pose", pose)):
        if isinstance(given, str | Path) and given != "still":
            check_input(Path(given), what)
    if voice is not None:
        check_voice(Path(voice))
    speaker = None if voice is None else load_voice(voice_model)
    fill = _read_background(background)
    model, avatar = _avatar(source, face, choice)
    sight = avatar.sight if hidden == "still" else Sight()
    for notice in hidden_notices(sight):
        logger.warning(notice)
    fields: Any = avatar  # a dataclass, which a protocol cannot say
    avatar: Avatar = replace(fields, sight=sight)
    driver = None if video is None else Path(video)
    audio = None if voice is None else Path(voice)
    tracked = None
    transfer = relative_motion if relative else absolute_motion
    if driver is not None:
        avatar, tracked = _track_driver(driver, avatar, relative, smooth, progress)
        audio = driver if probe_video(driver).has_audio else None
        driving = tracked.motion
        if isinstance(model, ExpressionReader):
            driving = with_read_expressions(tracked, read_frames(driver, driving.frame_rate), model)
        elif isinstance(model, LandmarkDriven) and model.driving_face is not None:
            frames = read_frames(driver, driving.frame_rate)
            driving = with_fitted_expressions(tracked, frames, model.driving_face)
        moved = transfer(driving, avatar)
    elif audio is not None:
        spoken = voice_motion(audio, _delivery(delivery, pose), speaker, progress)
        moved = voiced_motion(spoken, avatar)
    else:
        moved = transfer(_motion(motion), avatar)
    if pose is not None:
        posed = None if pose == "still" else transfer(_pose_motion(pose, smooth), avatar)
        moved = with_pose(moved, posed, avatar)
    moved = held_where_hidden(moved, avatar, sight)
    return Animation(
        model,
        avatar,
        moved,
        frame,
        _fill(fill, model, avatar, frame),
        driver,
        tracked.crop if tracked else None,
        audio,
    )


def orbit(
    source: Source,
    *,
    seconds: float = 4.0,
    yaw_radians: float = 0.4,
    pitch_radians: float = 0.15,
    background: str | Path = "keep",
    frame: Frame = "crop",
    face: int = 0,
    choice: Choice = DEFAULT_CHOICE,
) -> Animation:
    """Turn a head to both sides and nod; see `orbit_motion` and, for the other arguments, `animate`."""
    fill = _read_background(background)
    model, avatar = _avatar(source, face, choice)
    motion = orbit_motion(
        avatar.expression,
        avatar.rotation,
        avatar.translation,
        avatar.gaze,
        seconds,
        yaw_radians,
        pitch_radians,
    )
    moved = absolute_motion(motion, avatar)
    return Animation(model, avatar, moved, frame, _fill(fill, model, avatar, frame))


def create(photo: str | Path | Portrait, face: int = 0, choice: Choice = DEFAULT_CHOICE) -> Avatar:
    """Make an avatar from a photo, once; it can then be animated many times.

    Args:
        photo: The photo, or what `make_portrait` returned.
        face: Which face of the photo, counted from the largest, 0.
        choice: The avatar model, its size, and where it computes.

    Raises:
        InputError: If the photo cannot be read.
        FaceError: If it shows no usable face.
    """
    avatar = _encode(load_model(choice), photo, face)
    for notice in hidden_notices(avatar.sight):
        logger.warning(notice)
    return avatar


def track(
    video: str | Path, face: int = 0, smooth: float = 0.3, progress: Progress | None = None
) -> TrackedVideo:
    """Follow a face through a video.

    Args:
        video: The video.
        face: Which face, counted from the largest, 0.
        smooth: How strongly the motion is smoothed, in [0, 1].
        progress: Called after each frame.

    Raises:
        InputError: If the video cannot be read.
        FaceError: If most frames show no face.
    """
    return track_video(Path(video), face=face, smooth=smooth, progress=progress)


def is_avatar_file(path: Path) -> bool:
    """Whether a file is an avatar rather than a photo; its name or its first bytes tell."""
    if path.suffix.lower() == ".avatar":
        return True
    with check_input(path, "photo").open("rb") as file:
        return file.read(9)[8:] == b"{"  # safetensors: eight bytes of length, then JSON


def cut(picture: UInt8[np.ndarray, "_ _ 3"], crop: Crop, side: int = 512) -> UInt8[np.ndarray, "side side 3"]:
    """Cut a square out of a picture at `side` pixels; black beyond its border."""
    scale = side / crop.side
    matrix = np.array(
        [
            [scale, 0, side / 2 - crop.center_x * scale + (scale - 1) / 2],
            [0, scale, side / 2 - crop.center_y * scale + (scale - 1) / 2],
        ]
    )
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR)


def _avatar(source: Source, face: int, choice: Choice) -> tuple[AvatarModel, Avatar]:
    if isinstance(source, str | Path) and is_avatar_file(Path(source)):
        avatar, choice = load_avatar(Path(source), choice)
    elif isinstance(source, str | Path | Portrait):
        model = load_model(choice)
        return model, _encode(model, source, face)
    else:
        avatar, choice = source, made_by(source, choice)
    return load_model(choice), avatar


def _encode(model: AvatarModel, photo: str | Path | Portrait, face: int) -> Avatar:
    if isinstance(photo, Portrait):
        return model.encode(photo)
    rgb = read_image(Path(photo), MAX_PHOTO_SIDE)
    try:
        return model.encode(make_portrait(rgb, face))
    except FaceError as error:
        raise FaceError(f"{shown(Path(photo))}: {error}") from error


def _motion(source: str | Path | Motion | None) -> Motion:
    assert source is not None, "without a video or a voice there is a motion"
    return source if isinstance(source, Motion) else load_motion(Path(source))


def _delivery(delivery: Delivery | None, pose: str | Path | Motion | None) -> Delivery:
    """How a voice is spoken if head and gaze come from elsewhere: without moving them."""
    delivery = delivery or Delivery()
    return delivery if pose is None else replace(delivery, pose="still")


def _pose_motion(source: str | Path | Motion, smooth: float) -> Motion:
    if isinstance(source, str | Path) and Path(source).suffix.lower() != ".csv":
        return track(source, smooth=smooth).motion
    return _motion(source)


def _track_driver(
    driver: Path, avatar: Avatar, relative: bool, smooth: float, progress: Progress | None
) -> tuple[Avatar, TrackedVideo]:
    """Track the driver; for reenactment within one picture size, in the photo's own framing."""
    info = probe_video(driver)
    height, width = avatar.photo.shape[:2]
    if relative or (info.width, info.height) != (width, height):
        return avatar, track_video(driver, face=0, smooth=smooth, progress=progress)
    frame = matching_frame(avatar.photo.numpy(), read_frames(driver, info.frame_rate))
    known = avatar.identity if frame is None else None
    tracked = track_video(driver, 0, smooth, crop=avatar.crop, identity=known, progress=progress)
    return (avatar, tracked) if frame is None else seen_at(avatar, tracked, frame)


def _read_background(background: str | Path) -> UInt8[np.ndarray, "height width 3"] | Literal["keep"] | None:
    """A picture, "keep", or None for transparent."""
    if background == "keep":
        return "keep"
    if background == "transparent":
        return None
    text = str(background)
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return np.frombuffer(bytes.fromhex(text[1:]), np.uint8).reshape(1, 1, 3)
    if text.startswith("#") and not Path(text).exists():
        raise InputError(f"The background {shown(Path(text))} is no colour; write it as #rrggbb.")
    return read_image(Path(background), MAX_PHOTO_SIDE)


def _fill(
    background: UInt8[np.ndarray, "_ _ 3"] | Literal["keep"] | None,
    model: AvatarModel,
    avatar: Avatar,
    view: Frame,
) -> UInt8[np.ndarray, "height width 3"] | None:
    """The background at the frame's size; a picture covers it all and is cut at its longer sides."""
    if background is None:
        return None
    if isinstance(background, str):
        return model.background(avatar, view)
    width, height = model.size(avatar, view)
    scale = max(width / background.shape[1], height / background.shape[0])
    size = (max(width, round(background.shape[1] * scale)), max(height, round(background.shape[0] * scale)))
    covering = cv2.resize(background, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(covering[top : top + height, left : left + width])
