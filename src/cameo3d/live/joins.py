"""Joins: where motion changes its source, the face goes on from where it was, as fast as it was.

What the old source left over fades out like a critically damped spring (David Bollo, "Inertialization", Game
Developers Conference 2018), so that no second source has to run on under the first.
"""

from dataclasses import replace

import numpy as np
import torch

from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.values import BLENDSHAPES, Motion

_HALF_LIVES = {"mouth": 0.04, "jaw": 0.04, "tongue": 0.04, "eye": 0.05}
"""Seconds in which shapes lose half of what is left over, by the beginning of their names."""
_FACE_HALF_LIFE, _POSE_HALF_LIFE, _GAZE_HALF_LIFE = 0.08, 0.16, 0.06
_SETTLED = 1.68
"""A critically damped spring of angular frequency w has half its way behind it after 1.68 / w."""


class Joins:
    """Passes on one motion, frame by frame, and smooths what `cut` announces."""

    def __init__(self) -> None:
        shapes = [
            next((life for start, life in _HALF_LIVES.items() if name.startswith(start)), _FACE_HALF_LIFE)
            for name in BLENDSHAPES
        ]
        lives = np.array([*shapes, *[_POSE_HALF_LIFE] * 6, *[_GAZE_HALF_LIFE] * 4])
        self._speed = _SETTLED / lives
        self._offset, self._drift = np.zeros(len(lives)), np.zeros(len(lives))
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self._is_cut = False

    def cut(self) -> None:
        """The next frame comes from somewhere else."""
        self._is_cut = True

    def next(self, motion: Motion) -> Motion:
        """The motion's one frame, joined to the frames before."""
        given = _numbers(motion)
        if self._is_cut and self._before is not None:
            earlier, last = self._before
            self._offset, self._drift = last - given, (last - earlier) * FRAME_RATE
        self._is_cut = False
        shown = given + self._offset
        shown[:52] = shown[:52].clip(0, 1)
        self._before = (shown if self._before is None else self._before[1], shown)
        self._decay()
        return _motion(shown, motion)

    def _decay(self) -> None:
        seconds = 1 / FRAME_RATE
        push = self._drift + self._speed * self._offset
        fall = np.exp(-self._speed * seconds)
        self._offset, self._drift = (
            (self._offset + push * seconds) * fall,
            (self._drift - self._speed * push * seconds) * fall,
        )


def _numbers(motion: Motion) -> np.ndarray:
    parts = (motion.expression[0], motion.rotation[0], motion.translation[0], motion.gaze[0].flatten())
    return torch.cat(parts).double().numpy()


def _motion(numbers: np.ndarray, like: Motion) -> Motion:
    row = torch.from_numpy(numbers.astype(np.float32))[None]
    return replace(
        like,
        expression=row[:, :52],
        rotation=row[:, 52:55],
        translation=row[:, 55:58],
        gaze=row[:, 58:].reshape(1, 2, 2),
    )
