"""From what is heard to what matters to a speaker: is this speech, how loud is it, how high is the voice."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from cameo3d.models.voice.context import Context
from cameo3d.models.voice.idle.hearing import QUIETEST, Heard

LOOKAHEAD = 3
"""Frames after its own that a frame must know."""
_PAST, _RECENT = 25, 12
"""Frames before its own over which pitch, and over which liveliness is judged."""
_LIVELY = (1.9, 2.4)
"""What may be a voice, and what surely is one: decibels by which the spectrum's shape changes from frame to
frame, mean over those frames of about half a second that are not silent. Measured: 98 of 100 loud frames of
17 speakers lie above 2.2, white noise lies at 1.3, 99 of 100 frames of generated tunes below 2.2."""
_LIVELIEST = 4.0
"""Larger changes, such as the beat of a drum, count as this."""
_BENEFIT = 0.35
"""Gliding frames that a sound is granted before it had a pitch, so that a voice may begin, or whisper."""
_DEEPEST = 45.0
"""Decibels below the whole at which a band's loudness is cut off; what lies deeper is hiss."""
_RANGE, _ABOVE_FLOOR, _FAINTEST = 30.0, 8.0, -65.0
"""Decibels from the loudest to the faintest sounds that count; of those above the background; the least."""
_STILL, _STILLEST = 50.0, -75.0
"""Decibels below the loudest at which a recording of a breathing person is not; at these, too."""
_VOICED = 0.5
"""Periodicity of a sound with a pitch."""
_GLIDE_OCTAVES = (0.012, 0.2)
"""A pitch that changes by less in a frame is held, by more it jumps; in between it glides, as voices do."""
_GLIDING = (0.28, 0.40)
"""Of frames whose pitch glides or is held, the share that glide: what may be a voice, and what surely is one.
Measured over a second: speech lies above 0.40 in 98 of 100 frames or more (readers, talks, synthesisers, with
noise, whispered), generated arpeggios, drums and bands below 0.28 in 95 of 100 or more."""
_LONGEST_TURN, _WHOLE_TURN = 12.0, 6.0
"""Frames of quiet that a speaker's turn outlasts at most, and those at whose number it begins to fade."""
_STILLNESS = 5.0
"""How many frames of quiet one of stillness counts as."""


@dataclass(frozen=True)
class Listened:
    """Frame by frame."""

    speech: Float32[np.ndarray, " frames"]
    """Whether somebody speaks: 1 for speech; 0 in silence, noise and music."""
    loudness: Float32[np.ndarray, " frames"]
    """Of the speech, from 0 for its faintest sounds to 1 for its loudest; 0 where nobody speaks."""
    turn: Float32[np.ndarray, " frames"]
    """Whether it is the speaker's turn: 1 for speech and in the quiet after it, when lips get ready or let
    breath in, for as long as there was speech, half a second at most; half as long in noise and music, and a
    fifth as long in perfect silence."""
    pitch: Float32[np.ndarray, " frames"]
    """Octaves above the voice's own mean, within -1 and 1; 0 where there is none."""

    def __len__(self) -> int:
        return len(self.speech)


class SpeechDetector:
    """Judges frame after frame what a `SoundMeter` heard, `LOOKAHEAD` frames late, in little memory."""

    def __init__(self) -> None:
        self._floor, self._peak, self._mean_pitch = -70.0, -35.0, 0.0
        self._pitched = 0
        self._turn = 0.0
        self._shape = np.zeros(8, np.float32)
        self._pitch_before: float | None = None
        self._context = Context(_PAST, LOOKAHEAD, 7)

    def push(self, heard: Heard) -> Listened:
        """Listen on; gives those frames that became final."""
        return self._judge(self._context.push(self._notice(heard)))

    def finish(self) -> Listened:
        """The sound has ended: give the frames that are left."""
        return self._judge(self._context.finish())

    def _notice(self, heard: Heard) -> Float32[np.ndarray, "frames 7"]:
        """Change of the spectrum, whether loud, loudness, pitch, whether it glides, or is held; stillness."""
        rows = np.zeros((len(heard), 7), np.float32)
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
            row[6] = level < max(self._peak - _STILL, _STILLEST)
            if periodicity > _VOICED and row[1]:
                self._pitched += 1
                # A plain mean over the first three seconds of voice, then one that forgets.
                self._mean_pitch += (pitch - self._mean_pitch) / min(self._pitched, 75)
                row[3] = min(max(pitch - self._mean_pitch, -1.0), 1.0)
                if self._pitch_before is not None:
                    change = abs(pitch - self._pitch_before)
                    row[4], row[5] = (
                        _GLIDE_OCTAVES[0] <= change < _GLIDE_OCTAVES[1],
                        change < _GLIDE_OCTAVES[0],
                    )
                self._pitch_before = pitch
            else:
                self._pitch_before = None
            self._shape = shape
        return rows

    def _judge(self, windows: Float32[np.ndarray, "frames 7 window"]) -> Listened:
        recent = windows[:, :, _PAST - _RECENT :]
        change, loud = recent[:, 0], recent[:, 1]
        lively = (change * loud).sum(1) / np.maximum(loud.sum(1), 1)
        glides, holds = windows[:, 4].sum(1), windows[:, 5].sum(1)
        gliding = (glides + _BENEFIT) / (glides + holds + _BENEFIT)
        speech = windows[:, 1, _PAST] * _share(lively, _LIVELY) * _share(gliding, _GLIDING)
        turn = self._take_turns(speech, windows[:, 1, _PAST], windows[:, 6, _PAST])
        return Listened(speech, windows[:, 2, _PAST] * speech, turn, windows[:, 3, _PAST] * speech)

    def _take_turns(
        self,
        speech: Float32[np.ndarray, " frames"],
        loud: Float32[np.ndarray, " frames"],
        still: Float32[np.ndarray, " frames"],
    ) -> Float32[np.ndarray, " frames"]:
        turns = np.zeros_like(speech)
        rows = zip(speech.tolist(), loud.tolist(), still.tolist(), strict=True)
        for index, (spoken, noisy, dead) in enumerate(rows):
            earned = spoken if spoken > 0 else -2.0 if noisy else -_STILLNESS if dead else -1.0
            self._turn = min(max(self._turn + earned, 0.0), _LONGEST_TURN)
            turns[index] = max(spoken, min(self._turn / _WHOLE_TURN, 1.0))
        return turns


def _share(
    values: Float32[np.ndarray, " frames"], between: tuple[float, float]
) -> Float32[np.ndarray, " frames"]:
    """How far values have come from a lower border (0) to an upper one (1)."""
    return ((values - between[0]) / (between[1] - between[0])).clip(0, 1).astype(np.float32)
