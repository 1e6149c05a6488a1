"""A voice line: sound goes in whenever it comes; sound and motion come out together, frame by frame.

Between two sentences silence goes through the same voice model, so that the face lives on in one motion, and
speech begins and ends without a seam.
"""

import threading
from collections import deque
from dataclasses import replace
from itertools import islice

import av
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.media.audio import audio_frame
from cameo3d.models.voice.contract import FRAME_RATE, Delivery, VoiceModel
from cameo3d.models.voice.lite.motion_decoder import load_motion_decoder
from cameo3d.models.voice.lite.stream import LiteLipStream
from cameo3d.models.voice.lite.voice import SpeakerStream
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion import still_motion
from cameo3d.values.sound import SAMPLE_RATE

SOUND_RATE = 48000
"""Samples a second of the sound that comes out, mono."""
FRAME_SAMPLES = round(SOUND_RATE / FRAME_RATE)
"""Samples of it that belong to a frame."""
MOUTH = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "tongue"))]
"""Shapes that speech moves."""
_HEARD_SAMPLES = round(SAMPLE_RATE / FRAME_RATE)
_LOOK_AHEAD = 4
"""Frames of sound that lips wait for; to wait for all that matters would take three more (docs/live.md)."""
_AHEAD = (1 + _LOOK_AHEAD) * _HEARD_SAMPLES
"""Samples from a frame's own on that its lips wait for."""
_ASLEEP_SECONDS = 1.2
"""After so much digital silence nothing that was said matters to the lips any more."""
_CLOSING = {1.0: 0.5, 0.5: 0.15}
"""How far lips still follow in a frame after an interruption, by how far they did in the frame before."""
_OPENING, _READY_FRAMES = 1 / 3, 4
"""By how much more they follow in each frame again, from so many frames before the next sound on."""
_FADE_SAMPLES = SOUND_RATE // 200
_MOST_SECONDS = 600.0
"""Sound that may wait."""


class VoiceLine:
    """One head's voice. Sound may be pushed from any thread; frames are taken from one.

    Args:
        voice: What turns a voice into motion; by default the shipped model, resting while nothing is said.
        delivery: How it is spoken.
    """

    def __init__(self, voice: VoiceModel | None = None, delivery: Delivery | None = None) -> None:
        self._stream = (voice or RestingVoice()).start(delivery or Delivery())
        self._lock = threading.Lock()
        self._queue: deque[Float32[np.ndarray, " samples"]] = deque()
        self._waiting = 0
        self._inlet = _Resampler(SOUND_RATE)
        self._outlet = _Resampler(SAMPLE_RATE, SOUND_RATE)
        self._unheard = np.zeros(0, np.float32)
        # What was heard already and waits for its frame to be shown.
        self._sounds: deque[Float32[np.ndarray, " samples"]] = deque()
        self._motion = still_motion(0)
        self._broken_off = 0
        """Frames from now on that belong to speech that was interrupted."""
        self._is_resting, self._lips = False, 1.0

    @property
    def queued_seconds(self) -> float:
        """Sound that was pushed and is still to come out."""
        with self._lock:
            voiced = sum(1 for sound in self._sounds if sound.any())
            return self._waiting / SOUND_RATE + voiced / FRAME_RATE

    def push(self, samples: Float32[np.ndarray, " samples"], sample_rate: int) -> None:
        """Say on.

        Args:
            samples: Mono, in [-1, 1]; any number of them, as fast as they come.
            sample_rate: Samples a second, from 8000 to 96000.

        Raises:
            ValueError: If more than ten minutes wait already, or the rate is out of range.
        """
        if not 8000 <= sample_rate <= 96000:
            raise ValueError(f"Sound has 8000 to 96000 samples a second, got {sample_rate}.")
        with self._lock:
            if self._waiting > _MOST_SECONDS * SOUND_RATE:
                raise ValueError("More than ten minutes of sound wait already; push slower, or interrupt.")
            block = self._inlet(np.nan_to_num(samples).clip(-1, 1), sample_rate)
            self._queue.append(block)
            self._waiting += len(block)

    def interrupt(self) -> None:
        """Say nothing of what was pushed so far: sound ends at once, lips rest within three frames."""
        with self._lock:
            self._queue.clear()
            self._waiting = 0
            self._inlet = _Resampler(SOUND_RATE)
            for index, sound in enumerate(self._sounds):
                silent = np.zeros_like(sound)
                if index == 0:
                    silent[:_FADE_SAMPLES] = sound[:_FADE_SAMPLES] * np.linspace(1, 0, _FADE_SAMPLES)
                self._sounds[index] = silent.astype(np.float32)
            self._broken_off, self._is_resting = len(self._sounds), True

    def next(self) -> tuple[Motion, Float32[np.ndarray, " samples"]]:
        """The next frame's motion, of a neutral person as `VoiceStream` gives it, and the sound under it."""
        while len(self._motion) == 0:
            # What waits already is heard two frames at once, which takes hardly longer than one.
            count = 2 if self._waiting >= 2 * FRAME_SAMPLES else 1
            self._hear(np.concatenate([self._take() for _ in range(count)]))
        motion, self._motion = self._motion.part(0, 1), self._motion.part(1, None)
        with self._lock:
            follow = self._following()
            sound = self._sounds.popleft()
        if follow < 1:
            expression = motion.expression.clone()
            expression[:, MOUTH] *= follow
            motion = replace(motion, expression=expression)
        return motion, sound

    def _following(self) -> float:
        """How far lips follow the voice model, which does not know that its sound was cut off."""
        if self._broken_off:
            self._broken_off -= 1
        elif self._is_resting:
            self._is_resting = not any(sound.any() for sound in islice(self._sounds, _READY_FRAMES))
        if self._is_resting:
            self._lips = _CLOSING.get(self._lips, 0.0)
        else:
            self._lips = min(1.0, self._lips + _OPENING)
        return self._lips

    def _take(self) -> Float32[np.ndarray, " samples"]:
        """A frame of the sound that waits, or silence."""
        block = np.zeros(FRAME_SAMPLES, np.float32)
        with self._lock:
            filled = 0
            while self._queue and filled < FRAME_SAMPLES:
                part = self._queue.popleft()
                used = part[: FRAME_SAMPLES - filled]
                block[filled : filled + len(used)] = used
                filled += len(used)
                if len(part) > len(used):
                    self._queue.appendleft(part[len(used) :])
            self._waiting -= filled
            self._sounds.append(block)
        return block

    def _hear(self, block: Float32[np.ndarray, " samples"]) -> None:
        self._unheard = np.concatenate((self._unheard, self._outlet(block, SOUND_RATE)))
        count = len(self._unheard) // _HEARD_SAMPLES * _HEARD_SAMPLES
        heard, self._unheard = self._unheard[:count], self._unheard[count:]
        self._motion = _appended(self._motion, self._stream.push(heard))


