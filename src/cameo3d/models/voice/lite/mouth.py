"""The lite voice model's network: from what is heard to the weights of the mouth's shapes.

The ear says what is being said; the mouth moves by that and by a latent that stands for everything a voice
does not tell. Nothing is padded: a motion frame depends on `FEATURE_CONTEXT` feature frames to either side,
no more and no less, so that any cutting into chunks gives the same motion.
"""

import functools

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.errors import WeightsError
from cameo3d.models.voice.lite.ear import (
    EAR_CONTEXT,
    SYLLABLE_CHANNELS,
    SYLLABLE_MARGIN,
    WORD_CHANNELS,
    Ear,
    Heard,
)
from cameo3d.models.voice.lite.flow import Flow
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, HOP, SAMPLE_RATE, WINDOW
from cameo3d.values import BLENDSHAPES
from cameo3d.weights.store import load_tensors

FRAME_RATE = 25.0
"""Motion frames a second."""
FEATURE_CONTEXT = EAR_CONTEXT
"""Feature frames on either side of the one in a motion frame's middle that the motion depends on."""
LOOKBACK_FRAMES = LOOKAHEAD_FRAMES = 8
"""The same in whole motion frames, with the half window of the features: 292.5 ms."""
LATENTS = 8
CONTEXT = 192
"""Size of what the mouth knows of the sound at a frame."""

_CONTROLS: tuple[tuple[str, ...], ...] = (
    ("jawForward",),
    ("jawOpen",),
    ("mouthClose",),
    ("mouthFunnel",),
    ("mouthPucker",),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("mouthFrownLeft", "mouthFrownRight"),
    ("mouthDimpleLeft", "mouthDimpleRight"),
    ("mouthStretchLeft", "mouthStretchRight"),
    ("mouthRollLower",),
    ("mouthRollUpper",),
    ("mouthShrugLower",),
    ("mouthShrugUpper",),
    ("mouthPressLeft", "mouthPressRight"),
    ("mouthLowerDownLeft", "mouthLowerDownRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight"),
)
MOUTH_SHAPES: tuple[str, ...] = tuple(name for pair in _CONTROLS for name in pair)
"""The ARKit shapes that speech moves, in the order of the network's output; both sides move alike."""
MOUTH_COLUMNS = [BLENDSHAPES.index(name) for name in MOUTH_SHAPES]
"""Their places among all ARKit shapes."""
_CONTROL_OF_SHAPE = tuple(index for index, pair in enumerate(_CONTROLS) for _ in pair)


class Mouth(nn.Module):
    """Features and noise to weights of `MOUTH_SHAPES`.

    Args:
        dropout: Share of what is heard that training leaves out.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.ear = Ear()
        self.drop = nn.Dropout(dropout)
        self.gather = nn.Conv1d(SYLLABLE_CHANNELS, CONTEXT, 2 * SYLLABLE_MARGIN + 1)
        self.recall = nn.Linear(WORD_CHANNELS, CONTEXT)
        self.plan = nn.Sequential(
            nn.LayerNorm(CONTEXT), nn.GELU(), nn.Dropout(dropout), nn.Linear(CONTEXT, CONTEXT), nn.GELU()
        )
        self.flow = Flow(LATENTS, CONTEXT)
        self.move = nn.Sequential(
            nn.LayerNorm(CONTEXT + LATENTS),
            nn.Linear(CONTEXT + LATENTS, CONTEXT),
            nn.GELU(),
            nn.Linear(CONTEXT, len(_CONTROLS)),
        )

    def forward(
        self, features: Float[Tensor, "batch features bands"], noise: Float[Tensor, "batch frames latents"]
    ) -> Float[Tensor, "batch frames shapes"]:
        """Weights of the mouth's shapes.

        Args:
            features: From `sound.hear`. For motion frames a to b (at 25 fps, frame i at time i / 25), the
                feature frames whose windows are centred at 10 ms times 4 a - 28 to 4 b + 28.
            noise: Unit Gaussians from `latent_noise`, times a temperature; zeros give the likeliest take.

        Returns:
            Weights in [0, 1], shapes as in `MOUTH_SHAPES`.
        """
        context = self.understand(self.ear(features))
        return self.decode(context, self.flow.latent(noise, context))

    def understand(self, heard: Heard) -> Float[Tensor, "batch frames context"]:
        """What matters to the mouth of what is heard."""
        gathered = self.gather(self.drop(heard.syllables).transpose(1, 2)).transpose(1, 2)
        return self.plan(gathered + self.recall(self.drop(heard.words)))

    def decode(
        self, context: Float[Tensor, "batch frames context"], latent: Float[Tensor, "batch frames latents"]
    ) -> Float[Tensor, "batch frames shapes"]:
        """Weights in [0, 1] from the context of the sound and a latent of the flow."""
        controls = self.move(torch.cat((context, latent), -1)).sigmoid()
        return controls[..., torch.tensor(_CONTROL_OF_SHAPE, device=controls.device)]


def sample_span(first_frame: int, frame_count: int) -> tuple[int, int]:
    """First sample, and the one after the last, that motion frames depend on; the first may be negative."""
    first = FEATURES_PER_MOTION_FRAME * first_frame - FEATURE_CONTEXT
    last = FEATURES_PER_MOTION_FRAME * (first_frame + frame_count - 1) + FEATURE_CONTEXT
    return HOP * first - WINDOW // 2, HOP * last + WINDOW // 2


def latent_noise(seed: int, first_frame: int, frame_count: int) -> Float[Tensor, "frames latents"]:
    """Unit Gaussian noise that changes within about 160 ms, as mouths do; the same wherever chunks are cut.

    Args:
        seed: Of the take, not negative.
        first_frame: Motion frame of the first row, not negative.
        frame_count: How many rows.
    """
    times = np.arange(first_frame, first_frame + frame_count) / 4
    before = times.astype(int)
    first = first_frame // 4
    knots = np.stack(
        [
            np.random.default_rng((seed, knot)).standard_normal(LATENTS)
            for knot in range(first, first + frame_count // 4 + 3)
        ]
    )
    share = (times - before)[:, None]
    mixed = (1 - share) * knots[before - first] + share * knots[before - first + 1]
    return torch.from_numpy((mixed / np.sqrt((1 - share) ** 2 + share**2)).astype(np.float32))


@functools.cache
def load_mouth() -> Mouth:
    """Load the shipped network; it is read once and must not be changed in place.

    Raises:
        WeightsError: If the file is missing, damaged, or of another layout.
    """
    mouth = Mouth()
    try:
        mouth.load_state_dict({name: tensor.float() for name, tensor in load_tensors("voice").items()})
    except RuntimeError as error:
        raise WeightsError(f"The voice model does not fit this release: {error}") from error
    return mouth.eval().requires_grad_(False)


assert HOP * FEATURES_PER_MOTION_FRAME * FRAME_RATE == SAMPLE_RATE, "features and motion share their clock"
