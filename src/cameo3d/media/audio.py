"""Sound: the samples of a sound file, or of a video in step with its pictures, in a stream."""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float32

from cameo3d.errors import InputError
from cameo3d.media.containers import decoded, first_picture_seconds, moving_picture, open_container, sound
from cameo3d.media.files import check_input, shown

logger = logging.getLogger(__name__)

_JITTER_SECONDS = 0.03  # time stamps that are off by less are rounding, not a gap
_JUMP_SECONDS = 60.0  # time stamps that jump by more were reset or damaged: no sound is missing


@dataclass(frozen=True)
class AudioInfo:
    """What a sound stream holds."""

    sample_rate: int
    """Samples a second."""
    channels: int
    """1 or 2; more are mixed down to 2."""


def probe_audio(path: Path) -> AudioInfo | None:
    """Look at the sound of a sound file or a video; None if it has none.

    Raises:
        InputError: If the file cannot be opened (see `containers.open_container`).
    """
    with open_container(path, "sound") as container:
        stream = sound(container)
        if stream is None:
            return None
        context = stream.codec_context
        return AudioInfo(context.sample_rate or 48000, 2 if context.layout.nb_channels > 1 else 1)


def read_audio(path: Path, sample_rate: int = 16000) -> Iterator[Float32[np.ndarray, " samples"]]:
    """Stream the sound of a file as mono, in pieces of any length.

    Args:
        path: A sound file (WAV, FLAC, MP3, M4A, Ogg, ...) or a video. The first sample of a video's
            sound belongs to its first picture: earlier sound is left out, a later start is filled
            with silence.
        sample_rate: Samples a second to convert to.

    Yields:
        Samples in [-1, 1].

    Raises:
        InputError: If the file cannot be opened, or has no sound.
    """
    check_input(path, "sound")
    return _read_audio(path, sample_rate)


def _read_audio(path: Path, sample_rate: int) -> Iterator[Float32[np.ndarray, " samples"]]:
    heard = False
    for block in stream_audio(path, sample_rate, 1):
        heard = True
        yield block[0]
    if not heard:
        raise InputError(f"The sound {shown(path)} holds no sound at all; give another file.")


def stream_audio(
    path: Path, sample_rate: int, channels: int
) -> Generator[Float32[np.ndarray, "channels samples"], None, None]:
    """Stream the sound of a file; sample 0 belongs to the first picture, if the file is a video.

    Gaps in the time stamps become silence, so that sound and picture stay together.

    Args:
        path: The file.
        sample_rate: Samples a second to convert to.
        channels: 1 or 2.

    Yields:
        Samples in [-1, 1].

    Raises:
        InputError: If the file cannot be opened, or has no sound stream (an empty one will do).
    """
    resampler = av.AudioResampler(format="fltp", layout=_layout(channels), rate=sample_rate)
    for native_rate, block in _decode(path, channels):
        for frame in resampler.resample(audio_frame(block, native_rate)):
            yield frame.to_ndarray()
    # A resampler that had nothing to convert passed everything on and cannot be flushed.
    for frame in resampler.resample(None):
        if frame is not None:
            yield frame.to_ndarray()


def audio_frame(block: Float32[np.ndarray, "channels samples"], sample_rate: int) -> av.AudioFrame:
    """Samples in [-1, 1] as PyAV's planar float frame."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", _layout(len(block)))
    frame.sample_rate = sample_rate
    return frame


def _decode(path: Path, channels: int) -> Iterator[tuple[int, Float32[np.ndarray, "channels samples"]]]:
    """Pieces of sound at the file's own rate, without gaps, with that rate."""
    with open_container(path, "sound") as container:
        stream = sound(container)
        if stream is None:
            raise InputError(f"The sound {shown(path)} has no audio stream; give a file with sound.")
        start = first_picture_seconds(path) if moving_picture(container) else None
        rate, position, key, mixer = 0, 0, None, None
        damage: list[str] = []
        for frame in decoded(container, stream, damage):
            if rate == 0:
                rate = frame.sample_rate
            if key != (frame.format.name, frame.layout.name, frame.sample_rate):
                key = (frame.format.name, frame.layout.name, frame.sample_rate)
                # Left alone, FFmpeg would mix floats down louder than full scale.
                mixer = av.AudioResampler(
                    format="fltp", layout=_layout(channels), rate=rate, options={"rematrix_maxval": "1.0"}
                )
            assert mixer is not None, "the first frame makes a mixer"

            time = None if frame.pts is None else frame.time
            frame.pts = None
            gap = 0
            if time is not None:
                start = time if start is None else start
                gap = round((time - start) * rate) - position
                if abs(gap) > _JUMP_SECONDS * rate:
                    start += gap / rate
                    gap = 0
                if position and abs(gap) <= _JITTER_SECONDS * rate:
                    gap = 0
            for silence in _silence(gap, channels):
                position += silence.shape[1]
                yield rate, silence
            for mixed in mixer.resample(frame):
                block = mixed.to_ndarray()[:, max(0, -gap) :]
                if block.shape[1]:
                    position += block.shape[1]
                    yield rate, block
        if damage:
            logger.warning(
                "The sound %s is damaged in %d places; they are left out.", shown(path), len(damage)
            )


def _silence(length: int, channels: int) -> Iterator[Float32[np.ndarray, "channels samples"]]:
    while length > 0:
        piece = min(length, 16384)
        yield np.zeros((channels, piece), np.float32)
        length -= piece


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}[channels]
