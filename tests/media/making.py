"""Small videos and sounds, made on the spot, and what is to be heard in them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream


def add_sound(container: OutputContainer, codec: str, sample_rate: int, layout: str = "mono") -> AudioStream:
    stream = container.add_stream(codec, rate=sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = layout
    return stream


def add_pictures(container: OutputContainer, codec: str, rate: int, width: int, height: int) -> VideoStream:
    stream = container.add_stream(codec, rate=rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = width, height
    return stream


def gray_frames(levels: Sequence[int], width: int = 64, height: int = 48) -> list[np.ndarray]:
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def make_video(
    path: Path,
    frames: Sequence[np.ndarray],
    rate: int = 25,
    times: Sequence[float] | None = None,
    sound: np.ndarray | None = None,
    sound_start: float = 0.0,
    sample_rate: int = 16000,
    rotation: int = 0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    aspect: Fraction | None = None,
    ticks: int = 1000,
) -> Path:
    """Write with plain PyAV; `times` in seconds, in `ticks` a second; `sound` mono in [-1, 1]."""
    with av.open(str(path), "w") as container:
        video = add_pictures(container, codec, rate, frames[0].shape[1], frames[0].shape[0])
        video.pix_fmt = pixel_format
        video.codec_context.time_base = Fraction(1, ticks)
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            audio = add_sound(container, "aac" if path.suffix == ".mp4" else "flac", sample_rate)
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            time = index / rate if times is None else times[index]
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None and len(sound):
            samples = (sound * 32000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate, frame.pts = sample_rate, round(sound_start * sample_rate)
            frame.time_base = Fraction(1, sample_rate)
            for piece in av.AudioResampler(audio.codec_context.format, "mono", sample_rate).resample(frame):
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def bursts(times: Sequence[float], seconds: float, sample_rate: int = 16000) -> np.ndarray:
    """A tone of 1 kHz for 40 ms at each of some times."""
    clock = np.arange(round(seconds * sample_rate)) / sample_rate
    on = sum(((clock >= time) & (clock < time + 0.04)).astype(float) for time in times)
    return 0.8 * np.sin(2 * np.pi * 1000 * clock) * on


def onsets(samples: np.ndarray, sample_rate: int) -> list[float]:
    """When it becomes loud after at least 0.1 s of quiet, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.2) / sample_rate
    return [float(t) for t, before in zip(loud, [-1.0, *loud[:-1]], strict=True) if t - before > 0.1]


def decoded_sound(path: Path) -> tuple[np.ndarray, int]:
    """The sound as a player hears it, from time zero of the file, by plain PyAV."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        mixer = av.AudioResampler("fltp", "mono", stream.codec_context.sample_rate)
        pieces = []
        for frame in container.decode(stream):
            if not pieces:
                pieces.append(np.zeros(max(0, round((frame.time or 0.0) * frame.sample_rate)), np.float32))
            pieces += [mixed.to_ndarray()[0] for mixed in mixer.resample(frame)]
        return np.concatenate(pieces), stream.codec_context.sample_rate
