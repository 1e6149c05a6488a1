"""How loud a voice is, frame by frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt

from cameo3d.media.audio import read_audio
from cameo3d.values.sound import SAMPLE_RATE

_VOICE_BAND = (200.0, 3500.0)
"""Hertz; below it are hum and steps, above it mostly hiss."""
_WINDOW_SECONDS = 0.08
_FLOOR_DECIBELS = 40.0
"""What is quieter than the loudest frame by more counts as silence."""


def loudness(
    samples: Float[np.ndarray, " samples"], frame_rate: float, frame_count: int
) -> Float[np.ndarray, " frames"]:
    """Loudness of the voice band around the middle of each frame.

    Args:
        samples: Sound at 16 kHz; its first sample belongs to the start of the first frame.
        frame_rate: Frames a second.
        frame_count: How many frames; those after the sound's end are silent.

    Returns:
        Decibels above a floor of 40 dB under the loudest frame, in [0, 40].
    """
    half = round(_WINDOW_SECONDS * SAMPLE_RATE / 2)
    length = round(frame_count / frame_rate * SAMPLE_RATE) + 1
    sound = np.zeros(max(length, 2 * SAMPLE_RATE // 10))
    sound[: min(len(samples), len(sound))] = samples[: len(sound)]
    voice = sosfiltfilt(butter(4, _VOICE_BAND, "bandpass", fs=SAMPLE_RATE, output="sos"), sound)
    energy = np.concatenate(([0.0], np.cumsum(voice**2)))
    middles = ((np.arange(frame_count) + 0.5) / frame_rate * SAMPLE_RATE).round().astype(int)
    starts, ends = (middles - half).clip(0, len(sound)), (middles + half).clip(0, len(sound))
    power = (energy[ends] - energy[starts]) / (2 * half)
    loudest = power.max(initial=0.0)
    if loudest <= 0:
        return np.zeros(frame_count)
    decibels = 10 * np.log10(power.clip(min=loudest * 1e-9) / loudest)
    return (decibels + _FLOOR_DECIBELS).clip(min=0)


def read_loudness(path: Path, frame_rate: float, frame_count: int) -> Float[np.ndarray, " frames"]:
    """Loudness of a file's sound.

    Raises:
        InputError: If the file cannot be opened, or has no sound.
    """
    return loudness(
        _first_samples(read_audio(path, SAMPLE_RATE), frame_count / frame_rate), frame_rate, frame_count
    )


def _first_samples(pieces: Iterable[np.ndarray], seconds: float) -> np.ndarray:
    kept, missing = [np.zeros(0)], round(seconds * SAMPLE_RATE) + 1
    for piece in pieces:
        kept.append(piece[:missing].astype(np.float64))
        missing -= len(kept[-1])
        if missing <= 0:
            break
    return np.concatenate(kept)
