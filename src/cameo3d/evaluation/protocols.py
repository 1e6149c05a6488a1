"""What each protocol shows the meters, frame by frame: our own models' frames, or another system's."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, repeat
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from cameo3d.errors import FaceError, InputError
from cameo3d.evaluation.datasets import (
    Item,
    as_video,
    frame_rate_of,
    frames_of,
)
from cameo3d.evaluation.measures import Case, Moment, Picture, SeenFace
from cameo3d.evaluation.pairs import Pair
from cameo3d.evaluation.settings import Settings
from cameo3d.evaluation.tracking import FaceWatcher, see_face
from cameo3d.imaging.framing import cut
from cameo3d.media.audio import early_seconds
from cameo3d.media.files import shown
from cameo3d.media.folders import CLIP_SUFFIXES, PHOTO_SUFFIXES
from cameo3d.media.video import DEFAULT_FRAME_RATE, probe_video
from cameo3d.models.avatar import Avatar, View
from cameo3d.models.voice.contract import VoiceModel
from cameo3d.pipeline.animate import Model, VoiceName, model_of
from cameo3d.pipeline.animation import CROP_SIZE, Animation
from cameo3d.pipeline.models import load_voice_model
from cameo3d.pipeline.options import DEFAULT_MODEL, ModelOptions
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.reading import motion_of_photo
from cameo3d.values import Motion, Person

PHOTO_FRAMES = 100
"""So many frames of a clip drive a photo, as in GOHA's table 3."""
YAWS_DEGREES = tuple(range(-40, 41, 10))
PITCHES_DEGREES = (-20, 0, 20)
"""The grid of `free-view`, turns away from the photo's own pose."""
_STRAY_FRAMES = 2
"""An output may be longer or shorter than its clip by so many frames."""

AnyPicture = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True)
class Sight:
    """One frame with what stands next to it in the report."""

    moment: Moment
    beside: Picture | None
    """The truth, or the driver."""


@dataclass(frozen=True)
class Stage:
    """A case that is ready to be looked at."""

    case: Case
    sights: Iterator[Sight]


def view_angles() -> list[tuple[int, int]]:
    """Yaw and pitch in degrees of each frame of `free-view`: row by row, to and fro, without jumps."""
    rows = (YAWS_DEGREES if index % 2 == 0 else YAWS_DEGREES[::-1] for index in range(len(PITCHES_DEGREES)))
    return [(yaw, pitch) for pitch, row in zip(PITCHES_DEGREES, rows, strict=True) for yaw in row]


def files_of(pair: Pair, settings: Settings) -> list[Path]:
    """All files that the figures of a pair depend on."""
    paths = [pair.source.path, *([pair.driver.path] if pair.driver else [])]
    return paths + ([output_of(pair, Path(settings.outputs))] if settings.outputs else [])


@contextmanager
def staged(pair: Pair, settings: Settings) -> Iterator[Stage]:
    """Set a case up; the block then runs through its sights once.

    Raises:
        CameoError: If photo, clip or output cannot be used.
    """
    with ExitStack() as stack:
        watchers = FaceWatcher(), FaceWatcher()
        if settings.outputs:
            case, frames = _of_outputs(pair, settings)
        else:
            case, frames = _of_model(pair, settings, stack)
        drives_photo = settings.protocol == "cross" and pair.source.kind == "photo"
        most = settings.frames or (PHOTO_FRAMES if drives_photo else None)
        has_truth = settings.protocol in ("reconstruction", "self")
        yield Stage(case, _sights(islice(frames, most), has_truth, *watchers))


def _sights(
    frames: Iterator[tuple[Picture, Picture | None]],
    has_truth: bool,
    watch_output: Callable[[AnyPicture], SeenFace | None],
    watch_driver: Callable[[AnyPicture], SeenFace | None],
) -> Iterator[Sight]:
    """From outputs, each with its truth or driver, to what meters see."""
    for output, beside in frames:
        seen, wanted = watch_output(output), None if beside is None else watch_driver(beside)
        truth, driver = (beside, None) if has_truth else (None, beside)
        yield Sight(Moment(output, truth, seen, wanted, driver), beside)


