"""What the voice model hears: log-mel bands that tell words apart but not loudness, microphone or pitch.

Every frame depends on one fixed window of samples and, through `Hearing`, on what was heard before it; so a
sound may be cut into chunks anywhere without changing the features.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from cameo3d.values.sound import SAMPLE_RATE

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
_FADED_AT_ONCE = 64  # frames
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
    window = torch.hann_window(WINDOW, dtype=samples.dtype, device=samples.device)
    spectra = torch.fft.rfft(samples.unfold(-1, WINDOW, HOP) * window, _FFT)
    return spectra.abs().square() * (2 / (_FFT * window.square().sum()))


@functools.cache
def mel_bank() -> Float[Tensor, "bins bands"]:
    """Triangles that turn power spectra into mel bands, each of sum one."""
    return triangles(torch.from_numpy(band_corners()))


def band_corners() -> Float32[np.ndarray, " corners"]:
    """Where the bands begin, have their middle and end, in hertz: band i has corners i to i + 2."""
    mels = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    return (700 * (10 ** (mels / 2595) - 1)).astype(np.float32)


def triangles(corners: Float[Tensor, "*batch corners"]) -> Float[Tensor, "*batch bins bands"]:
    """Banks of triangular bands of sum one between these corners in hertz."""
    corners = corners.clamp(max=SAMPLE_RATE / 2 - 1)[..., None, :]
    bins = torch.arange(_FFT // 2 + 1, device=corners.device)[:, None] * (SAMPLE_RATE / _FFT)
    low, middle, high = corners[..., :-2], corners[..., 1:-1], corners[..., 2:]
    rise = (bins - low) / (middle - low).clamp(min=1e-3)
    fall = (high - bins) / (high - middle).clamp(min=1e-3)
    bank = torch.minimum(rise, fall).clamp(min=0)
    return bank / bank.sum(-2, keepdim=True).clamp(min=1e-3)


def log_mel(samples: Float[Tensor, "*batch samples"]) -> Float[Tensor, "*batch frames bands"]:
    """Natural logarithm of the power in every mel band, before any normalisation."""
    return log_bands(power_spectra(samples), mel_bank())


def log_bands(
    power: Float[Tensor, "*batch frames bins"], bank: Float[Tensor, "*#batch bins bands"]
) -> Float[Tensor, "*batch frames bands"]:
    """Natural logarithm of power spectra seen through a bank of bands; digital silence is about -18."""
    return torch.log(power @ bank * (_FFT / 2) + _SILENCE)


@dataclass(frozen=True)
class Hearing:
    """What the ear remembers between chunks: how loud the voice is, and its average spectrum."""

    level: Float64[Tensor, "*batch 1"]
    """Log power, averaged over about 0.1 s."""
    peak: Float64[Tensor, "*batch 1"]
    """The loudest level so far, slowly falling."""
    spectrum_sum: Float64[Tensor, "*batch bands"]
    """Sum of the spectra of speech under the peak, fading."""
    trust: Float64[Tensor, "*batch 1"]
    """How many frames of speech that sum holds."""


def fresh_hearing() -> Hearing:
    """The memory before the first sound: an average voice, of no loudness yet."""
    places = np.linspace(0, len(_EXPECTED) - 1, BANDS)
    expected = torch.from_numpy(np.interp(places, np.arange(len(_EXPECTED)), _EXPECTED))
    level, peak, trust = (
        torch.tensor([value], dtype=torch.float64)
        for value in (_QUIETEST_PEAK - 5, _QUIETEST_PEAK, _FIRST_TRUST)
    )
    return Hearing(level, peak, expected * _FIRST_TRUST, trust)


def hear(
    bands: Float[Tensor, "*batch frames bands"], memory: Hearing
) -> tuple[Float[Tensor, "*batch frames bands"], Hearing]:
    """Take loudness and the voice's average spectrum out of log-mel bands, each frame by what came before it.

    Args:
        bands: From `log_mel`, at least one frame.
        memory: From `fresh_hearing` or the chunk before; its batch must broadcast to that of the bands.

    Returns:
        Features in [-2.4, 2], about 0 in the middle of speech, and the memory for the next chunk.
    """
    logs = bands.double()
    levels = logs.logsumexp(-1, keepdim=True) - math.log(BANDS)
    levels = faded((1 - _LEVEL_MEMORY) * levels, _LEVEL_MEMORY, memory.level.to(logs))
    falling = _PEAK_FALL * torch.arange(1, logs.shape[-2] + 1, device=logs.device)[:, None]
    peaks = torch.maximum((levels + falling).cummax(-2).values, memory.peak.to(logs)[..., None, :]) - falling
    peaks = peaks.clamp(min=_QUIETEST_PEAK)

    relative = (logs - peaks).clamp(min=-12.0)
    speech = (2 * (levels - peaks + _VOICED_DEPTH)).sigmoid()
    trusts = faded(speech, _SPECTRUM_MEMORY, memory.trust.to(logs))
    sums = faded(relative * speech, _SPECTRUM_MEMORY, memory.spectrum_sum.to(logs))
    features = (relative - sums / trusts.clamp(min=1e-3)).clamp(_FLOOR, _CEILING) / _SPREAD
    ends = (part[..., -1, :] for part in (levels, peaks, sums, trusts))
    return features.float(), Hearing(*ends)


def faded(
    values: Float[Tensor, "*batch frames channels"],
    memory: float | Float[Tensor, "*batch 1 1"],
    before: Float[Tensor, "*#batch channels"],
) -> Float[Tensor, "*batch frames channels"]:
    """The recursion y = memory y + x over the frames.

    Args:
        values: The x.
        memory: How much of y stays from frame to frame, in [0, 1).
        before: The y before the first frame.
    """
    steps = torch.arange(_FADED_AT_ONCE, dtype=values.dtype, device=values.device)
    memory = torch.as_tensor(memory, dtype=values.dtype, device=values.device)
    # Blocks of frames as products with the powers of the memory, so that batches are quick on any device.
    powers = (memory ** (steps[:, None] - steps).clamp(min=0)).tril()
    blocks, state = [], before[..., None, :]
    for block in values.split(_FADED_AT_ONCE, -2):
        count = block.shape[-2]
        here = powers[..., :count, :count] @ block + memory ** (steps[:count, None] + 1) * state
        blocks.append(here)
        state = here[..., -1:, :]
    return torch.cat(blocks, -2)


def _mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))
