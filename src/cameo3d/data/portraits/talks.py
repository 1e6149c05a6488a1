"""What the voice of Real3D-Portrait learns from: speech, and the expressions of who says it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cameo3d.models.voice.official.sync_expert import MOTION_FRAMES, SPEECH_STEPS


@dataclass(frozen=True)
class Talk:
    """A clip of somebody who speaks: 50 steps of sound and 25 frames a second."""

    speaker: str
    speech: Float[Tensor, "steps channels"]
    """HuBERT's features."""
    pitch: Float[Tensor, " steps"]
    """Hertz, 0 without voice."""
    identity: Float[Tensor, "80"]
    expression: Float[Tensor, "frames 64"]
    blink: Int[Tensor, " frames"]
    """1 in the middle of a blink."""
    mouth: float
    """How far the mouth opens."""

    def __len__(self) -> int:
        """Frames that have sound, a multiple of four."""
        return min(len(self.expression), len(self.speech) // 2) // 4 * 4


@dataclass(frozen=True)
class TalkBatch:
    """Whole clips, padded to the longest."""

    speech: Float[Tensor, "batch steps channels"]
    pitch: Float[Tensor, "batch steps"]
    blink: Int[Tensor, "batch steps"]
    mouth: Float[Tensor, " batch"]
    identity: Float[Tensor, "batch 80"]
    expression: Float[Tensor, "batch frames 64"]
    mask: Float[Tensor, "batch frames"]
    """1 where the clip has not ended."""

    def to(self, device: torch.device) -> "TalkBatch":
        """The same on a device."""
        return TalkBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class SyncBatch:
    """Pieces of speech and of motion."""

    speech: Float[Tensor, "batch steps channels"]
    identity: Float[Tensor, "batch 80"]
    expression: Float[Tensor, "batch frames 64"]
    in_step: Bool[Tensor, " batch"]
    """Whether they belong together."""

    def to(self, device: torch.device) -> "SyncBatch":
        """The same on a device."""
        return SyncBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


def padded(talks: Sequence[Talk]) -> TalkBatch:
    """Several clips as one batch."""
    frames = max(map(len, talks))

    def filled(parts: Sequence[Tensor], length: int) -> Tensor:
        result = parts[0].new_zeros((len(parts), length, *parts[0].shape[1:]))
        for row, part in zip(result, parts, strict=True):
            row[: len(part)] = part
        return result

    return TalkBatch(
        speech=filled([talk.speech[: 2 * len(talk)] for talk in talks], 2 * frames),
        pitch=filled([talk.pitch[: 2 * len(talk)] for talk in talks], 2 * frames),
        blink=filled([talk.blink[: len(talk)].repeat_interleave(2) for talk in talks], 2 * frames),
        mouth=torch.tensor([talk.mouth for talk in talks]),
        identity=torch.stack([talk.identity for talk in talks]),
        expression=filled([talk.expression[: len(talk)] for talk in talks], frames),
        mask=filled([torch.ones(len(talk)) for talk in talks], frames),
    )


def bucketed(lengths: Sequence[int], most_steps: int, most_clips: int) -> list[list[int]]:
    """Clips of like length together, so that the longest times their number is not too much.

    Args:
        lengths: Of the clips, in frames.
        most_steps: Of a batch with its padding, two to a frame.
        most_clips: Of a batch.
    """
    buckets: list[list[int]] = []
    for index in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        longest = lengths[buckets[-1][0]] if buckets else 0
        full = not buckets or 2 * longest * (len(buckets[-1]) + 1) > most_steps
        if full or len(buckets[-1]) >= most_clips:
            buckets.append([index])
        else:
            buckets[-1].append(index)
    return buckets


class TalkBatches:
    """Draws buckets of whole clips.

    Args:
        talks: Clips with at least 32 steps of sound.
        most_steps: Steps of a batch, padding included.
        most_clips: Clips of a batch.
        seed: Of all draws.
        device: Where batches go.
    """

    def __init__(
        self, talks: Sequence[Talk], most_steps: int, most_clips: int, seed: int, device: torch.device
    ) -> None:
        self._talks, self._device, self._seed = talks, device, seed
        self._buckets = bucketed([len(talk) for talk in talks], most_steps, most_clips)

    def draw(self, index: int) -> TalkBatch:
        """One bucket; all come once an epoch, in a new order."""
        epoch, place = divmod(index, len(self._buckets))
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._buckets))
        return padded([self._talks[i] for i in self._buckets[order[place]]]).to(self._device)


class SyncBatches:
    """Draws pieces of speech with their own motion, or that of another moment or speaker.

    Args:
        talks: Clips.
        pairs: Pieces in a batch.
        shares: Of those in step, off by 2 to 5 frames, off by 5 to 10, and of another speaker.
        seed: Of all draws.
        device: Where batches go.
    """

    def __init__(
        self,
        talks: Sequence[Talk],
        pairs: int,
        shares: Sequence[float],
        seed: int,
        device: torch.device,
    ) -> None:
        self._talks = [talk for talk in talks if len(talk) > MOTION_FRAMES + 10]
        self._pairs, self._shares, self._seed, self._device = pairs, shares, seed, device

    def draw(self, index: int) -> SyncBatch:
        """The pieces of one batch."""
        random = np.random.default_rng((self._seed, index))
        kinds = random.choice(4, self._pairs, p=self._shares)
        pieces = [self._piece(int(kind), random) for kind in kinds]
        speech, identity, expression = (torch.stack(x) for x in zip(*pieces, strict=True))
        return SyncBatch(speech, identity, expression, torch.from_numpy(kinds == 0)).to(self._device)

    def _piece(self, kind: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        talk = self._talks[random.integers(len(self._talks))]
        last = len(talk) - MOTION_FRAMES
        start = int(random.integers(last + 1))
        heard = talk.speech[2 * start : 2 * start + SPEECH_STEPS]
        if kind == 3:
            others = [other for other in self._talks if other.speaker != talk.speaker]
            if others:
                talk = others[random.integers(len(others))]
                start = int(random.integers(len(talk) - MOTION_FRAMES + 1))
            else:  # a single speaker: another moment, far off
                kind = 2
        if kind in (1, 2):
            way = int(random.integers(2, 6) if kind == 1 else random.integers(5, 11))
            sides = [side for side in (-way, way) if 0 <= start + side <= last]
            start += sides[random.integers(len(sides))]
        return heard, talk.identity, talk.expression[start : start + MOTION_FRAMES]
