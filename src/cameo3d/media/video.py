"""Video in: upright frames, one after the other, at a constant rate (the way out is `writing`)."""

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from cameo3d.errors import InputError
from cameo3d.media.containers import decoded, first_picture, moving_picture, open_container
from cameo3d.media.dynamic_range import Curve, StandardRange
from cameo3d.media.files import check_input, shown
from cameo3d.media.images import MAX_MEGAPIXELS
from cameo3d.media.sound_tracks import sound_tracks
from cameo3d.media.writing import Codec, FrameFolderWriter, VideoWriter, codec_for

__all__ = [
    "DEFAULT_FRAME_RATE",
    "Codec",
    "FrameFolderWriter",
    "VideoInfo",
    "VideoWriter",
    "codec_for",
    "probe_video",
    "read_frames",
]

logger = logging.getLogger(__name__)

DEFAULT_FRAME_RATE = 25
"""Frames a second of a file that does not say."""
_CURVES: dict[int, Curve] = {ColorTrc.ARIB_STD_B67: "hlg", ColorTrc.SMPTE2084: "pq"}
_LONGEST_STILL_SECONDS = 60.0  # a picture that stays longer has a damaged time stamp


@dataclass(frozen=True)
class VideoInfo:
    """What `read_frames` will give, as far as the file says."""

    width: int
    """Pixels of an upright frame with square pixels."""
    height: int
    """Pixels."""
    frame_rate: Fraction
    """Frames a second."""
    frame_count: int | None
    """An estimate from the duration; None if the file does not tell its duration."""
    duration_seconds: float | None
    """Length of the pictures; None if the file does not tell."""
    has_audio: bool
    """Whether there is sound."""
    start_seconds: float
    """When the first frame is shown, on the file's own clock."""


def probe_video(path: Path) -> VideoInfo:
    """Look at a video and decode its first frame.

    Raises:
        InputError: If the file cannot be opened (see `containers.open_container`), holds no video
            that decodes, or has more than 100 megapixels a frame.
    """
    with open_container(path, "video") as container:
        stream = _picture_stream(container, path)
        frame = first_picture(container)
        if frame is None:
            raise _undecodable(path)
        width, height = _square_size(frame, stream, None)
        if _orientation(frame).transposed:
            width, height = height, width
        rate, seconds = _frame_rate(stream), _duration_seconds(container, stream)
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=rate,
            frame_count=None if seconds is None else max(1, round(seconds * rate)),
            duration_seconds=seconds,
            has_audio=bool(sound_tracks(container)),
            start_seconds=_seconds(frame) or 0.0,
        )


