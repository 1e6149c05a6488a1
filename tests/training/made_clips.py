"""Clips for the tests of training."""

import torch

from cameo3d.data.voice_clips import VoiceClip
from cameo3d.models.voice.lite.lips import lip_opening
from cameo3d.models.voice.lite.mouth import MOUTH_SHAPES


def made_clip(name: str, speaker: str, tracked: bool, frames: int = 30) -> VoiceClip:
    """Hissing bursts during which the jaw is open."""
    generator = torch.Generator().manual_seed(len(name))
    jaw = (torch.sin(torch.arange(frames) * 0.9) > 0).float()
    samples = torch.randn(frames * 640, generator=generator) * 0.1 * jaw.repeat_interleave(640)
    weights = torch.zeros(frames, len(MOUTH_SHAPES))
    weights[:, MOUTH_SHAPES.index("jawOpen")] = 0.3 * jaw
    sounds = torch.zeros(4 * frames + 1, dtype=torch.int64)
    return VoiceClip(name, speaker, tracked, samples, sounds, weights, lip_opening(weights))
