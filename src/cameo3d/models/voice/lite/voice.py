"""The shipped voice model as a stream: lips from a mouth network, the rest of the face from `life`."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.models.voice.context import Context
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.idle.hearing import SoundMeter
from cameo3d.models.voice.idle.idle_motion import LOOKAHEAD, PAST, Life
from cameo3d.models.voice.idle.listening import Listened, SpeechDetector
from cameo3d.models.voice.lite.motion_decoder import load_motion_decoder
from cameo3d.models.voice.lite.stream import LiteLipStream
from cameo3d.values import Motion
from cameo3d.values.motion import joined
from cameo3d.values.sound import SAMPLE_RATE

_NEAR = 4
"""Frames before and after that decide whether lips may move; what `life` looks ahead is as much."""
_JUST, _SOON, _LATE = 3, 1, 3
"""Of early frames: those before and after that decide so; by how many frames the rest of the face is late."""
_RESTING, _FREE = 0.12, 0.42
"""Share of the speaker's turn in those frames at which lips rest, and at which they are free."""


_PIECE = 10 * SAMPLE_RATE


@runtime_checkable
class LipStream(Protocol):
    """Lips, frame by frame, with nothing else of the face; otherwise like `VoiceStream`."""

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 52"]:
        """Hear on, and give the weights of those frames that became final."""
        ...

    def finish(self) -> Float[Tensor, "frames 52"]:
        """The sound has ended: give the frames that are left."""
        ...


class SpeakerStream:
    """One voice (see `VoiceStream`); a frame comes out 320 ms after its sound or earlier.

    Args:
        mouth: Its lips.
        delivery: How it is spoken.
        early: Give a frame as soon as its lips are known and it is known whether its sound and the next are
            speech, 200 ms after its sound: the rest of the face then comes `_LATE` frames after its sound.
    """

    def __init__(self, mouth: LipStream, delivery: Delivery, early: bool = False) -> None:
        self._delivery = delivery
        self._mouth, self._life = mouth, Life(delivery)
        self._ear, self._listener, self._context = SoundMeter(), SpeechDetector(), Context(PAST, LOOKAHEAD, 4)
        # What came out first waits here for the other: lips, and the rest of the face.
        self._lips = torch.zeros(0, 52)
        silence = np.zeros((_LATE if early else 0, 3, PAST + 1 + LOOKAHEAD), np.float32)
        self._faces = self._life.advance(silence)
        self._gates = torch.zeros(0, 1)
        self._near = Context(_JUST, _SOON, 4) if early else None

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Motion:
        """Hear on, and give those frames that became final."""
        # Long sounds are taken in pieces, so that memory does not grow with them.
        pieces = np.split(samples, range(_PIECE, len(samples), _PIECE))
        return joined([self._push(piece) for piece in pieces])

    def _push(self, samples: Float32[np.ndarray, " samples"]) -> Motion:
        listened = self._listener.push(self._ear.push(samples))
        rows = _rows(listened)
        near = None if self._near is None else self._near.push(rows)
        return self._joined(self._mouth.push(samples), self._context.push(rows), near)

    def finish(self) -> Motion:
        """The sound has ended: give the frames that are left."""
        last = [_rows(self._listener.push(self._ear.finish())), _rows(self._listener.finish())]
        windows = [self._context.push(np.concatenate(last)), self._context.finish()]
        near = self._near and np.concatenate((self._near.push(np.concatenate(last)), self._near.finish()))
        return self._joined(self._mouth.finish(), np.concatenate(windows), near)

    def _joined(
        self,
        lips: Float[Tensor, "frames 52"],
        windows: Float32[np.ndarray, "others 4 window"],
        near: Float32[np.ndarray, "gates 4 near"] | None,
    ) -> Motion:
        if near is None:
            near = windows[:, :, PAST - _NEAR : PAST + _NEAR + 1]
        lived = self._life.advance(windows[:, :3])
        self._lips = torch.cat((self._lips, lips))
        self._gates = torch.cat((self._gates, _gates(near)))
        faces = joined((self._faces, lived))
        count = min(len(self._lips), len(self._gates), len(faces))
        free = self._gates[:count] * self._delivery.mouth_amplitude
        expression = (faces.expression[:count] + self._lips[:count] * free).clamp(0, 1)
        self._lips, self._gates, self._faces = (
            self._lips[count:],
            self._gates[count:],
            faces.part(count, None),
        )
        return replace(faces.part(0, count), expression=expression)


class LiteVoice:
    """The shipped `VoiceModel`."""

    def start(self, delivery: Delivery) -> SpeakerStream:
        """Begin a voice.

        Raises:
            WeightsError: If the shipped network is missing or damaged.
        """
        return SpeakerStream(LiteLipStream(load_motion_decoder(), delivery), delivery)


def _rows(listened: Listened) -> Float32[np.ndarray, "frames 4"]:
    return np.stack((listened.speech, listened.loudness, listened.pitch, listened.turn), 1)


def _gates(near: Float32[np.ndarray, "frames 4 near"]) -> Float[Tensor, "frames 1"]:
    """How free the lips are: 0 in longer silence, noise, music; single frames of speech do not count."""
    share = ((near[:, 3].mean(1) - _RESTING) / (_FREE - _RESTING)).clip(0, 1)
    return torch.from_numpy(share.astype(np.float32))[:, None]