class RestingVoice:
    """The shipped `VoiceModel` in a hurry, whose network only works while something is said."""

    def start(self, delivery: Delivery) -> SpeakerStream:
        """Begin a voice."""
        return SpeakerStream(RestingLips(delivery), delivery, early=True)


class RestingLips:
    """A `LipStream` that sleeps in longer digital silence, where lips rest anyhow."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._lips: LiteLipStream | None = None
        self._rested = LiteLipStream(load_motion_decoder(), delivery, _LOOK_AHEAD)
        self._samples, self._frames, self._quiet = 0, 0, SAMPLE_RATE * 10

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 52"]:
        """Hear on, and give the weights of those frames that became final."""
        sounding = np.flatnonzero(samples)
        if len(sounding) and self._lips is None:
            self._lips = self._rested.rested()
            # Its first frame is the next one that is due.
            weights = self._lips.push(np.zeros(self._samples - _HEARD_SAMPLES * self._frames, np.float32))
            assert len(weights) == 0, "no frame is due before its sound was heard"
        self._quiet = len(samples) - 1 - int(sounding[-1]) if len(sounding) else self._quiet + len(samples)
        self._samples += len(samples)
        if self._lips is None:
            due = max(0, (self._samples - _AHEAD) // _HEARD_SAMPLES + 1) - self._frames
            weights = torch.zeros(due, len(BLENDSHAPES))
        else:
            weights = self._lips.push(samples)
            if self._quiet > _ASLEEP_SECONDS * SAMPLE_RATE:
                self._rested, self._lips = self._lips, None
        self._frames += len(weights)
        return weights

    def finish(self) -> Float[Tensor, "frames 52"]:
        """The sound has ended: give the frames that are left."""
        missing = -(-self._samples // _HEARD_SAMPLES) - self._frames
        return torch.zeros(missing, len(BLENDSHAPES)) if self._lips is None else self._lips.finish()


class _Resampler:
    """Mono sound of any rate, piece by piece, at one rate."""

    def __init__(self, rate: int, own_rate: int | None = None) -> None:
        self._rate, self._own_rate = rate, own_rate
        self._resampler: av.AudioResampler | None = None

    def __call__(
        self, samples: Float32[np.ndarray, " samples"], sample_rate: int
    ) -> Float32[np.ndarray, " others"]:
        if sample_rate == self._rate or len(samples) == 0:
            return samples.astype(np.float32)
        if self._resampler is None or sample_rate != self._own_rate:
            self._resampler, self._own_rate = (
                av.AudioResampler(format="fltp", layout="mono", rate=self._rate),
                sample_rate,
            )
        frames = self._resampler.resample(audio_frame(samples[None].astype(np.float32), sample_rate))
        return np.concatenate([frame.to_ndarray()[0] for frame in frames] or [np.zeros(0, np.float32)])


def _appended(motion: Motion, more: Motion) -> Motion:
    return Motion(
        torch.cat((motion.expression, more.expression)),
        torch.cat((motion.rotation, more.rotation)),
        torch.cat((motion.translation, more.translation)),
        torch.cat((motion.gaze, more.gaze)),
        FRAME_RATE,
        more.source,
    )
