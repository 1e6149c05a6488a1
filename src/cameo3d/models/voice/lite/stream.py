"""The mouth network as a stream: samples in, weights of all 52 shapes out, of which the mouth's move."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.motion_decoder import (
    LOOKAHEAD_FRAMES,
    MOUTH_COLUMNS,
    STEPS_PER_FRAME,
    MotionDecoder,
    latent_noise,
    sample_span,
    step_count,
)
from cameo3d.models.voice.lite.sound import (
    BANDS,
    FEATURES_PER_MOTION_FRAME,
    HOP,
    WINDOW,
    fresh_hearing,
    hear,
    log_mel,
)
from cameo3d.models.voice.lite.speech_encoder import HEARD, EncoderStream
from cameo3d.values import BLENDSHAPES

_FRAME_SAMPLES = HOP * FEATURES_PER_MOTION_FRAME
_LIVELINESS = 1.2
"""How much further lips move than the network lets them: a likeliest motion is a mean, and moves less than
anybody does (docs/cards/voice.md). Lips that touch still do."""


class LiteLipStream:
    """One voice; around it, before its first and after its last sample, is silence.

    Args:
        mouth: The network.
        delivery: How it is spoken.
        look_ahead: Frames of sound that a frame waits for. If they are fewer than the network looks ahead, it
            takes what comes after them for silence: lips come earlier and fit a little less (docs/live.md),
            and how the sound is cut changes them a little.
    """

    def __init__(self, mouth: MotionDecoder, delivery: Delivery, look_ahead: int = LOOKAHEAD_FRAMES) -> None:
        self._mouth, self._delivery, self._look_ahead = mouth, delivery, look_ahead
        self._memory = fresh_hearing()
        self._samples = np.zeros(-sample_span(0, 1)[0], np.float32)
        self._encoder, self._steps = EncoderStream(mouth.ear), torch.zeros(0, HEARD)
        self._heard, self._given = 0, 0
        self._frames = 0
        """Frames whose steps are no longer kept."""

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 52"]:
        """Hear on, and give the weights of those frames that became final."""
        self._heard += len(samples)
        if self._look_ahead < LOOKAHEAD_FRAMES:
            due = self._heard // _FRAME_SAMPLES - self._look_ahead
        else:
            due = (self._heard - sample_span(0, 1)[1]) // _FRAME_SAMPLES + 1
        return self._move(samples, due)

    def rested(self) -> "LiteLipStream":
        """A voice that begins, of a speaker and in a room that were heard before."""
        fresh = LiteLipStream(self._mouth, self._delivery, self._look_ahead)
        fresh._memory = self._memory
        return fresh

    def finish(self) -> Float[Tensor, "frames 52"]:
        """The sound has ended: give the frames that are left, one for every 40 ms that have begun."""
        return self._move(np.zeros(0, np.float32), -(-self._heard // _FRAME_SAMPLES))

    @torch.inference_mode()
    def _move(self, samples: Float32[np.ndarray, " samples"], due: int) -> Float[Tensor, "frames 52"]:
        """Hear on, and give frames until so many are given; sound that is not known counts as silence."""
        sound = np.concatenate((self._samples, samples))
        known = max(0, (len(sound) - WINDOW) // HOP + 1)
        features = torch.zeros(0, BANDS)
        if known:
            bands = log_mel(torch.from_numpy(sound[: (known - 1) * HOP + WINDOW]))
            features, self._memory = hear(bands, self._memory)
        self._samples = sound[known * HOP :]
        missing = sample_span(due - 1, 1)[1] - self._heard if due > self._given else 0
        guessed = torch.zeros(0, BANDS)
        if missing > 0:
            silence = np.concatenate((self._samples, np.zeros(missing, np.float32)))
            guessed, _ = hear(log_mel(torch.from_numpy(silence)), self._memory)
        steps, sure = self._encoder.push(features, guessed)
        steps, sure = torch.cat((self._steps, steps)), len(self._steps) + sure
        weights = torch.zeros(max(0, due - self._given), len(BLENDSHAPES))
        if len(weights):
            start = STEPS_PER_FRAME * (self._given - self._frames)
            seen = steps[None, start : start + step_count(len(weights))]
            noise = latent_noise(self._delivery.seed, self._given, len(weights)) * self._delivery.temperature
            weights[:, MOUTH_COLUMNS] = _LIVELINESS * self._mouth.respond(seen, noise[None])[0]
            weights[:, BLENDSHAPES.index("tongueOut")] = self._mouth.tongue(seen)[0]
            self._given = due
        past = max(0, min((sure - step_count(1)) // STEPS_PER_FRAME + 1, self._given - self._frames))
        self._steps, self._frames = steps[STEPS_PER_FRAME * past : sure], self._frames + past
        return weights
