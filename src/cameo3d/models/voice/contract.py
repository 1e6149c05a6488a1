"""The contract of every voice model: sound goes in piece by piece, motion comes out frame by frame."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from cameo3d.values import Motion

FRAME_RATE = 25.0
"""Frames a second of the motion that it gives; frame `i` is shown `i / 25` seconds after the first sample."""

Blink = Literal["natural", "period", "none", "open"]
Mood = Literal["photo", "neutral", "happy", "sad", "angry", "surprised"]


@dataclass(frozen=True)
class Delivery:
    """How it is spoken; the same sound and the same delivery give the same motion, byte for byte."""

    pose: Literal["natural", "still"] = "natural"
    """Whether head and gaze move, or stay as in `still_motion`."""
    blink: Blink = "natural"
    """How the eyes blink: as speakers do, once every five seconds as in Real3D-Portrait, or not at all.
    "open" also holds open the eyes of a person that a video drives."""
    mouth_amplitude: float = 1.0
    """How far the lips move, as a share of the usual, from 0."""
    temperature: float = 0.2
    """How far the lips stray from their most likely motion, in [0, 1]."""
    seed: int = 0
    """Another seed is another take."""
    mood: Mood = "photo"
    """What brows, cheeks and corners of the mouth say, and how lively the head is; "photo" keeps its own."""

    def __post_init__(self) -> None:
        if not (0 <= self.mouth_amplitude <= 2 and 0 <= self.temperature <= 1):
            raise ValueError(
                "The mouth's amplitude must lie within 0 and 2 and the temperature within 0 and 1, "
                f"got {self.mouth_amplitude} and {self.temperature}."
            )


@runtime_checkable
class VoiceStream(Protocol):
    """One voice on its way through a model; memory does not grow with its length."""

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Motion:
        """Hear on, and give those frames that became final; how the sound is cut does not change them.

        Args:
            samples: Mono at `SAMPLE_RATE`, in [-1, 1]; any number of them.

        Returns:
            A motion at `FRAME_RATE`, which may have no frame: of a neutral person (weights 0 where the face
            rests) who looks straight into a camera one metre away (see `still_motion`).
        """
        ...

    def finish(self) -> Motion:
        """The sound has ended: give the frames that are left, so that motion and sound end together."""
        ...


@runtime_checkable
class VoiceModel(Protocol):
    """A way from voice to motion."""

    def start(self, delivery: Delivery) -> VoiceStream:
        """Begin a voice."""
        ...
