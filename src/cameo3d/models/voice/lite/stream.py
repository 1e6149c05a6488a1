"""The mouth network as a stream: samples in, weights of all 52 shapes out, of which the mouth's move."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.motion_decoder import (
    MOUTH_COLUMNS,
    STEPS_PER_FRAME,
    MotionDecoder,
    latent_noise,
    sample_span,
    step_count,
)
from cameo3d.models.voice.lite.sound import (
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
    """One voice; around it, before its first and after its last sample, is silence."""

    def __init__(self, mouth: MotionDecoder, delivery: Delivery) -> None:
        self._mouth, self._delivery = mouth, delivery
        self._memory = fresh_hearing()
        self._samples = np.zeros(-sample_span(0, 1)[0], np.float32)
        self._encoder, self._steps = EncoderStream(mouth.ear), torch.zeros(0, HEARD)
        self._heard, self._frames = 0, 0

    @torch.inference_mode()
    def push(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "frames 52"]:
        """Hear on, and give the weights of those frames that became final."""
        self._heard += len(samples)
        self._samples = np.concatenate((self._samples, samples))
        count = (len(self._samples) - WINDOW) // HOP + 1
        if count > 0:
            bands = log_mel(torch.from_numpy(self._samples[: (count - 1) * HOP + WINDOW]))
            features, self._memory = hear(bands, self._memory)
            self._samples = self._samples[count * HOP :]
            self._steps = torch.cat((self._steps, self._encoder.push(features)))
        return self._move()

    def rested(self) -> "LiteLipStream":
        """A voice that begins, of a speaker and in a room that were heard before."""
        fresh = LiteLipStream(self._mouth, self._delivery)
        fresh._memory = self._memory
        return fresh

    def finish(self) -> Float[Tensor, "frames 52"]:
        """The sound has ended: give the frames that are left, one for every 40 ms that have begun."""
        total = -(-self._heard // _FRAME_SAMPLES)
        if total == self._frames:
            return torch.zeros(0, 52)
        _, end = sample_span(total - 1, 1)
        return self.push(np.zeros(end - self._heard, np.float32))

    def _move(self) -> Float[Tensor, "frames 52"]:
        count = max(0, (len(self._steps) - step_count(1)) // STEPS_PER_FRAME + 1)
        weights = torch.zeros(count, len(BLENDSHAPES))
        if count:
            noise = latent_noise(self._delivery.seed, self._frames, count) * self._delivery.temperature
            steps = self._steps[None, : step_count(count)]
            weights[:, MOUTH_COLUMNS] = _LIVELINESS * self._mouth.respond(steps, noise[None])[0]
            weights[:, BLENDSHAPES.index("tongueOut")] = self._mouth.tongue(steps)[0]
            self._steps = self._steps[STEPS_PER_FRAME * count :]
            self._frames += count
        return weights
