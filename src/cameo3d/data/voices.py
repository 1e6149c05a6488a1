"""One voice as many: other vocal tracts, microphones, rooms, noises and loudness, in the power spectra."""

import functools

import numpy as np
import scipy.signal
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.models.voice.lite.sound import (
    BANDS,
    fresh_hearing,
    hear,
    log_bands,
    mel_bank,
)

STRETCHES = tuple(float(round(0.84 + 0.025 * step, 3)) for step in range(15))
"""Lengths of vocal tracts relative to the usual, over which other voices are spread."""
_CURVE_KNOTS = 6
_SILENT = -2.4


def plain_features(power: Float[Tensor, "frames bins"]) -> Float[Tensor, "frames bands"]:
    """Features of a sound as it is."""
    return hear(log_bands(power, mel_bank()), fresh_hearing())[0]


def changed_features(
    power: Float[Tensor, "frames bins"],
    babble: Float[Tensor, "frames bins"] | None,
    stretch: float,
    generator: np.random.Generator,
) -> Float[Tensor, "frames bands"]:
    """Features of a sound as if another person had spoken it elsewhere.

    Args:
        power: From `sound.power_spectra`.
        babble: Other people's speech to be heard behind it now and then.
        stretch: One of `STRETCHES`, the length of that person's vocal tract.
        generator: Chooses everything else.
    """
    if generator.random() < 0.4:
        power = _in_a_room(power, generator)
    loudness = float(power.mean())
    noise = torch.zeros_like(power[:1])
    if generator.random() < 0.6:
        colour = np.exp(_curve(1.5, power.shape[1], generator))
        noise = noise + torch.from_numpy(colour).float() * loudness * float(
            np.exp(-generator.uniform(2.5, 9))
        )
    if babble is not None and generator.random() < 0.15:
        share = loudness / max(float(babble.mean()), 1e-9) * float(np.exp(-generator.uniform(2.5, 6)))
        noise = noise + babble * share
    gain = float(np.exp(generator.uniform(-4, 2)))
    bands = log_bands(power * gain + noise * gain, _bank(stretch))
    bands = (
        bands + torch.from_numpy(_curve(float(generator.choice((0.0, 1.5, 2.5))), BANDS, generator)).float()
    )

    memory = fresh_hearing()
    if generator.random() < 0.5:
        memory = hear(bands, memory)[1]  # as if the voice had been known for a while
    features = hear(bands, memory)[0]
    if generator.random() < 0.2:
        features[:, generator.integers(30, BANDS) :] = _SILENT
    if generator.random() < 0.3:
        first = generator.integers(0, 40)
        features[:, first : first + generator.integers(1, 7)] = 0
    return features


def _in_a_room(power: Float[Tensor, "frames bins"], generator: np.random.Generator) -> Tensor:
    """Some of the sound dies away within 0.03 to 0.25 s."""
    fading = float(np.exp(-1 / generator.uniform(3, 25)))
    echoes = np.asarray(scipy.signal.lfilter([1 - fading], [1, -fading], power.numpy(), axis=0), np.float32)
    share = float(generator.uniform(0.02, 0.3))
    return power * (1 - share) + share * torch.from_numpy(echoes)


def _curve(spread: float, count: int, generator: np.random.Generator) -> np.ndarray:
    knots = generator.normal(0, spread, _CURVE_KNOTS) if spread else np.zeros(_CURVE_KNOTS)
    return np.interp(np.linspace(0, _CURVE_KNOTS - 1, count), np.arange(_CURVE_KNOTS), knots)


@functools.cache
def _bank(stretch: float) -> Float[Tensor, "bins bands"]:
    return mel_bank(stretch)
