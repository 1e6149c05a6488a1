"""What a head does while somebody is there: it breathes, looks at the pointer, nods at what it hears."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32

from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.models.voice.idle.hearing import SoundMeter
from cameo3d.models.voice.idle.listening import SpeechDetector
from cameo3d.values import BLENDSHAPES, Motion

_FRAME = 1 / FRAME_RATE
_MOST_YAW, _MOST_PITCH = math.radians(24), math.radians(15)
"""How far a target at the picture's border turns head and eyes together."""
_HEAD_SHARE = 0.72
"""Of which the head turns so much once it has arrived; the eyes the rest."""
_EYES_HALF_LIFE, _HEAD_HALF_LIFE = 0.05, 0.16
_SETTLED = 1.68
_BREATHS_A_SECOND = 0.24
_BREATH_METRES, _BREATH_RADIANS = 0.0016, math.radians(0.5)
_NOD_SECONDS, _NOD_RADIANS = 0.7, math.radians(3.6)
_NOD_PAUSE_SECONDS = 2.5
_NOD_SHARE = 0.6
"""Of the phrases that end, those that are nodded at."""
_LEAST_PHRASE_SECONDS = 0.6
_LOOK_WEIGHT = 0.9
_LOOKS = (
    (("eyeLookInLeft", "eyeLookOutRight"), 0, 1.0),
    (("eyeLookOutLeft", "eyeLookInRight"), 0, -1.0),
    (("eyeLookDownLeft", "eyeLookDownRight"), 1, 1.0),
    (("eyeLookUpLeft", "eyeLookUpRight"), 1, -1.0),
)


@dataclass
class _Spring:
    """Numbers that go to their target without overshoot."""

    half_life: float
    place: np.ndarray
    speed: np.ndarray

    def to(self, target: np.ndarray) -> np.ndarray:
        stiffness = _SETTLED / self.half_life
        away = self.place - target
        push = self.speed + stiffness * away
        fall = math.exp(-stiffness * _FRAME)
        self.place = target + (away + push * _FRAME) * fall
        self.speed = (self.speed - stiffness * push * _FRAME) * fall
        return self.place


class Pointer:
    """Head and eyes that follow a point of the picture: the eyes jump ahead, the head comes after them."""

    def __init__(self) -> None:
        self._target = np.zeros(2)
        self._eyes = _Spring(_EYES_HALF_LIFE, np.zeros(2), np.zeros(2))
        self._head = _Spring(_HEAD_HALF_LIFE, np.zeros(2), np.zeros(2))

    def aim(self, x: float, y: float) -> None:
        """Look at a point: 0, 0 straight ahead, x 1 the picture's right border, y 1 its lower one."""
        x, y = (float(np.clip(np.nan_to_num(value), -1.5, 1.5)) for value in (x, y))
        # Far away from the picture nothing turns much further.
        self._target = np.array((-_MOST_YAW * math.tanh(1.2 * x), _MOST_PITCH * math.tanh(1.2 * y)))

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """Yaw and pitch to add to the head's and to the eyes' own, radians."""
        sight = self._eyes.to(self._target)
        head = self._head.to(_HEAD_SHARE * self._target)
        return head, sight - head


class Breath:
    """Breathing: slow, never quite the same, and without an end.

    Args:
        seed: Another seed breathes otherwise.
    """

    def __init__(self, seed: int) -> None:
        self._phases = np.random.default_rng(seed).uniform(0, 2 * math.pi, 4)
        self._frame = 0

    def next(self) -> float:
        """How full the chest is, from -1 to 1."""
        seconds = self._frame * _FRAME
        self._frame += 1
        a, b, c, d = self._phases.tolist()
        # Rates without a common measure: the pattern never comes back.
        phase = a + 2 * math.pi * _BREATHS_A_SECOND * seconds
        phase += 0.9 * math.sin(b + 0.2371 * seconds) + 0.5 * math.sin(c + 0.6173 * seconds)
        depth = 0.8 + 0.2 * math.sin(d + 0.1409 * seconds)
        # In is quicker than out.
        return depth * math.sin(phase + 0.35 * math.sin(phase))


class Nods:
    """Small nods of a listener where phrases of the other one end.

    Args:
        seed: Another seed nods at others.
    """

    def __init__(self, seed: int) -> None:
        self._meter, self._detector = SoundMeter(), SpeechDetector()
        self._chance = np.random.default_rng(seed)
        self._spoken, self._quiet = 0.0, 0.0
        self._since, self._size = 10.0, 0.0

    def hear(self, samples: Float32[np.ndarray, " samples"]) -> None:
        """Listen to somebody else; 16000 samples a second, mono, as they come."""
        for speech in self._detector.push(self._meter.push(samples)).speech.tolist():
            if speech > 0.4:
                self._spoken, self._quiet = self._spoken + _FRAME, 0.0
                continue
            self._quiet += _FRAME
            if self._quiet > 0.16 and self._spoken > 0:
                long_enough = self._spoken > _LEAST_PHRASE_SECONDS and self._since > _NOD_PAUSE_SECONDS
                self._spoken = 0.0
                if long_enough and self._chance.random() < _NOD_SHARE:
                    self._since, self._size = 0.0, _NOD_RADIANS * self._chance.uniform(0.6, 1.2)

    def next(self) -> float:
        """Pitch to add to the head's, radians."""
        self._since += _FRAME
        share = self._since / _NOD_SECONDS
        if share >= 1:
            return 0.0
        # Down, and back a little beyond rest.
        return self._size * math.sin(math.pi * share) ** 2 * (1 - 0.5 * share)


def lived(motion: Motion, chest: float, nod: float, sway: float = 1.0) -> Motion:
    """A frame of a neutral person, breathing and nodding.

    Args:
        motion: One frame, as a `VoiceStream` gives it.
        chest: From `Breath`.
        nod: From `Nods`, radians.
        sway: How much of the head's own motion is kept.
    """
    rotation, translation = motion.rotation * sway, motion.translation.clone()
    translation[:, :2] *= sway
    rotation[:, 1] += nod - _BREATH_RADIANS * chest
    translation[:, 1] -= _BREATH_METRES * chest
    return replace(motion, rotation=rotation, translation=translation)


def looking(motion: Motion, head: np.ndarray, eyes: np.ndarray, limit: float = math.radians(28)) -> Motion:
    """A frame with head and eyes turned further, and the lids following the eyes."""
    turn = torch.tensor((*head.tolist(), 0.0))
    look = torch.from_numpy(eyes.astype(np.float32))
    expression = motion.expression.clone()
    for names, angle, sign in _LOOKS:
        columns = [BLENDSHAPES.index(name) for name in names]
        expression[:, columns] = (expression[:, columns] + _LOOK_WEIGHT * sign * float(eyes[angle])).clamp(
            0, 1
        )
    gaze = (motion.gaze + look).clamp(-limit, limit)
    return replace(motion, expression=expression, rotation=motion.rotation + turn, gaze=gaze)
