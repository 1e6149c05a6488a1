"""A live session: one head, and whatever moves it at the moment, frame by frame on the sound's clock."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32

from cameo3d.live.attention import Breath, Nods, Pointer, lived, looking
from cameo3d.live.joins import Joins
from cameo3d.live.voice_line import MOUTH, VoiceLine
from cameo3d.models.voice.contract import FRAME_RATE, Delivery, VoiceModel
from cameo3d.pipeline.adjusting import adjusted
from cameo3d.pipeline.adjustments import Adjustments
from cameo3d.pipeline.hidden import held_where_hidden
from cameo3d.pipeline.retarget import absolute_motion, relative_motion, voiced_motion
from cameo3d.values import Motion, Person
from cameo3d.values.motion import joined, still_motion

_LOST_SECONDS = 0.6
"""After so long without a picture of a face the head lives on by itself."""
_RATE_TOLERANCE = 0.01


@dataclass(frozen=True)
class Moment:
    """One twenty-fifth of a second."""

    index: int
    """Frames before it."""
    motion: Motion
    """One frame, of the person in the photo, ready to be drawn."""
    sound: Float32[np.ndarray, " samples"]
    """What is heard meanwhile, `SOUND_RATE` samples a second."""
    is_speaking: bool
    face: int = 0
    """Number of the webcam's picture that it follows; 0 if it follows none."""


@dataclass(frozen=True)
class _Seen:
    motion: Motion
    neutral: Motion
    arrived: float
    number: int


class LiveSession:
    """One head that lives; what it is told may come from any thread, and moments are taken from one.

    A motion file that plays leads everything; otherwise a webcam's face leads head, eyes and brows, and the
    lips, too, as long as nothing is said; otherwise the head lives by itself and looks at the pointer.

    Args:
        person: Who it is.
        voice: What turns voice into motion; by default the shipped model.
        delivery: How it is spoken.
        clock: Seconds, for tests.
    """

    def __init__(
        self,
        person: Person,
        voice: VoiceModel | None = None,
        delivery: Delivery | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        delivery = delivery or Delivery()
        self.person = person
        self.voice = VoiceLine(voice, delivery)
        self.sway = 1.0
        """How much the head moves by itself, from 0."""
        self.adjustments = self._adjusted = Adjustments()
        """What is changed about every frame, whatever moves it."""
        self._clock, self._lock = clock, threading.Lock()
        self._pointer, self._breath, self._nods = Pointer(), Breath(delivery.seed), Nods(delivery.seed)
        self._joins, self._index = Joins(), 0
        self._seen: _Seen | None = None
        self._playing: Motion | None = None
        self._played = 0
        self._source = "self"

    def say(self, samples: Float32[np.ndarray, " samples"], sample_rate: int) -> None:
        """Speak this sound; see `VoiceLine.push`."""
        self.voice.push(samples, sample_rate)

    def hear(self, samples: Float32[np.ndarray, " samples"]) -> None:
        """Listen to somebody else's voice, 16000 samples a second, and nod now and then."""
        with self._lock:
            self._nods.hear(samples)

    def look_at(self, x: float, y: float) -> None:
        """Look at a point of the picture; see `Pointer.aim`."""
        with self._lock:
            self._pointer.aim(x, y)

    def follow(self, motion: Motion, neutral: Motion, number: int = 0) -> None:
        """Move as a webcam's face does; see `WebcamFace.see`. The number comes back in `Moment.face`."""
        with self._lock:
            self._seen = _Seen(motion, neutral, self._clock(), number)

    def play(self, motion: Motion, relative: bool = True) -> None:
        """Play a motion from its start, once.

        Args:
            motion: At any frame rate.
            relative: Move from the photo's own pose, instead of taking over the motion's.
        """
        moved = (relative_motion if relative else absolute_motion)(_at_own_rate(motion), self.person)
        with self._lock:
            self._playing, self._played = moved, 0

    def interrupt(self) -> None:
        """Stop speaking and playing at once; the head comes to rest without a jump."""
        self.voice.interrupt()
        with self._lock:
            self._playing = None

    def next(self) -> Moment:
        """The next moment."""
        spoken, sound = self.voice.next()
        is_speaking = bool(sound.any())
        with self._lock:
            chest, nod = self._breath.next(), self._nods.next()
            turn, look = self._pointer.next()
            source, motion, face = self._chosen(spoken, chest, nod, turn, look, is_speaking)
        adjustments = self.adjustments
        if adjustments is not self._adjusted:
            self._joins.cut()
            self._adjusted = adjustments
        if adjustments != Adjustments():
            motion = adjusted(motion, self.person, adjustments)
        if source != self._source:
            self._joins.cut()
            self._source = source
        motion = held_where_hidden(self._joins.next(motion), self.person, self.person.sight)
        moment = Moment(self._index, motion, sound, is_speaking, face)
        self._index += 1
        return moment

    def _chosen(
        self,
        spoken: Motion,
        chest: float,
        nod: float,
        turn: np.ndarray,
        look: np.ndarray,
        is_speaking: bool,
    ) -> tuple[str, Motion, int]:
        if self._playing is not None:
            frame = self._playing.frame(self._played)
            self._played += 1
            if self._played == len(self._playing):
                self._playing = None
            return "motion", frame, 0
        alive = looking(lived(spoken, chest, nod, self.sway), turn, look)
        own = voiced_motion(_after(still_motion(1), alive), self.person).part(1, None)
        seen = self._seen
        if seen is None or self._clock() - seen.arrived > _LOST_SECONDS:
            return "self", own, 0
        followed = relative_motion(_after(seen.neutral, seen.motion), self.person, seen.neutral).part(1, None)
        if not is_speaking:
            return "webcam", followed, seen.number
        expression = followed.expression.clone()
        expression[:, MOUTH] = own.expression[:, MOUTH]
        return "webcam and voice", replace(followed, expression=expression), seen.number


def _after(reference: Motion, frame: Motion) -> Motion:
    """A frame behind its reference, so that both tell whether positions change."""
    return joined((reference, frame))


def _at_own_rate(motion: Motion) -> Motion:
    """A motion resampled to the session's frames."""
    rate = motion.frame_rate
    if abs(rate - FRAME_RATE) < _RATE_TOLERANCE or len(motion) < 2:
        return replace(motion, frame_rate=FRAME_RATE)
    count = max(1, round(len(motion) * FRAME_RATE / rate))
    times = (torch.arange(count) * (rate / FRAME_RATE)).clamp(max=len(motion) - 1)
    before = times.floor().long().clamp(max=len(motion) - 2)
    share = (times - before).float()

    def between(values: torch.Tensor) -> torch.Tensor:
        weight = share.reshape(-1, *[1] * (values.dim() - 1))
        return values[before].lerp(values[before + 1], weight)

    return Motion(
        between(motion.expression),
        between(motion.rotation),
        between(motion.translation),
        between(motion.gaze),
        FRAME_RATE,
        motion.source,
        None if motion.basel is None else between(motion.basel),
    )
