"""When a speaker blinks, and where the eyes go; one frame after the other."""

import math

import numpy as np
from jaxtyping import Float64

from cameo3d.models.voice.contract import FRAME_RATE

_FRAME = 1 / FRAME_RATE
_BLINKS_A_SECOND = 0.5
"""In a pause, once the eyes are ready again; gives about 16 blinks a minute of speech."""
_REFRACTORY, _READY = 1.0, 3.0
"""Seconds after a blink until another may come, and until it is as likely as it gets."""
_PHRASE_END_SECONDS = 0.5
_PHRASE_END_SHARE, _SPEAKING_SHARE = 3.0, 0.8
"""How much likelier than in a pause a blink is where a phrase ends, and while speaking."""
_FALL, _STAY, _RISE = 0.10, 0.04, 0.20
"""Seconds that lids fall, stay shut, and rise."""
_SHORTEST_LOOK, _MEAN_LOOK = 0.3, 1.2
"""Seconds that the eyes rest at least, and on average beyond that."""
_HOME_SHARE = 0.5
"""Of the saccades, those that go back to the viewer."""


class Blinks:
    """A renewal process: no second blink at once, and the more likely the longer the last one is ago."""

    def __init__(self) -> None:
        self._since, self._unheard = 1.5, 10.0

    def next(self, speech: float, chance: float, phase: float) -> float:
        """How far the lids are shut in the next frame, in [0, 1].

        Args:
            speech: Whether somebody speaks.
            chance: In [0, 1); decides whether a blink begins.
            phase: In [0, 1); where between two frames it begins.
        """
        self._since += _FRAME
        self._unheard = 0.0 if speech > 0.3 else self._unheard + _FRAME
        if self._unheard == 0:
            likelier = _SPEAKING_SHARE
        else:
            likelier = _PHRASE_END_SHARE if self._unheard < _PHRASE_END_SECONDS else 1.0
        ready = min(max((self._since - _REFRACTORY) / (_READY - _REFRACTORY), 0.0), 1.0)
        if chance < -math.expm1(-_BLINKS_A_SECOND * likelier * ready * _FRAME):
            self._since = phase * _FRAME
        return _lids(self._since)


class Saccades:
    """Where the eyes look besides the viewer: they rest, jump a little, and mostly come back."""

    def __init__(self, spread: Float64[np.ndarray, "2"]) -> None:
        """Choose the standard deviation of the gaze around the viewer, yaw and pitch in radians."""
        self._spread, self._rest = spread / math.sqrt(1 - _HOME_SHARE), 0.6
        self._target, self._place = np.zeros(2), np.zeros(2)

    def next(self, wait: float, home: float, direction: Float64[np.ndarray, "2"]) -> Float64[np.ndarray, "2"]:
        """Yaw and pitch in the next frame, radians against the viewer.

        Args:
            wait: In [0, 1); how long the eyes will rest where they go.
            home: In [0, 1); decides whether they go back to the viewer.
            direction: Standard normal; where they go otherwise.
        """
        self._rest -= _FRAME
        if self._rest <= 0:
            self._rest = _SHORTEST_LOOK - _MEAN_LOOK * math.log1p(-wait)
            self._target = np.zeros(2) if home < _HOME_SHARE else self._spread * direction.clip(-2.5, 2.5)
        # A small saccade takes about 40 ms: most of it falls into one frame.
        self._place = self._place + 0.8 * (self._target - self._place)
        return self._place


def _lids(seconds: float) -> float:
    """How far lids are shut so long after a blink began."""
    if seconds < _FALL:
        return _smooth(seconds / _FALL)
    return 1 - _smooth((seconds - _FALL - _STAY) / _RISE)


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
