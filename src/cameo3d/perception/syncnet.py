"""SyncNet: how well lips go with a voice (Chung and Zisserman, 2016), as in the authors' release."""

import functools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy.fft import dct
from torch import Tensor, nn

from cameo3d.values.sound import SAMPLE_RATE
from cameo3d.weights.conversion.evaluation import read_syncnet

FRAME_RATE = 25.0
WINDOW_FRAMES = 5
SIDE = 224
MOST_SHIFT = 15
"""Largest delay that is tried, in frames."""
_WINDOW_SOUNDS, _SOUNDS_PER_FRAME = 20, 4
"""Steps of the cepstrum, 10 ms each, in one window and in one frame."""
_LENGTH, _HOP, _FFT = 400, 160, 512
_FILTERS, _CEPSTRA, _LIFTER = 26, 13, 22


class SyncNet(nn.Module):
    """Two networks that place 0.2 s of lips and 0.2 s of sound in one space."""

    def __init__(self):
        super().__init__()
        self.hear = nn.Sequential(
            *(*_unit(1, 64), nn.Identity()),
            *(*_unit(64, 192), nn.MaxPool2d(3, (1, 2))),
            *_unit(192, 384),
            *_unit(384, 256),
            *(*_unit(256, 256), nn.MaxPool2d(3, 2)),
            *_unit(256, 512, (5, 4), padding=0),
        )
        self.look = nn.Sequential(
            *(*_moving(3, 96, (5, 7, 7), 2, 0), nn.MaxPool3d((1, 3, 3), (1, 2, 2))),
            *(*_moving(96, 256, (1, 5, 5), 2, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))),
            *_moving(256, 256, (1, 3, 3), 1, 1),
            *_moving(256, 256, (1, 3, 3), 1, 1),
            *(*_moving(256, 256, (1, 3, 3), 1, 1), nn.MaxPool3d((1, 3, 3), (1, 2, 2))),
            *_moving(256, 512, (1, 6, 6), 1, 0),
        )
        self.place_sound, self.place_lips = _head(), _head()

    def lips(self, frames: Float[Tensor, "batch 3 5 224 224"]) -> Float[Tensor, "batch 1024"]:
        """Place five frames: blue, green and red in [0, 255]."""
        return self.place_lips(self.look(frames).flatten(1))

    def sound(self, cepstra: Float[Tensor, "batch 1 13 20"]) -> Float[Tensor, "batch 1024"]:
        """Place twenty steps of the cepstrum."""
        return self.place_sound(self.hear(cepstra).flatten(1))


@functools.cache
def load_syncnet(path: Path) -> SyncNet:
    """The network with the weights of `syncnet_v2.model`.

    Raises:
        WeightsError: If the file cannot be opened or has another layout.
    """
    network = SyncNet()
    network.load_state_dict(read_syncnet(path, network.state_dict()))
    return network.eval().requires_grad_(False)


def place_lips(network: SyncNet, frames: UInt8[np.ndarray, "5 224 224 3"]) -> Float32[np.ndarray, "1024"]:
    """Place five frames (RGB)."""
    colors = torch.from_numpy(frames[..., ::-1].copy()).permute(3, 0, 1, 2).float()
    with torch.inference_mode():
        return network.lips(colors[None])[0].numpy()


def place_sound(
    network: SyncNet, cepstra: Float[np.ndarray, "steps 13"], frame: int
) -> Float32[np.ndarray, "1024"] | None:
    """Place the sound that begins with a frame; None if it does not last to the end of the window."""
    start = _SOUNDS_PER_FRAME * frame
    window = cepstra[start : start + _WINDOW_SOUNDS] if start >= 0 else cepstra[:0]
    if len(window) < _WINDOW_SOUNDS:
        return None
    with torch.inference_mode():
        return network.sound(torch.from_numpy(window.T.copy()).float()[None, None])[0].numpy()


def cepstrum(samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "steps 13"]:
    """Mel cepstrum every 10 ms of sound at 16 kHz, as the release's library computes it.

    Windows of 25 ms without a taper, 26 triangular filters up to 8 kHz, logarithms, an orthonormal cosine
    transform, a lifter of 22; the first number is the logarithm of the window's energy.

    Args:
        samples: Sound in [-1, 1]; energies are those of 16-bit samples.
    """
    sound = 32767.0 * samples
    sound = np.append(sound[:1], sound[1:] - 0.97 * sound[:-1])
    steps = 1 + max(0, -(-(len(sound) - _LENGTH) // _HOP))
    sound = np.pad(sound, (0, (steps - 1) * _HOP + _LENGTH - len(sound)))
    windows = np.lib.stride_tricks.sliding_window_view(sound, _LENGTH)[::_HOP]
    power = np.abs(np.fft.rfft(windows, _FFT)) ** 2 / _FFT
    least = np.finfo(float).eps
    energy = power.sum(1)
    mel = power @ _mel_filters().T
    logs = np.log(np.where(mel == 0, least, mel))
    result = np.asarray(dct(logs, type=2, axis=1, norm="ortho"))[:, :_CEPSTRA]
    result *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_CEPSTRA) / _LIFTER)
    result[:, 0] = np.log(np.where(energy == 0, least, energy))
    return result


@functools.cache
def _mel_filters() -> Float[np.ndarray, "26 257"]:
    """Triangles between bins that lie evenly on the mel scale, their corners rounded down to bins."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, _FILTERS + 2) / 2595) - 1)
    corners = np.floor((_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(_FFT // 2 + 1)
    low, middle, high = (corners[i : i + _FILTERS, None] for i in range(3))
    rising = (bins >= low) & (bins < middle)
    falling = (bins >= middle) & (bins < high)
    up, down = (bins - low) / np.maximum(middle - low, 1), (high - bins) / np.maximum(high - middle, 1)
    return np.where(rising, up, 0) + np.where(falling, down, 0)


def _unit(
    inputs: int, outputs: int, size: tuple[int, int] = (3, 3), padding: int = 1
) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, size, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()


def _moving(
    inputs: int, outputs: int, size: tuple[int, int, int], stride: int, padding: int
) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(inputs, outputs, size, (1, stride, stride), (0, padding, padding))
    return convolution, nn.BatchNorm3d(outputs), nn.ReLU()


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))