def read_frames(
    path: Path, frame_rate: float | int | Fraction | None = None, max_side: int | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Stream a video's frames, upright and at a constant rate.

    Output frame `i` is the picture that is shown at the time `i / frame_rate` after the first one,
    with a quarter of a frame of tolerance for time stamps that are rounded. So a video of constant
    rate comes out frame for frame. Pictures of another shape than the first are fitted into it, with
    black borders. High dynamic range becomes sRGB, roughly as a player shows it.

    Args:
        path: A plain local video file of any container.
        frame_rate: Frames a second; by default the file's own (average) rate.
        max_side: The longer side in pixels that a frame may have; larger ones are scaled down.

    Yields:
        RGB bytes; the size is the same for every frame.

    Raises:
        InputError: If the file cannot be opened, holds no video that decodes, or has more than 100
            megapixels a frame. Damage after the first frame is skipped, with a warning in the log.
    """
    check_input(path, "video")
    return _read_frames(path, frame_rate, max_side)


def _read_frames(
    path: Path, frame_rate: float | int | Fraction | None, max_side: int | None
) -> Iterator[np.ndarray]:
    with open_container(path, "video") as container:
        stream = _picture_stream(container, path)
        stream.thread_type = "AUTO"
        native_rate = _frame_rate(stream)
        rate = float(frame_rate or native_rate)
        length, own_length = _duration_seconds(container, stream), _own_seconds(stream)
        clock = _Clock(rate, float(native_rate), length)
        draw, changes_shape = _Drawer(), False
        damage: list[str] = []
        size, orientation, held, written, last = None, None, None, 0, None
        for frame in decoded(container, stream, damage):
            own_size = _square_size(frame, stream, max_side)
            size = size or own_size
            changes_shape |= _fitting_size(own_size, size) != size
            orientation = orientation or _orientation(frame)
            slot = clock.slot(_seconds(frame))
            if held is not None:
                for _ in range(slot - written):
                    yield held.copy()
                written = max(written, slot)
            held, last = orientation.upright(draw(frame, own_size, size)), frame
        if held is None or last is None:
            raise _undecodable(path)
        for _ in range(clock.slot_count(_seconds_shown(last)) - written):
            yield held.copy()
            written += 1
    if changes_shape:
        logger.warning(
            "The video %s changes its shape; its pictures are fitted into that of the first.", shown(path)
        )
    if damage or (own_length is not None and written / rate < own_length - 0.5):
        logger.warning("The video %s is damaged or cut short; %d frames could be read.", shown(path), written)


class _Clock:
    """From the times of pictures to the numbers of output frames."""

    def __init__(self, rate: float, native_rate: float, length_seconds: float | None) -> None:
        self.rate = rate
        self.native_rate = native_rate
        self.length_seconds = length_seconds
        self.start: float | None = None
        self.seconds = 0.0
        self.slot_before = 0

    def slot(self, seconds: float | None) -> int:
        """The first output frame that shows a picture; never earlier than that of the picture before."""
        following = self.seconds + 1 / self.native_rate
        if self.start is None:
            self.start = seconds or 0.0
        elif seconds is None:
            self.seconds = following
        else:
            # Time stamps that leave the file's own length, jump far or run backwards are not to be trusted.
            limit = self.seconds + _LONGEST_STILL_SECONDS
            if self.length_seconds is not None:
                limit = min(limit, self.length_seconds + 1.0)
            if not self.seconds - 1.0 <= seconds - self.start <= max(limit, following):
                self.start = seconds - following
            self.seconds = seconds - self.start
        self.slot_before = max(self.slot_before, math.ceil(self.seconds * self.rate - 0.25))
        return self.slot_before

    def slot_count(self, seconds_shown: float | None) -> int:
        """How many output frames there are in all, if the latest picture is the last."""
        end = self.seconds + 1 / self.native_rate
        if seconds_shown and self.length_seconds is not None:
            still = min(seconds_shown, _LONGEST_STILL_SECONDS)
            end = max(end, min(self.seconds + still, self.length_seconds))
        return max(1, round(end * self.rate))


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    stream = moving_picture(container)
    if stream is None:
        raise InputError(f"The video {shown(path)} has no video stream; give a file with pictures.")
    if stream.width * stream.height > MAX_MEGAPIXELS * 1_000_000:
        raise InputError(
            f"The video {shown(path)} ({stream.width}x{stream.height}) has more than {MAX_MEGAPIXELS} "
            "megapixels a frame; scale it down first."
        )
    return stream


def _undecodable(path: Path) -> InputError:
    return InputError(f"The video {shown(path)} holds no picture that can be decoded; give another file.")


def _frame_rate(stream: VideoStream) -> Fraction:
    average, base = stream.average_rate or stream.guessed_rate, stream.base_rate
    # A file's average counts its last frame differently from file to file; the base rate does not,
    # but is the finest tick of a video of variable rate.
    if average and base and abs(float(base / average) - 1) < 0.02:
        average = base
    if not average or not 0.5 <= average <= 240:
        return Fraction(DEFAULT_FRAME_RATE)
    return Fraction(average)


def _duration_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    own = _own_seconds(stream)
    if own is None and container.duration:  # from the first stream's start to the last one's end
        late = _start_seconds(stream) - (container.start_time or 0) / av.time_base
        return container.duration / av.time_base - late
    return own


def _own_seconds(stream: VideoStream) -> float | None:
    """How long the pictures last; None if the file only knows that of sound and pictures together."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska keeps the end of each stream as text, hours:minutes:seconds.
    end = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", "").strip("\0 "))
    if end is None:
        return None
    hours, minutes, seconds = map(float, end.groups())
    return 3600 * hours + 60 * minutes + seconds - _start_seconds(stream)


def _start_seconds(stream: VideoStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _seconds(frame: VideoFrame) -> float | None:
    return None if frame.pts is None else frame.time


def _seconds_shown(frame: VideoFrame) -> float | None:
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else None


def _square_size(frame: VideoFrame, stream: VideoStream, max_side: int | None) -> tuple[int, int]:
    """Width and height before rotation, with square pixels, scaled down to `max_side`."""
    width, height = float(frame.width), float(frame.height)
    aspect = float(stream.sample_aspect_ratio or 0)
    if 0.25 < aspect < 4:
        width *= aspect
    scale = 1.0 if max_side is None else min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fitting_size(own: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest size of own proportions within another; that one itself if they differ by a pixel."""
    scale = min(size[0] / own[0], size[1] / own[1])
    width, height = max(1, round(own[0] * scale)), max(1, round(own[1] * scale))
    return size if size[0] - width <= 1 and size[1] - height <= 1 else (width, height)


class _Drawer:
    """From decoded frames to RGB of one size."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._ranges: dict[tuple[int, int], StandardRange] = {}

    def __call__(
        self, frame: VideoFrame, own_size: tuple[int, int], size: tuple[int, int]
    ) -> UInt8[np.ndarray, "rows columns 3"]:
        """The frame at a size, with black borders if its own proportions are others."""
        fitting = _fitting_size(own_size, size)
        rgb = self._rgb(frame, fitting)
        if fitting == size:
            return rgb
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        left, top = (size[0] - fitting[0]) // 2, (size[1] - fitting[1]) // 2
        picture[top : top + fitting[1], left : left + fitting[0]] = rgb
        return picture

    def _rgb(self, frame: VideoFrame, size: tuple[int, int]) -> UInt8[np.ndarray, "rows columns 3"]:
        curve = _CURVES.get(frame.color_trc)
        shrinks = size[0] * size[1] < frame.width * frame.height
        scaled = self._reformatter.reformat(
            frame,
            width=size[0],
            height=size[1],
            format="rgb24" if curve is None else "rgb48le",
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
            threads=1,
        )
        if curve is None:
            return scaled.to_ndarray()
        key = (int(frame.color_trc), int(frame.color_primaries))
        if key not in self._ranges:
            self._ranges[key] = StandardRange(curve, frame.color_primaries == ColorPrimaries.BT2020)
        return self._ranges[key](scaled.to_ndarray())


@dataclass(frozen=True)
class _Orientation:
    """How stored pixels become upright ones: transpose, then mirror left to right, then flip upside down."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def upright(self, pixels: UInt8[np.ndarray, "rows columns 3"]) -> UInt8[np.ndarray, "height width 3"]:
        pixels = pixels.transpose(1, 0, 2) if self.transposed else pixels
        pixels = pixels[:, ::-1] if self.mirrored else pixels
        pixels = pixels[::-1] if self.flipped else pixels
        return np.ascontiguousarray(pixels)


def _orientation(frame: VideoFrame) -> _Orientation:
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return _Orientation()
    # 3x3 in fixed point: x' = a x + c y, y' = b x + d y (libavutil/display.h).
    a, b, _, c, d = np.frombuffer(bytes(data), "<i4")[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return _Orientation(True, c < 0, b < 0)
    return _Orientation(False, a < 0, d < 0)
