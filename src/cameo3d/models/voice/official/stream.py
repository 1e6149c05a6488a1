"""The official voice model as a stream: HuBERT and pitch to expressions of the Basel face model.

It hears as the official inference does, 20 seconds at a time, so that its frames come late and many at once.
One thing differs: the official code has the whole file before it when it evens out the level and judges what
is silence, a stream only what it has heard so far. Up to 20 seconds it is the same.
"""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.geometry.basel.blendshapes import ExpressionMap
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.voice import SpeakerStream
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.values import BLENDSHAPES, Motion

HOP = 320
"""Samples between two steps of what is heard; two steps are one frame."""
WINDOW_STEPS = 1000
"""Steps that are heard at once."""
MOUTH_AMPLITUDE = 0.45
"""How far the mouth opens in the official inference."""
CONTEXT = 96
"""Frames, in whole fours, after which what lies before or behind one no longer tells."""

_PITCH_STEPS = 50
"""By which pitch is heard beyond a window, so that its path runs through."""
_PITCH_SAMPLES = 600
"""That one step of pitch hears."""
_HUBERT_SAMPLES, _HUBERT_REST = 400, 80
"""That one step of HuBERT hears, and by which a window reaches beyond its steps."""
_AHEAD = _PITCH_STEPS * HOP + _PITCH_SAMPLES - HOP
_WINDOW = WINDOW_STEPS * HOP
_NOISE_BLOCK = 125
"""Columns of noise that are drawn together."""
_LOWER = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "cheek", "noseSneer"))]
"""Shapes that the voice moves; the rest of the face has a life of its own."""


@runtime_checkable
class Hearing(Protocol):
    """What hears for the voice model, 50 steps a second; `perception.speech.HubertHearing` does."""

    channels: int
    """Features in a step."""

    def features(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "steps channels"]:
        """Of samples with a mean of 0 and a variance of 1; step `i` begins with sample `320 i`."""
        ...

    def pitch(self, samples: Float32[np.ndarray, " samples"], peak: float) -> Float32[np.ndarray, " steps"]:
        """Hertz, 0 without voice; `peak` is the loudest sample so far."""
        ...


