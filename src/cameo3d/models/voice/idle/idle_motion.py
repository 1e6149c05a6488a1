"""What a speaker does besides forming words: sway, nods, brows, gaze and blinks, tied to the voice, no loop.

A linear Gaussian model: loudness and pitch of the voice nod the head and lift the brows through fitted
filters; on top the head sways in three bands of noise with fitted covariance, and settles in pauses; the eyes
turn against the head to stay on the viewer. docs/cards/life.md says on what it was fitted.
"""

import math

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from cameo3d.geometry.basel.pncc_blinks import blink_amount
from cameo3d.geometry.eyes import look_weights
from cameo3d.models.voice.contract import FRAME_RATE, Delivery
from cameo3d.models.voice.idle.eyes import Blinks, Saccades
from cameo3d.models.voice.idle.noise import Band, Noise
from cameo3d.values.motion import BLENDSHAPES, Motion
from cameo3d.weights.shipped import load_tensors

PAST, LOOKAHEAD = 15, 4
"""Frames before and after its own that a frame's nods and brows heed."""
SWAY_HERTZ = ((0.05, 0.3), (0.3, 1.0), (1.0, 3.5))
"""Bands of the sway; the slowest one does not settle in pauses."""
CHANNELS = ("yaw", "pitch", "roll", "x", "y", "z", "brows")
"""Radians, metres, and by how much ARKit's brow weights are raised (or, below 0, drawn down)."""
_VIGOUR_HERTZ = (0.05, 0.5)
"""People move their heads now more, now less; this fast it changes."""
_BORDERS = [len(CHANNELS) * (i + 1) for i in range(len(SWAY_HERTZ))] + [len(CHANNELS) * len(SWAY_HERTZ) + 1]
"""Where the noise of one band ends and that of the next begins; vigour has one column."""
_BROWS_REST = 0.04
"""How high brows are held, so that a speaker looks interested rather than angry."""
_SETTLING = 0.12
"""Share of its way between speaking and silence that the head goes in a frame."""
_NEAR = 4
"""Frames before and after that tell whether somebody speaks at the moment."""
_LIVELY_MOODS = ("happy", "angry", "surprised")
"""In these the head moves one standard deviation of speakers' liveliness more (docs/cards/mood.md)."""
_RAISED = [BLENDSHAPES.index(name) for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")]
_DRAWN = [BLENDSHAPES.index(name) for name in ("browDownLeft", "browDownRight")]
_LIDS = [BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]


class Life:
    """One take; a stream of which every call gives the next frames."""

    def __init__(self, delivery: Delivery) -> None:
        fitted = {name: tensor.double().numpy() for name, tensor in load_tensors("life").items()}
        self._delivery = delivery
        self._nods, self._mixing, self._calm = fitted["nods"], fitted["sway"], float(fitted["calm"])
        self._follow = fitted["follow"]
        self._unevenness = float(fitted["vigour"])
        self._pace = math.exp(self._unevenness) if delivery.mood in _LIVELY_MOODS else 1.0
        self._noise = Noise(delivery.seed, normals=_BORDERS[-1] + 2, uniforms=4)
        earlier = np.split(self._noise.earlier(_BORDERS[-1]), _BORDERS[:-1], axis=1)
        self._bands = [Band(*band) for band in zip((*SWAY_HERTZ, _VIGOUR_HERTZ), earlier, strict=True)]
        self._blinks, self._saccades = Blinks(), Saccades(fitted["stray"])
        self._speaking, self._count = 0.0, 0

    def advance(self, windows: Float32[np.ndarray, "frames 3 window"]) -> Motion:
        """Live on.

        Args:
            windows: For each frame speech, loudness and pitch from a `SpeechDetector`, of the `PAST` frames
                before it, itself, and the `LOOKAHEAD` frames after it.
        """
        count = len(windows)
        normals, uniforms = self._noise.take(count)
        *noises, direction = np.split(normals, _BORDERS, axis=1)
        liveliness, shut, strayed = np.zeros((count, 1)), np.zeros(count), np.zeros((count, 2))
        speech = windows[:, 0, PAST - _NEAR : PAST + _NEAR + 1]
        for i, (now, near) in enumerate(zip(speech[:, _NEAR].tolist(), speech.mean(1).tolist(), strict=True)):
            self._speaking += _SETTLING * (min(1.0, 1.5 * near) - self._speaking)
            liveliness[i] = self._calm + (1 - self._calm) * self._speaking
            shut[i] = self._blinks.next(now, float(uniforms[i, 0]), float(uniforms[i, 1]))
            strayed[i] = self._saccades.next(float(uniforms[i, 2]), float(uniforms[i, 3]), direction[i])
        *swayed, vigour = [band.filter(noise) for band, noise in zip(self._bands, noises, strict=True)]
        # Log-normal, with a mean square of 1.
        liveliness *= np.exp(self._unevenness * vigour - self._unevenness**2)
        moved = np.einsum("fcw,cwk->fk", windows, self._nods)
        for i, (sway, mixing) in enumerate(zip(swayed, self._mixing, strict=True)):
            moved += sway @ mixing.T * (1 if i == 0 else liveliness)
        moved[:, :6] *= self._pace
        return self._posed(moved, shut, strayed)

    def _posed(self, moved: np.ndarray, shut: np.ndarray, strayed: np.ndarray) -> Motion:
        brows = moved[:, 6:] + _BROWS_REST
        expression = np.zeros((len(moved), len(BLENDSHAPES)))
        expression[:, _RAISED], expression[:, _DRAWN] = brows.clip(0, 1), (-brows).clip(0, 1)
        if self._delivery.blink == "natural":
            expression[:, _LIDS] = shut[:, None]
        elif self._delivery.blink == "period":
            regular = [blink_amount(self._count + i, self._delivery.seed) for i in range(len(moved))]
            expression[:, _LIDS] = np.array(regular)[:, None]
        self._count += len(moved)
        pose, gaze = moved[:, :6], strayed - self._follow * moved[:, :2]
        if self._delivery.pose == "still":
            pose, gaze = np.zeros_like(pose), np.zeros_like(gaze)
        gazes = np.repeat(gaze[:, None], 2, axis=1)
        expression += look_weights(gazes)
        return Motion(
            _floats(expression),
            _floats(pose[:, :3]),
            _floats(pose[:, 3:] + (0, 0, 1)),
            _floats(gazes),
            FRAME_RATE,
            "a voice",
        )


def _floats(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