Frames = Iterator[tuple[Picture, Picture | None]]


def _of_model(pair: Pair, settings: Settings, stack: ExitStack) -> tuple[Case, Frames]:
    """Frames of our own model, each next to the driver's in the same framing."""
    model = _loaded(settings.model or DEFAULT_MODEL)
    first = next(frames_of(pair.source))
    try:
        portrait = make_portrait(first, crop_rule=model.crop_rule, sharpen=model.sharpen)
        avatar = model.encode(portrait)
    except FaceError as error:
        raise FaceError(f"{shown(pair.source.path)}: {error}") from error
    driver, video, early = pair.driver, None, 0
    if driver and driver.kind == "clip":
        video = stack.enter_context(as_video(driver))
    elif settings.protocol in ("self", "voice") or (settings.protocol == "cross" and driver is None):
        raise InputError(f"The pair {pair.name} has no clip that drives it; name one as its driver.")
    framed = _Framing(model, avatar, settings.frame, settings.pose == "still")
    match settings.protocol:
        case "reconstruction":
            animation = framed.moved(_own_pose(avatar.person))
            besides = iter([framed(first)])
        case "free-view":
            animation = framed.moved(_turns(avatar))
            besides = repeat(None)
        case "self":
            assert driver, "checked above"
            assert video, "checked above"
            info = probe_video(video)
            if (info.width, info.height) != (first.shape[1], first.shape[0]):
                raise InputError(f"The clip {shown(driver.path)} is too large; scale it down to 1920 pixels.")
            animation = model.animate(avatar, video=video, relative=False, frame=settings.frame)
            besides = (framed(frame) for frame in frames_of(driver, animation.frame_rate))
        case "cross" if driver and driver.kind == "photo":
            other = make_portrait(next(frames_of(driver)), crop_rule=model.crop_rule)
            animation = framed.moved(motion_of_photo(other, model.network, avatar))
            besides = iter([cut(other.person.photo.numpy(), other.person.crop, CROP_SIZE)])
        case "cross":
            assert video, "checked above"
            pose = "still" if settings.pose == "still" else "natural"
            animation = model.animate(
                avatar, video=video, pose=pose, relative=settings.relative, frame=settings.frame
            )
            besides = animation.driver_frames()
        case "voice":
            assert driver, "checked above"
            assert video, "checked above"
            if not probe_video(video).has_audio:
                raise InputError(f"The clip {shown(driver.path)} has no sound; give one in which one speaks.")
            voice = _voice(settings.voice_model)
            animation = model.animate(avatar, voice=video, voice_model=voice, frame=settings.frame)
            early = round(early_seconds(video) * animation.frame_rate)
            besides = (framed(frame) for frame in frames_of(driver, animation.frame_rate))
    photo = framed(first)
    sound = video if video is not None and probe_video(video).has_audio else None
    case = Case(photo, see_face(photo), animation.frame_rate, sound)
    seen = framed.seen(first) if settings.protocol in ("reconstruction", "self") else None
    outputs = (frame if seen is None else frame * seen for frame in islice(animation, early, None))
    return case, zip(outputs, besides, strict=False)


@lru_cache(1)
def _loaded(options: ModelOptions) -> Model:
    """The model, loaded once for all cases of a process."""
    return model_of(options)


@lru_cache(1)
def _voice(name: VoiceName) -> VoiceModel:
    """The voice model, loaded once for all cases of a process."""
    return load_voice_model(name)


class _Framing:
    """Pictures in the framing of an avatar's frames."""

    def __init__(self, model: Model, avatar: Avatar, view: View, is_held: bool = False) -> None:
        self._model, self._avatar, self._is_held = model, avatar, is_held
        self._view: View = view

    def __call__(self, picture: AnyPicture) -> Picture:
        return picture if self._view == "photo" else cut(picture, self._avatar.person.crop, CROP_SIZE)

    def seen(self, picture: AnyPicture) -> Picture:
        """Ones where the framing shows a part of the picture, zeros where the truth is black beyond it."""
        inside = self(np.full_like(picture, 255))
        return (inside == 255).astype(np.uint8)

    def moved(self, motion: Motion) -> Animation:
        """The avatar in motion, taken over as it is."""
        pose = "still" if self._is_held else "natural"
        return self._model.animate(self._avatar, motion=motion, pose=pose, relative=False, frame=self._view)


