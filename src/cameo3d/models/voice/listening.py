"""From what is heard to what matters to a speaker: is this speech, how loud is it, how high is the voice."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from cameo3d.models.voice.context import Context
from cameo3d.models.voice.hearing import QUIETEST, Heard

LOOKAHEAD = 3
"""Frames after its own that a frame must know."""
_PAST = 12
"""Frames before its own over which liveliness is judged."""
_LIVELY = (1.9, 2.4)
"""What may be a voice, and what surely is one: decibels by which the spectrum's shape changes from frame to
frame, mean over those frames of about half a second that are not silent. Measured: 98 of 100 loud frames of
17 speakers lie above 2.2, white noise lies at 1.3, 99 of 100 frames of generated tunes below 2.2."""
_LIVELIEST = 4.0
"""Larger changes, such as the beat of a drum, count as this."""
_DEEPEST = 45.0
"""Decibels below the whole at which a band's loudness is cut off; what lies deeper is hiss."""
_RANGE, _ABOVE_FLOOR, _FAINTEST = 30.0, 8.0, -65.0
"""Decibels from the loudest to the faintest sounds that count; of those above the background; the least."""
_VOICED = 0.5
"""Periodicity that only a voice with pitch has."""


@dataclass(frozen=True)
class Listened:
    """Frame by frame."""

    speech: Float32[np.ndarray, " frames"]
    """Whether somebody speaks: 1 for speech; 0 in silence, noise and music."""
    loudness: Float32[np.ndarray, " frames"]
    """Of the speech, from 0 for its faintest sounds to 1 for its loudest; 0 where nobody speaks."""
    pitch: Float32[np.ndarray, " frames"]
    """Octaves above the voice's own mean, within -1 and 1; 0 where there is none."""

    def __len__(self) -> int:
        return len(self.speech)


class Listener:
    """Judges frame after frame what an `Ear` heard, `LOOKAHEAD` frames late, on a few numbers of memory."""

    def __init__(self) -> None:
        self._floor, self._peak, self._mean_pitch = -70.0, -35.0, 0.0
        self._pitched = 0
        self._shape = np.zeros(8, np.float32)
        self._context = Context(_PAST, LOOKAHEAD, 4)

    def push(self, heard: Heard) -> Listened:
        """Listen on; gives those frames that became final."""
        return self._judge(self._context.push(self._notice(heard)))

    def finish(self) -> Listened:
        """The sound has ended: give the frames that are left."""
        return self._judge(self._context.finish())

    def _notice(self, heard: Heard) -> Float32[np.ndarray, "frames 4"]:
        """Change of the spectrum, whether it is loud, loudness and pitch, from past and present only."""
        rows = np.zeros((len(heard), 4), np.float32)
        shapes = np.maximum(heard.bands, heard.level[:, None] - _DEEPEST)
        shapes = shapes - shapes.mean(1, keepdims=True)
        for row, level, periodicity, pitch, shape in zip(
            rows, heard.level.tolist(), heard.periodicity, heard.pitch.tolist(), shapes, strict=True
        ):
            self._floor += 0.3 * (level - self._floor) if level < self._floor else 0.05
            self._peak += 0.5 * (level - self._peak) if level > self._peak else -0.02
            faintest = max(self._floor + _ABOVE_FLOOR, self._peak - _RANGE, _FAINTEST)
            row[0] = min(float(np.abs(shape - self._shape).mean()), _LIVELIEST)
            row[1] = level > faintest > QUIETEST
            row[2] = min(max((level - self._peak + _RANGE) / _RANGE, 0.0), 1.0)
            if periodicity > _VOICED and row[1]:
                self._pitched += 1
                # A plain mean over the first three seconds of voice, then one that forgets.
                self._mean_pitch += (pitch - self._mean_pitch) / min(self._pitched, 75)
                row[3] = min(max(pitch - self._mean_pitch, -1.0), 1.0)
            self._shape = shape
        return rows

    def _judge(self, windows: Float32[np.ndarray, "frames 4 window"]) -> Listened:
        change, loud = windows[:, 0], windows[:, 1]
        lively = (change * loud).sum(1) / np.maximum(loud.sum(1), 1)
        share = ((lively - _LIVELY[0]) / (_LIVELY[1] - _LIVELY[0])).clip(0, 1)
        speech = loud[:, _PAST] * share
        return Listened(speech, windows[:, 2, _PAST] * speech, windows[:, 3, _PAST] * speech)
