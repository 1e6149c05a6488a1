"""The lite voice model's ear: from features of a sound to what is being said, whoever says it.

Convolutions over bands and time in turn, shaped after its teacher, Google's speech embedding (Lin et al.,
"Training keyword spotters with limited and synthesized speech data", ICASSP 2020). Time is never padded, so
that any cutting into chunks hears the same.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cameo3d.models.voice.lite.sound import BANDS

EAR_CONTEXT = 28
"""Feature frames on either side of the one in a motion frame's middle that `Heard.words` depend on."""
SYLLABLE_MARGIN = 2
"""Motion frames by which `Heard.syllables` reach further than `Heard.words`, on either side."""
SOUND_MARGINS = (9, 8)
"""Steps of 20 ms by which `Heard.sounds` reach further, before the first and after the last frame."""
SOUND_CHANNELS = 72 * (BANDS // 4)
SYLLABLE_CHANNELS = 96 * (BANDS // 8)
WORD_CHANNELS = 96 * (BANDS // 16)


@dataclass(frozen=True)
class Heard:
    """What the ear makes of a sound, at three spans of time."""

    sounds: Float[Tensor, "batch steps sound_channels"]
    """50 times a second, each from 0.23 s of sound."""
    syllables: Float[Tensor, "batch more_frames syllable_channels"]
    """25 times a second, each from 0.41 s."""
    words: Float[Tensor, "batch frames word_channels"]
    """25 times a second, each from 0.57 s."""


class Ear(nn.Module):
    """Features to what is heard in them.

    Args:
        learning: Normalise every layer by its batch, as the ear's training needs; `settled` takes that out.
    """

    def __init__(self, learning: bool = False) -> None:
        super().__init__()
        self.tones = nn.Sequential(
            _Step(1, 24, 3, 3, learning), _Step(24, 24, 1, 3, learning), _Step(24, 24, 3, 1, learning)
        )
        self.sounds = nn.Sequential(
            _glimpse(24, 48, learning), nn.MaxPool2d((1, 2)), _glimpse(48, 72, learning)
        )
        self.syllables = _glimpse(72, 96, learning)
        self.words = _glimpse(96, 96, learning)

    def forward(self, features: Float[Tensor, "batch features bands"]) -> Heard:
        """What is heard around motion frames a to b (frame i at time i / 25).

        Args:
            features: From `sound.hear`: the frames whose windows are centred at 10 ms times 4 a - 28 to
                4 b + 28.
        """
        sounds = self.sounds(F.max_pool2d(self.tones(features[:, None]), 2))
        syllables = self.syllables(F.max_pool2d(sounds, 2))
        words = self.words(F.max_pool2d(syllables, (1, 2)))
        return Heard(_rows(sounds), _rows(syllables), _rows(words))


def settled(ear: Ear) -> Ear:
    """The same ear with its normalisations made part of its convolutions.

    Args:
        ear: One that was made for learning.
    """
    after = Ear()
    steps = [module for module in ear.eval().modules() if isinstance(module, _Step)]
    for step, plain in zip(steps, (part for part in after.modules() if isinstance(part, _Step)), strict=True):
        assert isinstance(step.normalise, nn.BatchNorm2d)
        plain.look = fuse_conv_bn_eval(step.look, step.normalise)
    return after


class _Step(nn.Module):
    """A convolution over time, unpadded, and bands."""

    def __init__(self, before: int, after: int, times: int, bands: int, learning: bool) -> None:
        super().__init__()
        self.look = nn.Conv2d(before, after, (times, bands), padding=(0, bands // 2), bias=not learning)
        self.normalise = nn.BatchNorm2d(after) if learning else nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch before steps bands"]
    ) -> Float[Tensor, "batch after fewer bands"]:
        return F.leaky_relu(self.normalise(self.look(x)), 0.2)


def _glimpse(before: int, after: int, learning: bool) -> nn.Sequential:
    """Look along bands and time, twice; eats two steps of time at either end."""
    return nn.Sequential(
        _Step(before, after, 1, 3, learning),
        _Step(after, after, 3, 1, learning),
        _Step(after, after, 1, 3, learning),
        _Step(after, after, 3, 1, learning),
    )


def _rows(maps: Float[Tensor, "batch channels steps bands"]) -> Float[Tensor, "batch steps rows"]:
    return maps.permute(0, 2, 1, 3).flatten(2)
