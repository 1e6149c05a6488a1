"""Live pictures and sound as bytes: H.264 frame by frame for WebCodecs, or fragmented MP4 with Opus."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Float32, UInt8

from cameo3d.live.voice_line import SOUND_RATE
from cameo3d.media.audio import audio_frame
from cameo3d.media.tags import AI_TAG
from cameo3d.media.writing import video_tags
from cameo3d.models.voice.contract import FRAME_RATE

CODEC = "avc1.42c01f"
"""What `PictureEncoder` writes, as browsers name it: constrained baseline, level 3.1."""
_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20", "profile": "baseline"}
_KEY_EVERY = 250
_RATE = Fraction(FRAME_RATE).limit_denominator()


class PictureEncoder:
    """One stream of H.264: each picture is one access unit in Annex B, and can be decoded at once.

    Args:
        width: Pixels, even.
        height: Pixels, even.
    """

    def __init__(self, width: int, height: int) -> None:
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext), "x264 encodes pictures"
        self._context = context
        self._reformatter = VideoReformatter()
        _set_up(context, width, height)
        context.options = _OPTIONS
        self._key = True

    def ask_key(self) -> None:
        """Make the next picture one that can be decoded by itself."""
        self._key = True

    def encode(self, rgb: UInt8[np.ndarray, "height width 3"], index: int) -> tuple[bytes, bool]:
        """Encode a picture.

        Args:
            rgb: The picture.
            index: Its number; numbers only grow, and may leave some out.

        Returns:
            Its bytes, and whether it can be decoded by itself.
        """
        frame = _yuv(self._reformatter, rgb, index)
        if self._key:
            frame.pict_type = PictureType.I
            self._key = False
        packets = self._context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


class FragmentedMp4:
    """Pictures and sound in one fragmented MP4, for browsers without WebCodecs.

    Args:
        width: Pixels, even.
        height: Pixels, even.
    """

    TYPE = f'video/mp4; codecs="{CODEC}, opus"'

    def __init__(self, width: int, height: int) -> None:
        self._pipe = _Pipe()
        options = {"movflags": "empty_moov+default_base_moof+frag_every_frame", "flush_packets": "1"}
        self._container = av.open(self._pipe, "w", format="mp4", container_options=options)
        self._container.metadata.update(video_tags(AI_TAG))
        video = self._container.add_stream("libx264", rate=_RATE, options=_OPTIONS)
        sound = self._container.add_stream("libopus", rate=SOUND_RATE, options={"frame_duration": "20"})
        assert isinstance(video, VideoStream), "x264 encodes pictures"
        assert isinstance(sound, AudioStream), "Opus encodes sound"
        sound.codec_context.layout = "mono"
        sound.codec_context.bit_rate = 48_000
        _set_up(video.codec_context, width, height)
        self._video, self._sound = video, sound
        self._reformatter = VideoReformatter()
        self._samples = 0

    def encode_sound(self, samples: Float32[np.ndarray, " samples"]) -> Iterator[bytes]:
        """The next sound."""
        frame = audio_frame(samples[None], SOUND_RATE)
        frame.pts, frame.time_base = self._samples, Fraction(1, SOUND_RATE)
        self._samples += len(samples)
        self._container.mux(self._sound.encode(frame))
        yield from self._pipe.take()

    def encode(self, rgb: UInt8[np.ndarray, "height width 3"], index: int) -> Iterator[bytes]:
        """The next picture; its number may leave some out."""
        self._container.mux(self._video.encode(_yuv(self._reformatter, rgb, index)))
        yield from self._pipe.take()


class _Pipe:
    """A file that is read while it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        if self._parts:
            yield b"".join(self._parts)
            self._parts.clear()


def _set_up(context: VideoCodecContext, width: int, height: int) -> None:
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = 1 / _RATE, _RATE
    context.gop_size = _KEY_EVERY
    context.thread_count = 1
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def _yuv(reformatter: VideoReformatter, rgb: np.ndarray, index: int) -> VideoFrame:
    frame = reformatter.reformat(
        VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    frame.pts, frame.time_base = index, 1 / _RATE
    return frame
