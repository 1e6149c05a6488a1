"""What a network that heard very many voices makes of a sound: the teacher of the voice model's ear.

It is Google's speech embedding (Lin et al., "Training keyword spotters with limited and synthesized speech
data", ICASSP 2020; on TensorFlow Hub under Apache-2.0), whose weights lie in the wheel of openwakeword. Only
training needs it. The network is built here again; the file gives the numbers.
"""

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.errors import CameoError
from cameo3d.values.sound import SAMPLE_RATE
from cameo3d.weights.conversion.onnx_tensors import read_onnx_tensors

TEACHER_HEARS = 96 * 4 + 96 * 2
"""Numbers that it tells of a motion frame: of its syllables and of its words."""
TEACHER_CONTEXT = 28
"""Feature frames before and after the one in a motion frame's middle that these depend on."""

_BANDS, _BINS = 32, 257
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 3800.0
_LINEAR_BELOW_HZ, _MELS_PER_HZ, _MELS_PER_OCTAVE = 1000.0, 3 / 200, 27 * np.log(2) / np.log(6.4)
_FULL_SCALE = 32768.0**2 * 512 * 150 / 2
"""From this project's power spectra to those of 16-bit numbers that the teacher knows."""
_DEEPEST = 8.0
"""Powers of ten under the loudest band that it still hears."""
_OFFSET = 2.0
_SLOPE, _FLOOR, _EPSILON = 0.2, -0.4, 1e-3
_POOLS = {2: (2, 2), 6: (1, 2), 10: (2, 2), 14: (1, 2)}
"""After which convolution time and bands are halved."""
_SYLLABLES_AFTER, _WORDS_AFTER = 14, 18
_SYLLABLE_MARGIN = 2
"""Motion frames by which the former reach further than the latter, on either side."""


class SpeechTeacher:
    """The two inner layers of the teacher that tell most about the mouth.

    Args:
        tensors: The numbers in its file, by their names there.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        [self._first] = [value for name, value in tensors.items() if name.startswith("model/conv2d/")]
        normal = "model/batch_normalization/"
        scale, shift = (tensors[f"{normal}ReadVariableOp{place}:0"] for place in ("", "_1"))
        mean, variance = (
            tensors[f"{normal}FusedBatchNormV3/ReadVariableOp{place}:0"] for place in ("", "_1")
        )
        self._scale = scale / (variance + _EPSILON).sqrt()
        self._shift = shift - mean * self._scale
        self._steps = [
            tuple(tensors[f"model/conv2d_{number}/Conv2D_{part}_fused_bn"] for part in ("weights", "bias"))
            for number in range(1, _WORDS_AFTER + 1)
        ]

    @torch.no_grad()
    def hear(
        self, power: Float[Tensor, "batch features bins"], corners: Float[Tensor, "batch corners"]
    ) -> Float[Tensor, "batch frames heard"]:
        """Its layers for motion frames a to b, 25 times a second.

        Args:
            power: From `sound.power_spectra`, the frames whose windows are centred at 10 ms times
                4 a - `TEACHER_CONTEXT` to 4 b + `TEACHER_CONTEXT`, on the device of its tensors.
            corners: Of its bands, in hertz: those of `teacher_corners`, or others for other vocal tracts.
        """
        logs = torch.log10((power * _FULL_SCALE @ _bank(corners)).clamp(min=1e-10))
        logs = torch.maximum(logs, logs.amax((1, 2), keepdim=True) - _DEEPEST) + _OFFSET
        x = F.conv2d(logs[:, None], self._first, padding=(0, 1)).relu()
        x = _bend(x * self._scale[:, None, None] + self._shift[:, None, None])
        syllables = x
        for number, (weights, bias) in enumerate(self._steps, start=1):
            x = _bend(F.conv2d(x, weights, bias, padding=(0, weights.shape[-1] // 2)))
            if number == _SYLLABLES_AFTER:
                syllables = x[:, :, _SYLLABLE_MARGIN:-_SYLLABLE_MARGIN]
            if number in _POOLS:
                x = F.max_pool2d(x, _POOLS[number])
        return torch.cat((_rows(syllables), _rows(x)), -1)


def _rows(maps: Float[Tensor, "batch channels steps bands"]) -> Float[Tensor, "batch steps rows"]:
    return maps.permute(0, 2, 1, 3).flatten(2)


def _bend(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE).clamp(min=_FLOOR)


@functools.cache
def teacher_corners() -> Float32[np.ndarray, " corners"]:
    """Where its bands begin, have their middle and end, in hertz, on Slaney's mel scale."""
    return _hertz(np.linspace(_mels(_LOWEST_HZ), _mels(_HIGHEST_HZ), _BANDS + 2)).astype(np.float32)


def _bank(corners: Float[Tensor, "batch corners"]) -> Float[Tensor, "batch bins bands"]:
    """Triangles of unit area."""
    corners = corners[:, None]
    bins = torch.arange(_BINS, device=corners.device)[:, None] * (SAMPLE_RATE / (2 * (_BINS - 1)))
    low, middle, high = corners[..., :-2], corners[..., 1:-1], corners[..., 2:]
    bank = torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp(min=0)
    return bank * 2 / (high - low)


def _mels(hertz: float) -> float:
    if hertz < _LINEAR_BELOW_HZ:
        return hertz * _MELS_PER_HZ
    return _LINEAR_BELOW_HZ * _MELS_PER_HZ + _MELS_PER_OCTAVE * float(np.log2(hertz / _LINEAR_BELOW_HZ))


def _hertz(mels: np.ndarray) -> np.ndarray:
    start = _LINEAR_BELOW_HZ * _MELS_PER_HZ
    above = _LINEAR_BELOW_HZ * 2 ** ((mels - start) / _MELS_PER_OCTAVE)
    return np.where(mels < start, mels / _MELS_PER_HZ, above)


def load_teacher(device: torch.device) -> SpeechTeacher:
    """The teacher in the installed openwakeword.

    Args:
        device: Where it hears.

    Raises:
        CameoError: If openwakeword is not installed.
        WeightsError: If its file is damaged.
    """
    found = importlib.util.find_spec("openwakeword")
    if found is None or found.origin is None:
        raise CameoError(
            "Training the ear needs the teacher in openwakeword; install it with "
            "pip install --no-deps openwakeword==0.4.0."
        )
    path = Path(found.origin).parent / "resources/models/embedding_model.onnx"
    tensors = read_onnx_tensors(path)
    return SpeechTeacher({name: torch.tensor(value, device=device) for name, value in tensors.items()})
