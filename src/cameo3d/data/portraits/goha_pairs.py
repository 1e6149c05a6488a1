"""Pairs of pictures to learn GOHA from: which set, which clip and which two frames make a batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.models.goha.shipped_faces import LaidFaces, People
from cameo3d.values.goha_folders import FacedFrame, Frame, GohaClip

Kind = Literal["video", "views", "photos"]
"""Two frames of a video; two views of one person with one expression; a photo with itself."""


@dataclass(frozen=True)
class GohaSet:
    """One data set."""

    name: str
    kind: Kind
    clips: Sequence[GohaClip]


@dataclass(frozen=True)
class GohaPairs:
    """A batch, all of one set."""

    source: Float[Tensor, "batch 3 size size"]
    """Over black, in [-1, 1]."""
    target: Float[Tensor, "batch 3 size size"]
    source_camera: Float[Tensor, "batch 25"]
    """World from camera and intrinsics."""
    target_camera: Float[Tensor, "batch 25"]
    kind: Kind
    source_faces: LaidFaces | None = None
    target_faces: LaidFaces | None = None

    def sources(self) -> People:
        """The people whose photos are given."""
        return People(self.source, self.source_faces)

    def targets(self) -> People:
        """The people as they should look."""
        return People(self.target, self.target_faces)

    def first(self, count: int) -> "GohaPairs":
        """Only some of the pairs."""
        source, target, source_camera, target_camera = (
            x[:count] for x in (self.source, self.target, self.source_camera, self.target_camera)
        )
        faces = [None if x is None else x.first(count) for x in (self.source_faces, self.target_faces)]
        return GohaPairs(source, target, source_camera, target_camera, self.kind, *faces)


class GohaBatches:
    """Draws batches; the same ones for the same number.

    Every batch comes from one set, drawn by the sets' shares; where photos are of no use, because source and
    target are one picture, it is drawn until it is of another set.

    Args:
        sets: The data.
        shares: How often each set is drawn, by its name; sets that are not named are left out.
        count: Pairs of a batch.
        size: Side of the pictures in pixels.
        seed: Of all draws.
        draws_per_step: How many batches make one step, over all processes.
        needs_pairs: Whether a step has no use for photos.
        device: Where batches go.

    Raises:
        InputError: If no set is left, or a step needs pairs and there are only photos.
    """

    def __init__(
        self,
        sets: Sequence[GohaSet],
        shares: Mapping[str, float],
        count: int,
        size: int,
        seed: int,
        draws_per_step: int = 1,
        needs_pairs: Callable[[int], bool] = lambda step: False,
        device: torch.device | str = "cpu",
    ) -> None:
        self._sets = [one for one in sets if shares.get(one.name, 0) > 0]
        if not self._sets:
            raise InputError(f"There is no data to train on; give at least one of {', '.join(shares)}.")
        self._shares = {one.name: shares[one.name] for one in self._sets}
        self._paired = [one for one in self._sets if one.kind != "photos"]
        self._count, self._size, self._seed, self._device = count, size, seed, device
        self._draws_per_step, self._needs_pairs = draws_per_step, needs_pairs
        if not self._paired and any(needs_pairs(step) for step in range(12)):
            raise InputError("Photos alone show nobody twice; give videos or synthetic views, too.")

    def draw(self, index: int) -> GohaPairs:
        """The batch of a number.

        Raises:
            InputError: If a file is missing or broken.
        """
        random = np.random.default_rng((self._seed, index))
        chosen = self._choose(random, index // self._draws_per_step)
        pairs = [_pair(chosen, random) for _ in range(self._count)]
        sources, targets = zip(*pairs, strict=True)
        return GohaPairs(
            source=torch.stack([frame.read(self._size) for frame in sources]).to(self._device),
            target=torch.stack([frame.read(self._size) for frame in targets]).to(self._device),
            source_camera=torch.stack([frame.label() for frame in sources]).to(self._device),
            target_camera=torch.stack([frame.label() for frame in targets]).to(self._device),
            kind=chosen.kind,
            source_faces=self._faces(sources),
            target_faces=self._faces(targets),
        )

    def _faces(self, frames: Sequence[Frame]) -> LaidFaces | None:
        """How the shipped face model lies over frames, if all of them know."""
        known = [face for frame in frames if isinstance(frame, FacedFrame) and (face := frame.face())]
        if len(known) < len(frames):
            return None
        return LaidFaces(*(torch.stack(part).to(self._device) for part in zip(*known, strict=True)))

    def _choose(self, random: np.random.Generator, step: int) -> GohaSet:
        # Drawing again until it fits is drawing among those that fit.
        sets = self._paired if self._needs_pairs(step) else self._sets
        shares = np.array([self._shares[one.name] for one in sets])
        return sets[int(random.choice(len(sets), p=shares / shares.sum()))]


def _pair(chosen: GohaSet, random: np.random.Generator) -> tuple[Frame, Frame]:
    clip = chosen.clips[int(random.integers(len(chosen.clips)))]
    if chosen.kind == "photos" or len(clip.frames) == 1:
        frame = clip.frames[int(random.integers(len(clip.frames)))]
        return frame, frame
    source, target = random.choice(len(clip.frames), 2, replace=False)
    return clip.frames[int(source)], clip.frames[int(target)]


def know_faces(sets: Sequence[GohaSet]) -> bool:
    """Whether every frame tells how the shipped face model lies over it."""
    frames = (frame for one in sets for clip in one.clips for frame in clip.frames)
    return all(isinstance(frame, FacedFrame) and frame.face() is not None for frame in frames)


def most_frontal(sets: Sequence[GohaSet]) -> Frame:
    """The frame whose camera looks most straight at the face."""
    frames = (frame for one in sets for clip in one.clips for frame in clip.frames)
    # The third column of the rotation is where the camera looks; a frontal one looks along -z.
    return min(frames, key=lambda frame: frame.camera[10])
