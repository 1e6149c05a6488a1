"""What the voice model hears: log-mel bands that tell words apart but not loudness, microphone or pitch.

Every frame depends on one fixed window of samples and, through `Hearing`, on what was heard before it; so a
sound may be cut into chunks anywhere without changing the features.
"""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.signal
import torch
from jaxtyping import Float, Float32
from torch import Tensor

SAMPLE_RATE = 16000
"""Samples a second."""
HOP = 160
"""Samples from one feature frame to the next: 100 frames a second, four to a motion frame at 25 fps."""
WINDOW = 400
"""Samples that a frame sees: frame k of a sound that starts at sample s covers s + 160 k + [0, 400)."""
BANDS = 48
FEATURES_PER_MOTION_FRAME = 4

_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7600.0
_SILENCE = 1e-8
_QUIETEST_PEAK = -9.0  # log power (about -39 dB of full scale) below which nothing is taken for a voice
_PEAK_FALL = 0.0012  # a frame: 10 dB in 20 s
_LEVEL_MEMORY = 0.9  # a frame: loudness is averaged over about 0.1 s
_SPECTRUM_MEMORY = 0.9975  # a frame: the average spectrum of a voice remembers about 4 s of speech
_FIRST_TRUST = 100.0  # frames of speech that the expected spectrum counts as
_VOICED_DEPTH = 3.0  # log power under the peak where a frame counts half as speech
_FLOOR, _CEILING, _SPREAD = -6.0, 5.0, 2.5
_EXPECTED = (
    -0.6,
    -1.2,
    -3.3,
    -4.9,
    -6.0,
    -7.0,
    -7.4,
    -7.4,
)  # log power under the peak, from low to high bands


def power_spectra(samples: Float[Tensor, "*batch samples"]) -> Float[Tensor, "*batch frames bins"]:
    """Power of every bin (31.25 Hz apart) in every frame; a full-scale tone sums to about 0.5.

    Args:
        samples: Sound in [-1, 1], 16000 samples a second.

    Raises:
        ValueError: If there are fewer samples than one window.
    """
    if samples.shape[-1] < WINDOW:
        raise ValueError(f"A frame needs {WINDOW} samples, got {samples.shape[-1]}.")
    window = torch.hann_window(WINDOW, dtype=samples.dtype)
    spectra = torch.fft.rfft(samples.unfold(-1, WINDOW, HOP) * window, _FFT)
    return spectra.abs().square() * (2 / (_FFT * window.square().sum()))


@functools.cache
def mel_bank(stretch: float = 1.0) -> Float[Tensor, "bins bands"]:
    """Triangles that turn power spectra into mel bands, each of sum one.

    Args:
        stretch: Where a band's frequencies lie relative to the usual; 1.1 hears a voice as if its vocal
            tract were 10 % longer.
    """
    mels = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    corners = np.minimum(700 * (10 ** (mels / 2595) - 1) * stretch, SAMPLE_RATE / 2 - 1)
    bins = np.arange(_FFT // 2 + 1)[:, None] * SAMPLE_RATE / _FFT
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rise = (bins - low) / np.maximum(middle - low, 1e-3)
    fall = (high - bins) / np.maximum(high - middle, 1e-3)
    bank = np.maximum(0, np.minimum(rise, fall))
    return torch.from_numpy((bank / np.maximum(bank.sum(0), 1e-3)).astype(np.float32))


def log_mel(samples: Float[Tensor, "*batch samples"]) -> Float[Tensor, "*batch frames bands"]:
    """Natural logarithm of the power in every mel band, before any normalisation."""
    return log_bands(power_spectra(samples), mel_bank())


def log_bands(
    power: Float[Tensor, "*batch frames bins"], bank: Float[Tensor, "bins bands"]
) -> Float[Tensor, "*batch frames bands"]:
    """Natural logarithm of power spectra seen through a bank of bands; digital silence is about -18."""
    return torch.log(power @ bank * (_FFT / 2) + _SILENCE)


@dataclass(frozen=True)
class Hearing:
    """What the ear remembers between chunks: how loud the voice is, and its average spectrum."""

    level: float
    """Log power, averaged over about 0.1 s."""
    peak: float
    """The loudest level so far, slowly falling."""
    spectrum_sum: Float32[np.ndarray, " bands"]
    """Sum of the spectra of speech under the peak, fading."""
    trust: float
    """How many frames of speech that sum holds."""


def fresh_hearing() -> Hearing:
    """The memory before the first sound: an average voice, of no loudness yet."""
    places = np.linspace(0, len(_EXPECTED) - 1, BANDS)
    expected = np.interp(places, np.arange(len(_EXPECTED)), _EXPECTED).astype(np.float32)
    return Hearing(_QUIETEST_PEAK - 5, _QUIETEST_PEAK, expected * np.float32(_FIRST_TRUST), _FIRST_TRUST)


def hear(
    bands: Float[Tensor, "frames bands"], memory: Hearing
) -> tuple[Float[Tensor, "frames bands"], Hearing]:
    """Take loudness and the voice's average spectrum out of log-mel bands, each frame by what came before it.

    Args:
        bands: From `log_mel`, at least one frame.
        memory: From `fresh_hearing` or the chunk before.

    Returns:
        Features in [-2.4, 2], about 0 in the middle of speech, and the memory for the next chunk.
    """
    logs = bands.numpy().astype(np.float64)
    levels = np.log(np.exp(logs).mean(1))
    levels, level_end = _fade(levels, _LEVEL_MEMORY, 1 - _LEVEL_MEMORY, memory.level)
    falling = _PEAK_FALL * np.arange(1, len(logs) + 1)
    peaks = np.maximum(np.maximum.accumulate(levels + falling), memory.peak) - falling
    peaks = np.maximum(peaks, _QUIETEST_PEAK)

    relative = np.maximum(logs - peaks[:, None], -12.0)
    speech = 1 / (1 + np.exp(-2 * (levels - peaks + _VOICED_DEPTH)))
    trusts, trust_end = _fade(speech, _SPECTRUM_MEMORY, 1.0, memory.trust)
    sums, sums_end = _fade(relative * speech[:, None], _SPECTRUM_MEMORY, 1.0, memory.spectrum_sum)
    features = (relative - sums / np.maximum(trusts, 1e-3)[:, None]).clip(_FLOOR, _CEILING) / _SPREAD
    after = Hearing(level_end.item(), float(peaks[-1]), sums_end.astype(np.float32), trust_end.item())
    return torch.from_numpy(features.astype(np.float32)), after


def _fade(
    values: np.ndarray, memory: float, share: float, before: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The recursion y = memory y + share x along the first axis, and its last value."""
    state = np.asarray(before, np.float64)[None] * memory
    faded, _ = scipy.signal.lfilter([share], [1, -memory], values, axis=0, zi=state)
    return faded, np.asarray(faded[-1])


def _mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))
