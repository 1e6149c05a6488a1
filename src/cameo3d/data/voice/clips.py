"""What the voice model learns from: clips of speech, most with the motion of the mouth with them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from cameo3d.models.voice.lite.lip_shape import lip_opening
from cameo3d.models.voice.lite.motion_decoder import FEATURES_BEFORE, feature_count
from cameo3d.models.voice.lite.sound import HOP, WINDOW, power_spectra

_LEADS = (("grid_", 0.5), ("obama_wa", -1.65), ("obama_wh", -0.8))
"""By how many frames the lips of a corpus come later than in most; measured, see docs/cards/voice.md."""


@dataclass(frozen=True)
class VoiceClip:
    """One stretch of speech, with the motion that belongs to it."""

    name: str
    """The file, relative to its folder."""
    speaker: str
    tracked: bool
    """Whether the motion was seen; else it is zero."""
    samples: Float[Tensor, " samples"]
    """The sound, 16000 samples a second; sample 0 belongs to frame 0."""
    sounds: Int64[Tensor, " names"]
    """Place in `SOUNDS` of what is spoken, a hundred times a second, or -1 where nobody knows."""
    weights: Float[Tensor, "frames shapes"]
    """Of `MOUTH_SHAPES`, at 25 frames a second; zeros if not tracked."""
    openings: Float[Tensor, " frames"]
    """Lip opening, see `lip_opening`."""

    def __len__(self) -> int:
        return len(self.openings)

    @property
    def synthesised(self) -> bool:
        """Whether a machine said it."""
        return self.name.startswith(("espeak_", "festival_", "flite_"))

    def power(self) -> Float[Tensor, "features bins"]:
        """Power spectra of all feature frames that the motion depends on, with silence around the sound."""
        before = HOP * FEATURES_BEFORE + WINDOW // 2
        count = feature_count(len(self))
        padded = torch.zeros(HOP * (count - 1) + WINDOW)
        part = self.samples[: len(padded) - before]
        padded[before : before + len(part)] = part
        return power_spectra(padded)


def in_step(clip: VoiceClip) -> VoiceClip:
    """The motion moved in time, so that all corpora agree in how sound and lips belong together."""
    lead = next((lead for prefix, lead in _LEADS if clip.name.startswith(prefix)), 0.0)
    places = (np.arange(len(clip)) + lead).clip(0, len(clip) - 1)
    before = torch.from_numpy(places.astype(np.int64))
    after = (before + 1).clamp(max=len(clip) - 1)
    share = torch.from_numpy(places - before.numpy()).float()[:, None]
    weights = clip.weights[before] * (1 - share) + clip.weights[after] * share
    return VoiceClip(clip.name, clip.speaker, True, clip.samples, clip.sounds, weights, lip_opening(weights))


def speaker_chances(clips: Sequence[VoiceClip], power: float) -> Float64[np.ndarray, " clips"]:
    """How likely each clip is drawn: a speaker as often as the power of what there is of them."""
    totals: dict[str, int] = {}
    for clip in clips:
        totals[clip.speaker] = totals.get(clip.speaker, 0) + len(clip)
    chances = np.array([len(clip) * totals[clip.speaker] ** (power - 1) for clip in clips])
    return chances / chances.sum()