def _own_pose(person: Person) -> Motion:
    """One frame: the person as in the photo."""
    return Motion(
        person.expression[None],
        person.rotation[None],
        person.translation[None],
        person.gaze[None],
        float(DEFAULT_FRAME_RATE),
        "photo",
    )


def _turns(avatar: Avatar) -> Motion:
    """One frame for every view of the grid."""
    still, turns = (
        _own_pose(avatar.person),
        torch.tensor([(*pair, 0) for pair in view_angles()]) * (math.pi / 180),
    )
    count = len(turns)
    return Motion(
        still.expression.expand(count, -1),
        still.rotation + turns,
        still.translation.expand(count, -1),
        still.gaze.expand(count, -1, -1),
        still.frame_rate,
        "views",
    )


def _of_outputs(pair: Pair, settings: Settings) -> tuple[Case, Frames]:
    """Frames of another system, each next to the whole frame of the clip or photo that drove it."""
    path = output_of(pair, Path(settings.outputs or ""))
    if not path.exists():
        raise InputError(f"There is no output for {pair.name}; name it so, as {shown(path)}.")
    is_clip = path.is_dir() or path.suffix.lower() in CLIP_SUFFIXES
    output = Item(pair.name, path, "clip" if is_clip else "photo")
    photo = next(frames_of(pair.source))
    wanted = pair.driver or pair.source
    rate = frame_rate_of(wanted) if wanted.kind == "clip" else float(DEFAULT_FRAME_RATE)
    sound = None
    if wanted.kind == "clip" and not wanted.path.is_dir() and probe_video(wanted.path).has_audio:
        sound = wanted.path
    outputs = frames_of(output, rate)
    if settings.protocol == "free-view":
        frames: Frames = _in_step(outputs, repeat(photo, len(view_angles())), path, False)
        frames = ((frame, None) for frame, _ in frames)
    else:
        has_truth = settings.protocol in ("reconstruction", "self")
        frames = _in_step(outputs, frames_of(wanted, rate), path, has_truth)
    return Case(photo, see_face(photo), rate, sound), frames


def output_of(pair: Pair, folder: Path) -> Path:
    """The video, picture or folder of frames of a pair in a folder; if there is none, the video's name."""
    suffixes = (*sorted(CLIP_SUFFIXES), *sorted(PHOTO_SUFFIXES), "")
    candidates = (folder / f"{pair.name}{suffix}" for suffix in suffixes)
    return next((path for path in candidates if path.exists()), folder / f"{pair.name}.mp4")


def _in_step(outputs: Iterator[Picture], others: Iterator[Picture], path: Path, same_size: bool) -> Frames:
    """Output and wanted frames together, the wanted one at the output's size if asked."""
    for output, other in zip(outputs, others, strict=False):
        yield output, _at_size(other, output, path) if same_size else other
    left = (
        sum(1 for _ in islice(outputs, _STRAY_FRAMES + 1)),
        sum(1 for _ in islice(others, _STRAY_FRAMES + 1)),
    )
    if max(left) > _STRAY_FRAMES:
        which = "longer" if left[0] else "shorter"
        raise InputError(f"The output {shown(path)} is {which} than what drove it; give one of its length.")


def _at_size(picture: AnyPicture, like: Picture, path: Path) -> Picture:
    height, width = like.shape[:2]
    own_height, own_width = picture.shape[:2]
    if (own_height, own_width) == (height, width):
        return picture
    if abs(own_width * height - own_height * width) > 0.01 * own_width * height:
        raise InputError(
            f"The output {shown(path)} has {width}x{height} pixels and the truth {own_width}x{own_height}; "
            "give outputs that show the whole frame."
        )
    shrinks = width < own_width
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