class BaselVoiceStream:
    """Samples in, coefficients of expression out; memory does not grow with the length."""

    def __init__(self, network: VoiceToExpression, hearing: Hearing, delivery: Delivery) -> None:
        self._network, self._hearing, self._delivery = network, hearing, delivery
        self._samples = np.zeros(0, np.float32)
        self._first = 0  # where in the sound the kept samples begin
        self._windows = 0
        self._judged, self._sum, self._squares, self._peak = 0, 0.0, 0.0, 0.0
        self._steps = torch.zeros(0, hearing.channels)
        self._pitch = torch.zeros(0)
        self._first_frame = 0  # that the kept steps belong to
        self._given = 0

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 64"]:
        """Hear on, and give those frames that became final."""
        given = [torch.zeros(0, 64)]
        while len(samples):
            missing = self._windows * _WINDOW + _WINDOW + _AHEAD - self._first - len(self._samples)
            self._samples = np.concatenate((self._samples, samples[:missing]))
            if len(samples) >= missing:
                self._hear(_WINDOW + _AHEAD)
                given.append(self._speak(self._heard_frames() - CONTEXT))
            samples = samples[missing:]
        return torch.cat(given)

    def finish(self) -> Float[Tensor, "frames 64"]:
        """The sound has ended: give the frames that are left, one for every 40 ms that have begun."""
        total = self._first + len(self._samples)
        while self._windows * _WINDOW < total:
            self._hear(total - self._windows * _WINDOW)
        wanted = -(-total // (2 * HOP))
        # The network sees whole fours of frames; what is missing is silence to it.
        steps = 2 * self._first_frame + len(self._pitch)
        short = max(-(-steps // 8) * 8, 8) - steps
        self._steps = torch.cat((self._steps, torch.zeros(short, self._steps.shape[1])))
        self._pitch = torch.cat((self._pitch, torch.zeros(short)))
        already = self._given
        left = self._speak(self._heard_frames())[: wanted - already]
        more = wanted - already - len(left)
        return torch.cat((left, left[-1:].expand(more, -1))) if more > 0 else left

    def _heard_frames(self) -> int:
        return self._first_frame + len(self._pitch) // 2

    def _hear(self, length: int) -> None:
        """Take up the next window, of whose beginning so many samples on are there."""
        start = self._windows * _WINDOW
        fresh = self._samples[self._judged - self._first : start + length - self._first].astype(np.float64)
        self._judged += len(fresh)
        self._sum, self._squares = self._sum + fresh.sum(), self._squares + (fresh**2).sum()
        self._peak = max(self._peak, float(np.abs(fresh).max(initial=0.0)))
        mean = self._sum / self._judged
        deviation = np.sqrt(max(self._squares / self._judged - mean**2, 0.0) + 1e-7)

        begin = start - self._first
        sound = self._samples[begin : begin + min(length, _WINDOW + _HUBERT_REST)]
        count = min(max((len(sound) - _HUBERT_REST) // HOP, 0), WINDOW_STEPS)
        if count:
            even = ((sound - mean) / deviation).astype(np.float32)
            self._steps = torch.cat((self._steps, self._hearing.features(even)[:count]))
            before = min(_PITCH_STEPS, start // HOP)
            around = self._samples[begin - before * HOP : begin + length]
            pitch = self._hearing.pitch(around, self._peak)[before : before + count]
            pitch = np.pad(pitch, (0, count - len(pitch)))
            self._pitch = torch.cat((self._pitch, torch.from_numpy(pitch)))
        self._windows += 1
        keep = self._windows * _WINDOW - _PITCH_STEPS * HOP
        self._samples = self._samples[max(keep - self._first, 0) :].copy()
        self._first = max(keep, self._first)

    def _speak(self, end: int) -> Float[Tensor, "frames 64"]:
        """Frames from the last one given up to `end`, and forget what no other needs."""
        end -= end % 4
        if end <= self._given:
            return torch.zeros(0, 64)
        count = len(self._pitch) // 8 * 4
        amplitude = torch.tensor([MOUTH_AMPLITUDE * self._delivery.mouth_amplitude])
        with torch.inference_mode():
            condition = self._network.conditions(
                self._steps[None, : 2 * count], self._pitch[None, : 2 * count], mouth=amplitude
            )
            noise = self._noise(self._first_frame // 4, count // 4)[None]
            spoken = self._network(condition, noise, self._delivery.temperature)[0]
        result = spoken[self._given - self._first_frame : end - self._first_frame].clone()
        self._given = end
        forgotten = max(end - CONTEXT - self._first_frame, 0)
        self._first_frame += forgotten
        self._steps, self._pitch = self._steps[2 * forgotten :].clone(), self._pitch[2 * forgotten :].clone()
        return result

    def _noise(self, first: int, count: int) -> Float[Tensor, "latent quarter"]:
        """Standard normal numbers that depend on where in the sound they belong, and on nothing else."""
        blocks = range(first // _NOISE_BLOCK, (first + count - 1) // _NOISE_BLOCK + 1)
        drawn = np.concatenate(
            [
                np.random.default_rng((self._delivery.seed, block)).standard_normal(
                    (_NOISE_BLOCK, self._network.latent)
                )
                for block in blocks
            ]
        )
        begin = first - blocks[0] * _NOISE_BLOCK
        return torch.from_numpy(drawn[begin : begin + count].T.astype(np.float32))


class OfficialStream:
    """One voice (see `VoiceStream`): lips by the official model; sway, gaze, brows and blinks are our own."""

    def __init__(
        self, coefficients: BaselVoiceStream, expressions: ExpressionMap, delivery: Delivery
    ) -> None:
        self._lips = _Lips(coefficients, expressions)
        # The network itself is told how far to open the mouth.
        self._speaker = SpeakerStream(self._lips, replace(delivery, mouth_amplitude=1.0))

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Motion:
        """Hear on, and give those frames that became final."""
        return self._with_coefficients(self._speaker.push(samples))

    def finish(self) -> Motion:
        """The sound has ended: give the frames that are left."""
        return self._with_coefficients(self._speaker.finish())

    def _with_coefficients(self, motion: Motion) -> Motion:
        # The network says all of the lower face, and nothing of brows and lids.
        said = torch.zeros_like(motion.expression)
        said[:, _LOWER] = motion.expression[:, _LOWER]
        return replace(motion, basel=self._lips.take(len(motion)), basel_weights=said)


class OfficialVoice:
    """Real3D-Portrait's voice model, a `VoiceModel`.

    Args:
        network: With the imported weights.
        hearing: HuBERT and pitch.
        expressions: Of the user's Basel face model; avatars that do not know it are moved by what it yields.
    """

    def __init__(self, network: VoiceToExpression, hearing: Hearing, expressions: ExpressionMap) -> None:
        self._network, self._hearing, self._expressions = network, hearing, expressions

    def start(self, delivery: Delivery) -> OfficialStream:
        """Begin a voice."""
        coefficients = BaselVoiceStream(self._network, self._hearing, delivery)
        return OfficialStream(coefficients, self._expressions, delivery)


class _Lips:
    """A `LipStream` that keeps the coefficients behind its weights until they are taken."""

    def __init__(self, coefficients: BaselVoiceStream, expressions: ExpressionMap) -> None:
        self._stream, self._expressions = coefficients, expressions
        self._kept = torch.zeros(0, 64)

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 52"]:
        return self._weights(self._stream.push(samples))

    def finish(self) -> Float[Tensor, "frames 52"]:
        return self._weights(self._stream.finish())

    def take(self, count: int) -> Float[Tensor, "count 64"]:
        """The coefficients of the next frames."""
        taken, self._kept = self._kept[:count], self._kept[count:]
        return taken

    def _weights(self, coefficients: Float[Tensor, "frames 64"]) -> Float[Tensor, "frames 52"]:
        self._kept = torch.cat((self._kept, coefficients))
        weights = torch.zeros(len(coefficients), len(BLENDSHAPES))
        weights[:, _LOWER] = self._expressions.to_arkit(coefficients)[:, _LOWER]
        return weights
