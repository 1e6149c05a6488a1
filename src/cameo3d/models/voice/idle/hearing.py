"""What an ear notices of a sound, 25 times a second: loudness, pitch and spectrum."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32

from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.values.sound import SAMPLE_RATE

HOP = round(SAMPLE_RATE / FRAME_RATE)
"""Samples between frames; frame `i` hears what lies around sample `i * HOP`."""
REACH = 512
"""Samples that a frame hears before and after its middle."""
QUIETEST = -90.0
"""Decibels against full scale that stand for digital silence."""
_BANDS_HERTZ = (60, 250, 500, 900, 1400, 2100, 3100, 4700, 7600)
_PITCH_HERTZ = (65, 450)
_VOICED_HERTZ = 2000
_SIZE = 4 * REACH
_WINDOW = np.hanning(2 * REACH + 2)[1:-1].astype(np.float32)


@dataclass(frozen=True)
class Heard:
    """Frame by frame."""

    level: Float32[np.ndarray, " frames"]
    """Loudness in decibels against full scale."""
    periodicity: Float32[np.ndarray, " frames"]
    """How well the sound repeats itself after one period of its pitch, from 0 (noise) to 1."""
    pitch: Float32[np.ndarray, " frames"]
    """Octaves above 100 Hz; without periodicity it means nothing."""
    bands: Float32[np.ndarray, "frames 8"]
    """Loudness of each band, low to high, in decibels against full scale."""

    def __len__(self) -> int:
        return len(self.level)


class SoundMeter:
    """Hears samples that come in pieces; how they are cut does not change what it hears."""

    def __init__(self) -> None:
        self._rest = np.zeros(REACH, np.float32)  # the first frame's middle is the first sample
        self._samples, self._frames = 0, 0

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Heard:
        """Hear on, and tell those frames whose sound is complete."""
        sound = np.concatenate((self._rest, samples))
        count = max(0, (len(sound) - 2 * REACH) // HOP + 1)
        self._rest = sound[count * HOP :]
        self._samples += len(samples)
        self._frames += count
        starts = np.arange(count)[:, None] * HOP
        return hear(sound[starts + np.arange(2 * REACH)])

    def finish(self) -> Heard:
        """The sound has ended: tell the frames that are left, one for every hop that has begun."""
        missing = -(-self._samples // HOP) - self._frames
        if missing <= 0:
            return hear(np.zeros((0, 2 * REACH), np.float32))
        end = (missing - 1) * HOP + 2 * REACH
        return self.push(np.zeros(max(0, end - len(self._rest)), np.float32))


def hear(windows: Float32[np.ndarray, "frames samples"]) -> Heard:
    """What single windows of `2 * REACH` samples tell.

    The pitch is the highest peak of the autocorrelation divided by the window's own (Boersma 1993, "Accurate
    short-term analysis of the fundamental frequency"), shorter periods preferred a little.
    """
    count = len(windows)
    power = np.abs(np.fft.rfft(windows * _WINDOW, _SIZE, axis=1)) ** 2
    hertz = np.arange(power.shape[1]) * SAMPLE_RATE / _SIZE
    edges = np.searchsorted(hertz, _BANDS_HERTZ)
    full_scale = _SIZE * float((_WINDOW**2).sum()) / 2
    bands = np.stack([power[:, a:b].sum(1) for a, b in pairwise(edges)], 1) / full_scale

    first, last = SAMPLE_RATE // _PITCH_HERTZ[1], SAMPLE_RATE // _PITCH_HERTZ[0]
    lags = np.arange(first, last + 1)
    heard = (hertz > _BANDS_HERTZ[0]) & (hertz < _VOICED_HERTZ)
    correlation = np.fft.irfft(power * heard, axis=1)
    own = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _SIZE)) ** 2)
    likeness = correlation[:, lags] / np.maximum(correlation[:, :1], 1e-9) * (own[0] / own[lags])
    best = (likeness - 0.04 * np.log2(lags / first)).argmax(1)
    level = _decibels(bands.sum(1))
    return Heard(
        level,
        np.where(level > QUIETEST, likeness[np.arange(count), best].clip(0, 1), 0).astype(np.float32),
        np.log2(SAMPLE_RATE / 100 / lags[best]).astype(np.float32),
        _decibels(bands),
    )


def _decibels(power: np.ndarray) -> Float32[np.ndarray, "..."]:
    return (10 * np.log10(np.maximum(power, 10 ** (QUIETEST / 10)))).astype(np.float32)
