"""Video: frames in, one after the other at a constant rate, and frames with sound out."""

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import av.error
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream
from jaxtyping import UInt8

from cameo3d.errors import InputError, OutputError
from cameo3d.media.audio import audio_frame, probe_audio, stream_audio
from cameo3d.media.containers import decoded, first_picture, moving_picture, open_container
from cameo3d.media.files import (
    check_input,
    check_output,
    check_output_folder,
    replacing,
    replacing_folder,
    shown,
)
from cameo3d.media.images import MAX_MEGAPIXELS, encode_image
from cameo3d.media.provenance import video_tags

logger = logging.getLogger(__name__)

DEFAULT_FRAME_RATE = 25
"""Frames a second of a file that does not say."""
Codec = Literal["h264", "vp9", "prores4444", "vp9-alpha"]


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
        width, height = _square_size(frame, stream.sample_aspect_ratio, None)
        if _orientation(frame).transposed:
            width, height = height, width
        rate, seconds = _frame_rate(stream), _duration_seconds(stream)
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=rate,
            frame_count=None if seconds is None else max(1, round(seconds * rate)),
            duration_seconds=seconds,
            has_audio=bool(container.streams.audio),
            start_seconds=_seconds(frame) or 0.0,
        )


def read_frames(
    path: Path, frame_rate: float | int | Fraction | None = None, max_side: int | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Stream a video's frames, upright and at a constant rate.

    Output frame `i` is the picture that is shown at the time `i / frame_rate` after the first one,
    with a quarter of a frame of tolerance for time stamps that are rounded. So a video of constant
    rate comes out frame for frame.

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
        length = _duration_seconds(stream)
        clock = _Clock(rate, float(native_rate), length)
        reformatter = VideoReformatter()
        damage: list[str] = []
        size, orientation, held, written, last = None, None, None, 0, None
        for frame in decoded(container, stream, damage):
            size = size or _square_size(frame, stream.sample_aspect_ratio, max_side)
            orientation = orientation or _orientation(frame)
            slot = clock.slot(_seconds(frame))
            if held is not None:
                for _ in range(slot - written):
                    yield held.copy()
                written = max(written, slot)
            held, last = orientation.upright(_as_rgb(frame, size, reformatter)), frame
        if held is None or last is None:
            raise _undecodable(path)
        for _ in range(clock.slot_count(_seconds_shown(last)) - written):
            yield held.copy()
            written += 1
    if damage or (length is not None and written / rate < length - 0.5):
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
            # Time stamps that leave the file's own length, or run backwards, have been reset.
            limit = self.seconds + 60.0 if self.length_seconds is None else self.length_seconds + 1.0
            if not self.seconds - 1.0 <= seconds - self.start <= max(limit, following):
                self.start = seconds - following
            self.seconds = seconds - self.start
        self.slot_before = max(self.slot_before, math.ceil(self.seconds * self.rate - 0.25))
        return self.slot_before

    def slot_count(self, seconds_shown: float | None) -> int:
        """How many output frames there are in all, if the latest picture is the last."""
        end = self.seconds + 1 / self.native_rate
        if seconds_shown and self.length_seconds is not None:
            end = max(end, min(self.seconds + seconds_shown, self.length_seconds))
        return max(1, round(end * self.rate))


def _picture_stream(container: av.container.InputContainer, path: Path) -> VideoStream:
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
    return average


def _duration_seconds(stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if stream.container.duration:
        return stream.container.duration / av.time_base
    return None


def _seconds(frame: VideoFrame) -> float | None:
    return None if frame.pts is None else float(frame.pts * frame.time_base)


def _seconds_shown(frame: VideoFrame) -> float | None:
    return float(frame.duration * frame.time_base) if frame.duration else None


def _square_size(frame: VideoFrame, aspect: Fraction | None, max_side: int | None) -> tuple[int, int]:
    """Width and height before rotation, with square pixels, scaled down to `max_side`."""
    width, height = float(frame.width), float(frame.height)
    if aspect and 0.25 < aspect < 4:
        width *= float(aspect)
    scale = 1.0 if max_side is None else min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _as_rgb(
    frame: VideoFrame, size: tuple[int, int], reformatter: VideoReformatter
) -> UInt8[np.ndarray, "height width 3"]:
    shrinks = size[0] * size[1] < frame.width * frame.height
    scaled = reformatter.reformat(
        frame,
        width=size[0],
        height=size[1],
        format="rgb24",
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
        threads=1,
    )
    return scaled.to_ndarray()


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
    data = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return _Orientation()
    # 3x3 in fixed point: x' = a x + c y, y' = b x + d y (libavutil/display.h).
    a, b, _, c, d = np.frombuffer(bytes(data), "<i4")[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return _Orientation(True, c < 0, b < 0)
    return _Orientation(False, a < 0, d < 0)


@dataclass(frozen=True)
class _Encoding:
    encoder: str
    pixel_format: str
    suffixes: tuple[str, ...]
    audio_encoder: str
    options: dict[str, str]

    @property
    def channels(self) -> int:
        return 4 if "yuva" in self.pixel_format else 3


_VP9 = {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"}
_ENCODINGS: dict[str, _Encoding] = {
    "h264": _Encoding(
        "libx264", "yuv420p", (".mp4", ".mov", ".mkv"), "aac", {"crf": "17", "preset": "veryfast"}
    ),
    "vp9": _Encoding("libvpx-vp9", "yuv420p", (".webm", ".mkv"), "libopus", _VP9),
    "prores4444": _Encoding(
        "prores_ks",
        "yuva444p10le",
        (".mov",),
        "aac",
        {"profile": "4444", "alpha_bits": "8", "bits_per_mb": "2400", "vendor": "apl0"},
    ),
    "vp9-alpha": _Encoding(
        "libvpx-vp9", "yuva420p", (".webm", ".mkv"), "libopus", {**_VP9, "auto-alt-ref": "0"}
    ),
}
_SAMPLE_RATES = {
    "aac": (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
    "libopus": (48000, 24000, 16000, 12000, 8000),
}


def codec_for(path: Path, transparent: bool) -> Codec:
    """The codec that suits a file name.

    Raises:
        OutputError: If no codec does.
    """
    suffix = path.suffix.lower()
    if transparent:
        if suffix == ".mov":
            return "prores4444"
        if suffix == ".webm":
            return "vp9-alpha"
        raise OutputError(
            f"The output {shown(path)} cannot be transparent; name it .mov, .webm, or give a folder for PNGs."
        )
    if suffix == ".webm":
        return "vp9"
    if suffix in _ENCODINGS["h264"].suffixes:
        return "h264"
    raise OutputError(f"The output {shown(path)} is of no known kind; name it .mp4, .mov, .mkv or .webm.")


class VideoWriter:
    """Writes frames, one after the other, and the sound of another file to a video file.

    A context manager. The file appears under its name when the block ends, complete, with its index
    in front and the AI tag; if the block fails, nothing appears. Memory does not grow with the
    length: sound is decoded as far as the frames have come.

    Args:
        path: The name; its suffix must suit the codec (see `codec_for`).
        size: Width and height of the frames in pixels. An odd side grows by one pixel, which
            repeats the last one, since these codecs store colour for pairs of pixels.
        frame_rate: Frames a second.
        audio: A sound file, or a video whose sound starts with its first picture. It is encoded
            anew, mono or stereo, at its own sample rate (Opus: 48 kHz unless it knows that rate),
            and cut, or filled with silence, to the length of the frames.
        codec: H.264 and VP9 take RGB frames; ProRes 4444 and "vp9-alpha" take RGB with alpha, not
            premultiplied.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        InputError: If the sound cannot be read.
        OutputError: If the file cannot be written there, or the suffix does not suit the codec.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        frame_rate: float | int | Fraction,
        audio: Path | None = None,
        codec: Codec = "h264",
        overwrite: bool = False,
    ) -> None:
        self._encoding = _ENCODINGS[codec]
        if path.suffix.lower() not in self._encoding.suffixes:
            suffixes = " or ".join(self._encoding.suffixes)
            raise OutputError(f"The output {shown(path)} should end in {suffixes} for {codec} video.")
        self.path = check_output(path, overwrite)
        self.size = size
        self.frame_rate = Fraction(frame_rate).limit_denominator(1001)
        self.frame_count = 0
        self._audio = audio
        self._audio_info = None if audio is None else probe_audio(audio)
        if audio is not None and self._audio_info is None:
            raise InputError(f"The sound {shown(audio)} has no audio stream; give a file with sound.")
        self._track: _SoundTrack | None = None
        self._reformatter = VideoReformatter()
        self._cleanup = ExitStack()

    def __enter__(self) -> "VideoWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(replacing(self.path))
            self._container = av.open(str(temporary), "w", container_options={"movflags": "+faststart"})
            stack.callback(self._abandon)
            self._container.metadata.update(video_tags())
            self._add_video()
            self._track = self._add_audio()
            self._cleanup = stack.pop_all()
        return self

    def write(self, frame: UInt8[np.ndarray, "height width channels"]) -> None:
        """Append a frame.

        Args:
            frame: RGB bytes, or RGB with alpha for the codecs that keep it, of the size given.

        Raises:
            ValueError: If the size or the number of channels is another one.
        """
        width, height = self.size
        expected = (height, width, self._encoding.channels)
        if frame.shape != expected:
            raise ValueError(f"The writer expects frames of shape {expected}, got {frame.shape}.")
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        source = VideoFrame.from_ndarray(
            np.ascontiguousarray(frame), "rgba" if self._encoding.channels == 4 else "rgb24"
        )
        picture = self._reformatter.reformat(
            source,
            format=self._encoding.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
            threads=1,
        )
        picture.pts, picture.time_base = self.frame_count, 1 / self.frame_rate
        picture.pict_type = 0
        self._container.mux(self._video.encode(picture))
        self.frame_count += 1
        if self._track is not None:
            self._container.mux(self._track.encode_until(self.frame_count / self.frame_rate))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._cleanup:
                self._finish()
        else:
            self._cleanup.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self.frame_count == 0:
            raise _no_frames(self.path)
        self._container.mux(self._video.encode(None))
        if self._track is not None:
            self._container.mux(self._track.finish())
        self._container.close()

    def _abandon(self) -> None:
        """Close after a failure, whose own error is the one to tell; after success this does nothing."""
        if self._track is not None:
            self._track.close()
        with suppress(av.error.FFmpegError):
            self._container.close()

    def _add_video(self) -> None:
        width, height = self.size
        self._video = self._container.add_stream(
            self._encoding.encoder, rate=self.frame_rate, options=self._encoding.options
        )
        self._video.width, self._video.height = width + width % 2, height + height % 2
        self._video.pix_fmt = self._encoding.pixel_format
        context = self._video.codec_context
        context.time_base = 1 / self.frame_rate
        context.thread_type = "AUTO"
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709

    def _add_audio(self) -> "_SoundTrack | None":
        if self._audio is None or self._audio_info is None:
            return None
        encoder, channels = self._encoding.audio_encoder, self._audio_info.channels
        rates = _SAMPLE_RATES[encoder]
        rate = self._audio_info.sample_rate if self._audio_info.sample_rate in rates else 48000
        stream = self._container.add_stream(encoder, rate=rate)
        stream.codec_context.layout = "stereo" if channels == 2 else "mono"
        stream.codec_context.bit_rate = min(128_000, 6 * rate * channels)  # AAC's own limit
        return _SoundTrack(stream, self._audio, rate, channels)


class _SoundTrack:
    """One sound stream of a video that is being written, decoded as far as the pictures have come."""

    def __init__(self, stream: av.AudioStream, path: Path, sample_rate: int, channels: int) -> None:
        self._stream = stream
        self._rate = sample_rate
        self._blocks = stream_audio(path, sample_rate, channels)
        self._rest = np.zeros((channels, 0), np.float32)
        self._position = 0

    def encode_until(self, seconds: Fraction) -> list[av.Packet]:
        """Encode up to a time after the first picture; what the source lacks is silence."""
        packets = []
        end = round(seconds * self._rate)
        while self._position < end:
            if self._rest.shape[1] == 0:
                self._rest = next(self._blocks, np.zeros((len(self._rest), end - self._position), np.float32))
            block, self._rest = np.split(self._rest, [end - self._position], axis=1)
            if block.shape[1]:
                packets += self._encode(block)
        return packets

    def finish(self) -> list[av.Packet]:
        """What the encoder still holds."""
        return self._stream.encode(None)

    def close(self) -> None:
        """Let go of the source."""
        self._blocks.close()

    def _encode(self, block: np.ndarray) -> list[av.Packet]:
        frame = audio_frame(block, self._rate)
        frame.pts, frame.time_base = self._position, Fraction(1, self._rate)
        self._position += block.shape[1]
        return self._stream.encode(frame)


class FrameFolderWriter:
    """Writes frames as frame_000000.png and so on, with `VideoWriter`'s interface.

    Args:
        folder: The folder; it appears when the block ends, complete.
        overwrite: Whether a folder of that name may be replaced, if it holds such frames only.

    Raises:
        OutputError: If the folder cannot be made there.
    """

    _PATTERN = "frame_*.png"

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.path = check_output_folder(folder, overwrite, self._PATTERN)
        self.frame_count = 0
        self._cleanup = ExitStack()

    def __enter__(self) -> "FrameFolderWriter":
        self._temporary = self._cleanup.enter_context(replacing_folder(self.path))
        return self

    def write(self, frame: UInt8[np.ndarray, "height width channels"]) -> None:
        """Append a frame: RGB bytes, or RGB with alpha that is not premultiplied."""
        data = encode_image(frame, ".png", fast=True)
        (self._temporary / f"frame_{self.frame_count:06d}.png").write_bytes(data)
        self.frame_count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._cleanup:
                if self.frame_count == 0:
                    raise _no_frames(self.path)
        else:
            self._cleanup.__exit__(kind, error, trace)


def _no_frames(path: Path) -> OutputError:
    return OutputError(f"The output {shown(path)} was not written: there was no frame to write.")
