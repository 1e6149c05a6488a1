"""Video out: frames and sound into one file, or frames into a folder, complete or not at all."""

from collections.abc import Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
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
from jaxtyping import Float32, UInt8

from cameo3d.errors import InputError, OutputError
from cameo3d.media.audio import AudioInfo, audio_frame, probe_audio, stream_audio
from cameo3d.media.files import check_output, check_output_folder, replacing, replacing_folder, shown
from cameo3d.media.images import encode_image
from cameo3d.media.tags import AI_TAG, video_tags

Codec = Literal["h264", "vp9", "prores4444", "vp9-alpha"]


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
_NVENC = {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": "19", "b": "0"}
_ENCODINGS: dict[str, _Encoding] = {
    "h264": _Encoding(
        "libx264", "yuv420p", (".mp4", ".mov", ".mkv"), "aac", {"crf": "17", "preset": "veryfast"}
    ),
    "h264 by nvenc": _Encoding("h264_nvenc", "yuv420p", (".mp4", ".mov", ".mkv"), "aac", _NVENC),
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
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        frame_rate: float | int | Fraction,
        audio: Path | None = None,
        codec: Codec = "h264",
        overwrite: bool = False,
        tag: str = AI_TAG,
        early_audio: bool = False,
        encoder: Literal["x264", "nvenc"] = "x264",
    ) -> None:
        """Check everything that can be checked before the first frame is made.

        Args:
            path: The name; its suffix must suit the codec (see `codec_for`).
            size: Width and height of the frames in pixels. An odd side grows by one pixel, which
                repeats the last one, since these codecs store colour for pairs of pixels.
            frame_rate: Frames a second.
            audio: A sound file, or a video whose sound starts with its first picture. It is encoded
                again, mono or stereo, at its own sample rate (48 kHz if the encoder does not know
                that rate), and cut, or filled with silence, to the length of the frames.
            codec: H.264 and VP9 take RGB frames; ProRes 4444 and "vp9-alpha" take RGB with alpha,
                not premultiplied.
            overwrite: Whether a file of that name may be replaced.
            tag: The text of the AI tag.
            early_audio: Whether sound that a video has before its first picture is taken, too.
            encoder: What writes H.264; see `choose_encoder`.

        Raises:
            InputError: If the sound cannot be read.
            OutputError: If the file cannot be written there, or the suffix does not suit the codec.
        """
        self._encoding = _ENCODINGS["h264 by nvenc" if (codec, encoder) == ("h264", "nvenc") else codec]
        if path.suffix.lower() not in self._encoding.suffixes:
            suffixes = " or ".join(self._encoding.suffixes)
            raise OutputError(f"The output {shown(path)} should end in {suffixes} for {codec} video.")
        self.path = check_output(path, overwrite)
        self.size = size
        self.frame_rate = Fraction(frame_rate).limit_denominator(1001)
        self.frame_count = 0
        self._tag = tag
        self._audio, self._early_audio = audio, early_audio
        self._audio_info = None if audio is None else probe_audio(audio)
        if audio is not None and self._audio_info is None:
            raise InputError(f"The sound {shown(audio)} has no audio stream; give a file with sound.")
        self._track: _SoundTrack | None = None
        self._reformatter = VideoReformatter()
        self._cleanup = ExitStack()

    def __enter__(self) -> "VideoWriter":
        """Open the file under a temporary name."""
        with ExitStack() as stack:
            temporary = stack.enter_context(replacing(self.path))
            self._container = av.open(str(temporary), "w", container_options={"movflags": "+faststart"})
            stack.callback(self._abandon)
            self._container.metadata.update(video_tags(self._tag))
            self._video = _add_video(self._container, self._encoding, self.size, self.frame_rate)
            if self._audio is not None and self._audio_info is not None:
                rate = _writable_rate(self._encoding.audio_encoder, self._audio_info)
                blocks = stream_audio(self._audio, rate, self._audio_info.channels, self._early_audio)
                self._track = _SoundTrack(
                    self._container, self._encoding.audio_encoder, rate, self._audio_info.channels, blocks
                )
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
        if width % 2 or height % 2:
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
        self._container.mux(self._video.encode(picture))
        self.frame_count += 1
        if self._track is not None:
            self._container.mux(self._track.encode_until(self.frame_count / self.frame_rate))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file and give it its name; after a failure, delete it."""
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


def _add_video(
    container: OutputContainer, encoding: _Encoding, size: tuple[int, int], frame_rate: Fraction
) -> VideoStream:
    stream = container.add_stream(encoding.encoder, rate=frame_rate, options=encoding.options)
    assert isinstance(stream, VideoStream), "every encoder of the table is one for pictures"
    width, height = size
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = encoding.pixel_format
    context = stream.codec_context
    context.time_base = 1 / frame_rate
    context.thread_type = "AUTO"
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _writable_rate(encoder: str, info: AudioInfo) -> int:
    return info.sample_rate if info.sample_rate in _SAMPLE_RATES[encoder] else 48000


class _SoundTrack:
    """One sound stream of a video that is being written, decoded as far as the pictures have come."""

    def __init__(
        self,
        container: OutputContainer,
        encoder: str,
        rate: int,
        channels: int,
        blocks: Generator[Float32[np.ndarray, "channels samples"], None, None],
    ) -> None:
        self._rate, self._blocks = rate, blocks
        stream = container.add_stream(encoder, rate=self._rate)
        assert isinstance(stream, AudioStream), "every encoder of the table is one for sound"
        stream.codec_context.layout = "stereo" if channels == 2 else "mono"
        stream.codec_context.bit_rate = min(128_000, 6 * self._rate * channels)  # AAC's own limit
        self._stream = stream
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

    def _encode(self, block: Float32[np.ndarray, "channels samples"]) -> list[av.Packet]:
        frame = audio_frame(block, self._rate)
        frame.pts, frame.time_base = self._position, Fraction(1, self._rate)
        self._position += block.shape[1]
        return self._stream.encode(frame)


class FrameFolderWriter:
    """Writes frames as frame_000000.png and so on, with `VideoWriter`'s interface."""

    _PATTERN = "frame_*.png"

    def __init__(self, folder: Path, overwrite: bool = False, tag: str = AI_TAG) -> None:
        """Check everything that can be checked before the first frame is made.

        Args:
            folder: The folder; it appears when the block ends, complete.
            overwrite: Whether a folder of that name may be replaced, if it holds such frames only.
            tag: The text of the AI tag.

        Raises:
            OutputError: If the folder cannot be made there.
        """
        self.path = check_output_folder(folder, overwrite, self._PATTERN)
        self.frame_count = 0
        self._tag = tag
        self._cleanup = ExitStack()

    def __enter__(self) -> "FrameFolderWriter":
        """Make the folder under a temporary name."""
        self._temporary = self._cleanup.enter_context(replacing_folder(self.path))
        return self

    def write(self, frame: UInt8[np.ndarray, "height width channels"]) -> None:
        """Append a frame: RGB bytes, or RGB with alpha that is not premultiplied."""
        data = encode_image(frame, ".png", fast=True, tag=self._tag)
        (self._temporary / f"frame_{self.frame_count:06d}.png").write_bytes(data)
        self.frame_count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the folder its name; after a failure, delete it."""
        if error is None:
            with self._cleanup:
                if self.frame_count == 0:
                    raise _no_frames(self.path)
        else:
            self._cleanup.__exit__(kind, error, trace)


def _no_frames(path: Path) -> OutputError:
    return OutputError(f"The output {shown(path)} was not written: there was no frame to write.")
