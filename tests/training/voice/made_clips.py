"""Clips and interruptions for the tests of training."""

from collections.abc import Callable

import torch

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.models.voice.lite.lip_shape import lip_opening
from cameo3d.models.voice.lite.motion_decoder import MOUTH_SHAPES


def made_clip(name: str, speaker: str, tracked: bool, frames: int = 30) -> VoiceClip:
    """Hissing bursts during which the jaw is open."""
    generator = torch.Generator().manual_seed(len(name))
    jaw = (torch.sin(torch.arange(frames) * 0.9) > 0).float()
    samples = torch.randn(frames * 640, generator=generator) * 0.1 * jaw.repeat_interleave(640)
    weights = torch.zeros(frames, len(MOUTH_SHAPES))
    weights[:, MOUTH_SHAPES.index("jawOpen")] = 0.3 * jaw
    sounds = torch.zeros(4 * frames + 1, dtype=torch.int64)
    return VoiceClip(name, speaker, tracked, samples, sounds, weights, lip_opening(weights))


class Stopped(Exception):
    """Somebody stopped the training."""


def stopping_at(last: int) -> tuple[list[int], Callable[[int, dict[str, float]], None]]:
    """A log that stops the training once, before that step's checkpoint is written, and the steps it saw."""
    steps: list[int] = []

    def stop(step: int, losses: dict[str, float]) -> None:
        steps.append(step)
        if step == last and steps.count(last) == 1:
            raise Stopped

    return steps, stop
