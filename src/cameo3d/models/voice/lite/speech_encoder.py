"""The lite voice model's ear: from features of a sound to what is being said, whoever says it.

A few convolutions over time and bands, then residual blocks over time, each of which looks further back than
ahead (after Liu et al., "A ConvNet for the 2020s", CVPR 2022). Time is never padded, so that any cutting into
chunks hears the same.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.models.voice.lite.sound import BANDS

SOUNDS = (
    *("SIL", "P", "B", "M", "F", "V", "T", "D", "N", "K", "G", "NG", "TH", "DH", "S", "Z", "SH", "ZH", "CH"),
    *("JH", "L", "R", "ER", "W", "Y", "HH", "AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "IH", "IY"),
    *("OW", "OY", "UH", "UW"),
)
"""The sounds of speech that are told apart: silence and breath, and the phones of English."""

HEARD = 256
"""Size of what is heard at a step."""
FEATURES_PER_STEP = 2
"""A step is 20 ms: two to a motion frame."""
_REACHES = ((5, 1), (5, 1), (4, 2), (5, 1), (5, 1), (4, 2), (5, 1), (5, 1))
"""Steps before and after that each block looks at."""
_STEM = 4
"""Feature frames before and after a step's middle that the first convolutions look at."""
FEATURES_BEFORE = FEATURES_PER_STEP * sum(before for before, _ in _REACHES) + _STEM
FEATURES_AFTER = FEATURES_PER_STEP * sum(after for _, after in _REACHES) + _STEM
"""Feature frames before and after the one in a step's middle that it depends on."""


class SpeechEncoder(nn.Module):
    """Features to what is heard in them, 50 times a second.

    Args:
        dropout: Share of every block's answer that training leaves out.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.tones = nn.ModuleList(
            (
                nn.Conv2d(1, 32, 3, padding=(0, 1)),
                nn.Conv2d(32, 64, 3, stride=(2, 2), padding=(0, 1)),
                nn.Conv2d(64, 64, 3, stride=(1, 2), padding=(0, 1)),
            )
        )
        self.gather = nn.Linear(64 * BANDS // 4, HEARD)
        self.blocks = nn.ModuleList(_Block(before, after, dropout) for before, after in _REACHES)
        self.settle = nn.LayerNorm(HEARD)
        self.name = nn.Linear(HEARD, len(SOUNDS))

    def forward(self, features: Float[Tensor, "batch features bands"]) -> Float[Tensor, "batch steps heard"]:
        """What is heard at steps a to b (step i at time i / 50).

        Args:
            features: From `sound.hear`: the frames whose windows are centred at 10 ms times
                2 a - `FEATURES_BEFORE` to 2 b + `FEATURES_AFTER`.
        """
        heard = self.stem(features)
        for block in self.blocks:
            heard = block(heard)
        return self.settle(heard)

    def stem(self, features: Float[Tensor, "batch features bands"]) -> Float[Tensor, "batch steps heard"]:
        """What the first convolutions make of features: of `2 _STEM + 1` of them, the first step."""
        maps = features[:, None]
        for look in self.tones:
            maps = F.gelu(look(maps))
        return self.gather(maps.permute(0, 2, 1, 3).flatten(2))

    def names(self, heard: Float[Tensor, "batch steps heard"]) -> Float[Tensor, "batch steps sounds"]:
        """Logarithm of how likely each of `SOUNDS` is being spoken."""
        return self.name(heard).log_softmax(-1)


class EncoderStream:
    """A speech encoder that hears on, and computes nothing twice.

    Each block keeps the steps that its next ones look back at.
    """

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder
        self._features = torch.zeros(1, 0, BANDS)
        self._steps = [torch.zeros(1, 0, HEARD) for _ in encoder.blocks]

    def push(
        self, features: Float[Tensor, "features bands"], guessed: Float[Tensor, "others bands"]
    ) -> tuple[Float[Tensor, "steps heard"], int]:
        """Hear on, and give those steps whose features are complete: joined, what the encoder gives.

        Args:
            features: The next ones.
            guessed: What may come after them. It counts for this call only.

        Returns:
            The steps, and how many of them depend on no guess; the others follow.
        """
        heard = torch.cat((self._features, features[None], guessed[None]), 1)
        known = heard.shape[1] - len(guessed)
        sure, count = (max(0, (n - 2 * _STEM - 1) // FEATURES_PER_STEP + 1) for n in (known, heard.shape[1]))
        self._features = heard[:, FEATURES_PER_STEP * sure : known]
        if count == 0:
            return torch.zeros(0, HEARD), 0
        heard = self._encoder.stem(heard[:, : FEATURES_PER_STEP * (count - 1) + 2 * _STEM + 1])
        for index, (block, reach) in enumerate(zip(self._encoder.blocks, _REACHES, strict=True)):
            steps, known = torch.cat((self._steps[index], heard), 1), self._steps[index].shape[1] + sure
            sure = max(0, known - sum(reach))
            self._steps[index] = steps[:, sure:known]
            if steps.shape[1] <= sum(reach):
                return torch.zeros(0, HEARD), 0
            heard = block(steps)
        return self._encoder.settle(heard)[0], sure


class _Block(nn.Module):
    """A look along time, then a small network at every step, added to what was there."""

    def __init__(self, before: int, after: int, dropout: float) -> None:
        super().__init__()
        self._before = before
        self.look = nn.Conv1d(HEARD, HEARD, before + 1 + after, groups=HEARD)
        self.normalise = nn.LayerNorm(HEARD)
        self.widen, self.narrow = nn.Linear(HEARD, 3 * HEARD), nn.Linear(3 * HEARD, HEARD)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch steps heard"]) -> Float[Tensor, "batch fewer heard"]:
        seen = self.look(x.transpose(1, 2)).transpose(1, 2)
        answer = self.narrow(F.gelu(self.widen(self.normalise(seen))))
        return x[:, self._before : self._before + seen.shape[1]] + self.drop(answer)
