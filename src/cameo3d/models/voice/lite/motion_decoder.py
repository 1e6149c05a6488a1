"""The lite voice model's network: from what is heard to the weights of the mouth's shapes.

The ear says what is being said; the mouth moves by that and by a latent that stands for everything a voice
does not tell. Nothing is padded: a motion frame depends on `FEATURES_BEFORE` feature frames before it and
`FEATURES_AFTER` after it, no more and no less, so that any cutting into chunks gives the same motion.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.errors import WeightsError
from cameo3d.models.voice.lite import speech_encoder as hearing
from cameo3d.models.voice.lite.flow import LatentFlow
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, HOP, WINDOW
from cameo3d.models.voice.lite.speech_encoder import FEATURES_PER_STEP, HEARD, SOUNDS, SpeechEncoder
from cameo3d.values import BLENDSHAPES
from cameo3d.values.sound import SAMPLE_RATE
from cameo3d.weights.shipped import load_tensors

FRAME_RATE = 25.0
"""Motion frames a second."""
STEPS_PER_FRAME = FEATURES_PER_MOTION_FRAME // FEATURES_PER_STEP
"""Steps of the ear to a motion frame."""
_LOOKED, _CALMED = 2, 1
"""Steps of the ear to either side that the mouth looks at, and over which what it makes of them is averaged,
for calm lips; it learns without, at the steps `FRAME_STEPS`."""
_STEPS_AROUND = _LOOKED + _CALMED
"""Steps before and after a motion frame that it depends on."""
FRAME_STEPS = slice(_CALMED, -_CALMED, STEPS_PER_FRAME)
"""Of the steps that `MotionDecoder.understand` gives, those in the middles of motion frames."""
FEATURES_BEFORE = hearing.FEATURES_BEFORE + FEATURES_PER_STEP * _STEPS_AROUND
FEATURES_AFTER = hearing.FEATURES_AFTER + FEATURES_PER_STEP * _STEPS_AROUND
"""Feature frames before and after the one in a motion frame's middle that the motion depends on."""
LOOKAHEAD_FRAMES = 8
"""The latter in whole motion frames, with the half window of the features: 312.5 ms."""
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
_DOUBTFUL, _SURE = 0.1, 0.7
"""Probabilities of these sounds, over 60 ms, from which on lips begin to meet for them, and meet."""
_MEETING = [SOUNDS.index(name) for name in ("P", "B", "M")]
_TONGUE = {"TH": 0.5, "DH": 0.5, "L": 0.35, "N": 0.25}
"""How far the tongue is put out, or up to the teeth, for these sounds (`tongueOut`)."""
_PARTING = {
    "jawOpen": 0.5,
    "mouthFunnel": 1.0,
    "mouthLowerDown": 1.0,
    "mouthUpperUp": 1.0,
    "mouthShrugUpper": 1.0,
}
_PRESSING = {"mouthPress": 0.15, "mouthRollLower": 0.1, "mouthRollUpper": 0.1}
"""What these sounds take from controls that part the lips, and give to those that press them together. The
jaw stays half open: `mouthClose` of the same size brings the lips together under it."""
_CONTROL_OF_SHAPE = tuple(index for index, pair in enumerate(_CONTROLS) for _ in pair)


