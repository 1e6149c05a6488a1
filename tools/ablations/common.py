"""What the ablations of both systems share: who is held out, pools of batches, and a table that goes on."""

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cameo3d.data.portraits.shards import Shard
from cameo3d.data.portraits.split import is_held_out
from cameo3d.perception.lpips import PerceptualDistance, load_distance
from cameo3d.training.ema import ema_decay, update_ema
from cameo3d.training.learner import Part
from cameo3d.training.loop import Batches, Stage

EMA = 0.98
"""For short runs."""


def split(folder: Path) -> tuple[list[Shard], list[Shard]]:
    """Shards to learn from, and those of people held out; a file is named PERSON--ANYTHING."""
    shards = [Shard(path) for path in sorted(folder.glob("*.safetensors"))]
    held = [is_held_out(shard.path.name.split("--")[0]) for shard in shards]
    return ([x for x, out in zip(shards, held, strict=True) if not out],
            [x for x, out in zip(shards, held, strict=True) if out])  # fmt: skip


class Pool:
    """So many batches, drawn once and then seen again and again in new orders."""

    def __init__(self, batches: Batches, count: int) -> None:
        self._drawn = [batches.draw(index) for index in range(count)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._drawn)

    def draw(self, index: int) -> Any:
        """The batch of a step."""
        epoch, place = divmod(index, len(self._drawn))
        return self._drawn[np.random.default_rng(epoch).permutation(len(self._drawn))[place]]


def learn(stage: Stage, pool: Pool, steps: int, seed: int, say: str) -> None:
    """Train a stage without files, with averaged weights."""
    start = time.time()
    for step in range(steps):
        scalars = stage.step(step, [Part(pool.draw(step), seed * 1_000_003 + step)])
        for average, network in stage.averaged.items():
            update_ema(stage.networks[average], stage.networks[network], ema_decay(EMA, step))
        if (step + 1) % 100 == 0 or step == 9:
            figures = ", ".join(f"{name} {x:.4f}" for name, x in scalars.items() if name.endswith("l1"))
            print(
                f"{say} {step + 1}: {(time.time() - start) / (step + 1):.2f} s a step, {figures}", flush=True
            )


class Scores:
    """Means over held-out pictures."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}
        self._distance: PerceptualDistance = load_distance("alex")

    @torch.no_grad()
    def add(self, kind: str, made: Tensor, truth: Tensor, parts: dict[str, Tensor]) -> None:
        """L1 in [0, 1] within masks, and LPIPS of whole pictures, which are in [-1, 1]."""
        made = made.clamp(-1, 1)
        errors = (made - truth).abs().mean(dim=1, keepdim=True) / 2
        for name, mask in parts.items():
            if mask.any():
                self._put(f"{kind} {name}", float((errors * mask).sum() / mask.sum()))
        self._put(f"{kind} LPIPS", float(self._distance(made, truth).mean()))

    def _put(self, name: str, value: float) -> None:
        self._sums.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        """By name."""
        return {name: float(np.mean(values)) for name, values in self._sums.items()}


class Table:
    """Scores of what was trained, in a file; what is there is not trained again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def has(self, name: str, seed: int) -> bool:
        """Whether a configuration is done."""
        return any(row[:2] == [name, str(seed)] for row in self._rows())

    def add(self, name: str, seed: int, steps: int, scores: dict[str, float]) -> None:
        """Write scores, one a row."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerows([name, seed, steps, key, f"{x:.5f}"] for key, x in scores.items())

    def _rows(self) -> Sequence[list[str]]:
        return list(csv.reader(self._path.open(newline=""))) if self._path.is_file() else []
