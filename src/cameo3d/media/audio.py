"""Sound: the samples of a sound file, or of a video in step with its pictures, in a stream."""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float32

from cameo3d.errors import InputError
from cameo3d.media.containers import decoded, first_picture_seconds, moving_picture, open_container
from cameo3d.media.files import check_input, shown
from cameo3d.media.mixing import MonoMixer
from cameo3d.media.sound_tracks import heard_track, track_at, warn_of_more_sound

logger = logging.getLogger(__name__)

_JITTER_SECONDS = 0.03  # time stamps that are off by less are rounding, not a gap
_JUMP_SECONDS = 60.0  # time stamps that jump by more were reset or damaged: no sound is missing
_EARLY_SECONDS = 0.2  # sound that is left out before the first picture; of less nobody is told


@dataclass(frozen=True)
class AudioInfo:
    """What a sound stream holds."""

    sample_rate: int
    """Samples a second."""
    channels: int
    """1 or 2; more are mixed down to 2."""
    stated_seconds: float | None = field(default=None, compare=False)
    """Its length as the file states it, which nothing but progress should rely on."""


def probe_audio(path: Path) -> AudioInfo | None:
    """Look at the sound of a sound file or a video; None if it has none.

    Raises:
        InputError: If the file cannot be opened (see `containers.open_container`).
    """
    number = heard_track(path)
    if number is None:
        return None
    with open_container(path, "sound") as container:
        track = track_at(container, number)
        context, seconds = track.codec_context, None
        if track.duration and track.time_base:
            seconds = float(track.duration * track.time_base)
        elif container.duration:
            seconds = container.duration / av.time_base
        channels = 2 if context.layout.nb_channels > 1 else 1
        return AudioInfo(context.sample_rate or 48000, channels, seconds)


def early_seconds(path: Path) -> float:
    """How much earlier a video's sound begins than its pictures; 0 if it does not, or the file lacks either.

    Raises:
        InputError: If the file cannot be opened.
    """
    number = heard_track(path)
    if number is None:
        return 0.0
    with open_container(path, "sound") as container:
        picture = first_picture_seconds(path) if moving_picture(container) else None
        frame = next(decoded(container, track_at(container, number), []), None)
        if picture is None or frame is None or frame.pts is None:
            return 0.0
        return max(0.0, picture - frame.time)


def read_audio(
    path: Path, sample_rate: int = 16000, early: bool = False
) -> Iterator[Float32[np.ndarray, " samples"]]:
    """Stream the sound of a file as mono, in pieces of any length.

    Of two channels that cancel each other, the louder one is heard (see `mixing.MonoMixer`); of several
    tracks the one that players take (see `sound_tracks.heard_track`).

    Args:
        path: A sound file (WAV, FLAC, MP3, M4A, Ogg, ...) or a video.
        sample_rate: Samples a second to convert to.
        early: Whether sound that a video has before its first picture comes, too. Otherwise the first
            sample belongs to that picture. A later start is filled with silence.

    Yields:
        Samples in [-1, 1].

    Raises:
        InputError: If the file cannot be opened, or has no sound.
    """
    check_input(path, "sound")
    return _read_audio(path, sample_rate, early)


def _read_audio(path: Path, sample_rate: int, early: bool) -> Iterator[Float32[np.ndarray, " samples"]]:
    heard = False
    for block in stream_audio(path, sample_rate, 1, early):
        heard = True
        yield block[0]
    if not heard:
        raise InputError(f"The sound {shown(path)} holds no sound at all; give another file.")


def stream_audio(
    path: Path, sample_rate: int, channels: int, early: bool = False
) -> Generator[Float32[np.ndarray, "channels samples"], None, None]:
    """Stream the sound of a file; see `read_audio`.

    Gaps in the time stamps become silence, so that sound and picture stay together.

    Args:
        path: The file.
        sample_rate: Samples a second to convert to.
        channels: 1 or 2.
        early: Whether sound before a video's first picture comes, too; otherwise sample 0 belongs to it.

    Yields:
        Samples in [-1, 1].

    Raises:
        InputError: If the file cannot be opened, or has no sound stream (an empty one will do).
    """
    resampler = av.AudioResampler(format="fltp", layout=_layout(channels), rate=sample_rate)
    for native_rate, block in _decode(path, channels, early):
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


def _decode(
    path: Path, channels: int, early: bool
) -> Iterator[tuple[int, Float32[np.ndarray, "channels samples"]]]:
    """Pieces of sound at the file's own rate, without gaps, with that rate."""
    number = heard_track(path)
    if number is None:
        raise InputError(f"The sound {shown(path)} has no audio stream; give a file with sound.")
    warn_of_more_sound(path)
    with open_container(path, "sound") as container:
        stream = track_at(container, number)
        start = first_picture_seconds(path) if moving_picture(container) else None
        rate, position, key, mixer, mono = 0, 0, None, None, None
        damage: list[str] = []
        for frame in decoded(container, stream, damage):
            is_first = rate == 0
            if is_first:
                rate = frame.sample_rate
                mono = MonoMixer(rate)
            if key != (frame.format.name, frame.layout.name, frame.sample_rate):
                key = (frame.format.name, frame.layout.name, frame.sample_rate)
                native = _layout(1 if frame.layout.nb_channels == 1 else 2)
                # Left alone, FFmpeg would mix floats down louder than full scale.
                mixer = av.AudioResampler(
                    format="fltp",
                    layout=native if channels == 1 else _layout(channels),
                    rate=rate,
                    options={"rematrix_maxval": "1.0"},
                )
            assert mixer is not None, "the first frame makes a mixer"
            assert mono is not None, "the first frame makes a mixer"

            time = None if frame.pts is None else frame.time
            frame.pts = None
            gap = 0
            if time is not None:
                if start is None or (early and is_first):
                    start = time if start is None else min(start, time)
                gap = round((time - start) * rate) - position
                if abs(gap) > _JUMP_SECONDS * rate:
                    start += gap / rate
                    gap = 0
                if position and abs(gap) <= _JITTER_SECONDS * rate:
                    gap = 0
                if is_first and gap < -_EARLY_SECONDS * rate:
                    logger.warning(
                        "The sound of %s begins %.1f s before its pictures; that much is left out.",
                        shown(path),
                        start - time,
                    )
            for silence in _silence(gap, channels):
                position += silence.shape[1]
                yield rate, silence
            for mixed in mixer.resample(frame):
                block = mixed.to_ndarray()[:, max(0, -gap) :]
                if len(block) > channels:
                    block = mono(block)
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