class MotionDecoder(nn.Module):
    """Features and noise to weights of `MOUTH_SHAPES`.

    Args:
        dropout: Share of what is heard that training leaves out.
        ear_dropout: Share of the answer of every block of the ear that training leaves out.
    """

    def __init__(self, dropout: float = 0.0, ear_dropout: float = 0.0) -> None:
        super().__init__()
        self.ear = SpeechEncoder(ear_dropout)
        self.drop = nn.Dropout(dropout)
        self.gather = nn.Conv1d(HEARD, CONTEXT, 2 * _LOOKED + 1)
        self.plan = nn.Sequential(
            nn.LayerNorm(CONTEXT), nn.GELU(), nn.Dropout(dropout), nn.Linear(CONTEXT, CONTEXT), nn.GELU()
        )
        self.flow = LatentFlow(LATENTS, CONTEXT)
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
                feature frames whose windows are centred at 10 ms times 4 a - `FEATURES_BEFORE` to
                4 b + `FEATURES_AFTER`, of which there are `feature_count`.
            noise: Unit Gaussians from `latent_noise`, times a temperature; zeros give the likeliest take.

        Returns:
            Weights in [0, 1], shapes as in `MOUTH_SHAPES`.
        """
        return self.respond(self.ear(features), noise)

    def respond(
        self, heard: Float[Tensor, "batch steps heard"], noise: Float[Tensor, "batch frames latents"]
    ) -> Float[Tensor, "batch frames shapes"]:
        """Weights of the mouth's shapes, as `forward`, from what the ear heard: `step_count` steps."""
        context = F.avg_pool1d(self.understand(heard).mT, 2 * _CALMED + 1, STEPS_PER_FRAME).mT
        return self.decode(context, self.flow.latent(noise, context), self.closure(heard))

    def understand(self, heard: Float[Tensor, "batch steps heard"]) -> Float[Tensor, "batch fewer context"]:
        """What matters to the mouth of what is heard, at every step but the first and last two."""
        return self.plan(self.gather(self.drop(heard).mT).mT)

    def closure(self, heard: Float[Tensor, "batch steps heard"]) -> Float[Tensor, "batch frames"]:
        """How far lips meet for p, b and m, as everybody's do: all the way where these are surely heard."""
        return self._surely(self.ear.names(heard)[..., _MEETING].exp().sum(-1))

    def tongue(self, heard: Float[Tensor, "batch steps heard"]) -> Float[Tensor, "batch frames"]:
        """How far the tongue comes forward for th, l and n, where these are surely heard."""
        names = self.ear.names(heard).exp()
        weights = names.new_tensor([_TONGUE.get(sound, 0.0) for sound in SOUNDS])
        likely = names[..., weights > 0]
        most = (likely @ weights[weights > 0]) / likely.sum(-1).clamp(min=1e-6)
        return self._surely(likely.sum(-1)) * self._over_frames(most)

    def _surely(self, likely: Float[Tensor, "batch steps"]) -> Float[Tensor, "batch frames"]:
        """From 0 for what is in doubt to 1 for what is sure around a frame."""
        return ((self._over_frames(likely) - _DOUBTFUL) / (_SURE - _DOUBTFUL)).clamp(0, 1)

    def _over_frames(self, likely: Float[Tensor, "batch steps"]) -> Float[Tensor, "batch frames"]:
        around = likely[:, _STEPS_AROUND - 1 : likely.shape[1] - _STEPS_AROUND + 1]
        return F.avg_pool1d(around, 3, STEPS_PER_FRAME)

    def decode(
        self,
        context: Float[Tensor, "batch frames context"],
        latent: Float[Tensor, "batch frames latents"],
        closure: Float[Tensor, "batch frames"],
    ) -> Float[Tensor, "batch frames shapes"]:
        """Weights in [0, 1] from the context of the sound, a latent of the flow, and `closure`."""
        controls = self.move(torch.cat((context, latent), -1)).sigmoid()
        controls = _meeting(controls, closure[..., None])
        return controls[..., torch.tensor(_CONTROL_OF_SHAPE, device=controls.device)]


def _meeting(
    controls: Float[Tensor, "batch frames controls"], closure: Float[Tensor, "batch frames 1"]
) -> Float[Tensor, "batch frames controls"]:
    """Controls with the lips brought together, under a jaw that need not close."""
    parting, pressing = torch.zeros(2, len(_CONTROLS)).to(controls)
    for name, share in _PARTING.items():
        parting[_control(name)] = share
    for name, weight in _PRESSING.items():
        pressing[_control(name)] = weight
    controls = controls * (1 - closure * parting) + closure * pressing * (1 - controls)
    jaw, close = _control("jawOpen"), _control("mouthClose")
    meet = controls[..., close : close + 1].lerp(controls[..., jaw : jaw + 1], closure)
    return torch.cat((controls[..., :close], meet, controls[..., close + 1 :]), -1)


def _control(name: str) -> int:
    return next(index for index, pair in enumerate(_CONTROLS) if pair[0].startswith(name))


def feature_count(frame_count: int) -> int:
    """Feature frames that so many motion frames, at least one, depend on."""
    return FEATURES_BEFORE + FEATURES_PER_MOTION_FRAME * (frame_count - 1) + 1 + FEATURES_AFTER


def step_count(frame_count: int) -> int:
    """Steps of the ear that so many motion frames, at least one, depend on."""
    return STEPS_PER_FRAME * (frame_count - 1) + 2 * _STEPS_AROUND + 1


def sample_span(first_frame: int, frame_count: int) -> tuple[int, int]:
    """First sample, and the one after the last, that motion frames depend on; the first may be negative."""
    first = FEATURES_PER_MOTION_FRAME * first_frame - FEATURES_BEFORE
    last = first + feature_count(frame_count) - 1
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
def load_motion_decoder() -> MotionDecoder:
    """Load the shipped network; it is read once and must not be changed in place.

    Raises:
        WeightsError: If the file is missing, damaged, or of another layout.
    """
    mouth = MotionDecoder()
    try:
        mouth.load_state_dict({name: tensor.float() for name, tensor in load_tensors("voice").items()})
    except RuntimeError as error:
        raise WeightsError(f"The voice model does not fit this release: {error}") from error
    return mouth.eval().requires_grad_(False)


assert HOP * FEATURES_PER_MOTION_FRAME * FRAME_RATE == SAMPLE_RATE, "features and motion share their clock"
