"""The loop that all stages share: draw batches, let the stage take a step, average, report, save."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from cameo3d.training.checkpoints import load_checkpoint, save_checkpoint
from cameo3d.training.distributed import Processes, share_state, synchronise_norms
from cameo3d.training.ema import ema_decay, update_ema
from cameo3d.training.learner import Learner, Part
from cameo3d.training.reports import Reports
from cameo3d.training.samplers import batch_index

logger = logging.getLogger(__name__)

_SEED_STRIDE = 1_000_003
"""Between the seeds of trainings: batches have numbers of their own below it for long enough."""


@runtime_checkable
class Stage(Protocol):
    """What one stage of a training knows: its networks, and how they take a step."""

    @property
    def networks(self) -> nn.ModuleDict:
        """All that is saved: trained, averaged, and discriminators."""
        ...

    @property
    def learners(self) -> Mapping[str, Learner]:
        """One for each optimiser."""
        ...

    @property
    def averaged(self) -> Mapping[str, str]:
        """EMA's name in `networks` to the name of the network that it follows."""
        ...

    def step(self, step: int, parts: Sequence[Part[Any]]) -> dict[str, float]:
        """One iteration, the generator's and the discriminator's; returns scalars for the log."""
        ...

    def sheet(self, batch: Any) -> UInt8[np.ndarray, "height width 3"] | None:
        """Pictures of what the networks make of a batch, if there is anything to see."""
        ...


@runtime_checkable
class Batches(Protocol):
    """Where batches come from."""

    def draw(self, index: int) -> Any:
        """The batch of a number, always the same one, on the device of the training."""
        ...


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    steps: int
    accumulate: int = 1
    """Batches of a process whose gradients are added up for one step."""
    ema: float = 0.999
    """Share of the averaged weights that stays in a step."""
    seed: int = 0
    log_every: int = 100
    sheet_every: int = 1000
    save_every: int = 1000
    workers: int = 2
    """Threads that prepare batches ahead; 0 draws each when it is needed."""


def train(
    stage: Stage,
    batches: Batches,
    plan: Plan,
    folder: Path,
    recipe: str,
    processes: Processes | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> int:
    """Train a stage, or take up the training whose checkpoint lies in the folder.

    The same data and recipe give the same weights, however often it was stopped, on the same machine.

    Args:
        stage: Networks and losses.
        batches: The data.
        plan: How long and how often.
        folder: For `checkpoint.safetensors`, the log and the sheets.
        recipe: A text that names all choices.
        processes: Where this process stands among others; alone if left out.
        report: Called with the steps done and their mean losses, besides the log in the folder.

    Returns:
        Steps done.

    Raises:
        TrainingError: If the checkpoint is another training's, or gradients stay infinite.
    """
    processes = processes or Processes()
    path = folder / "checkpoint.safetensors"
    optimizers = {name: learner.optimizer for name, learner in stage.learners.items()}
    first, extra = load_checkpoint(path, recipe, stage.networks, optimizers)
    for name, learner in stage.learners.items():
        if isinstance(scale := extra.get(name), dict) and scale:
            learner.scaler.load_state_dict(scale)
    share_state(stage.networks)
    synchronise_norms(stage.networks, processes.device)

    with Reports(folder, first, plan.steps, processes.first, report) as reports:
        for step, drawn in _drawn(batches, plan, first, processes):
            scalars = stage.step(step, drawn)
            for average, network in stage.averaged.items():
                update_ema(stage.networks[average], stage.networks[network], ema_decay(plan.ema, step))

            done = step + 1
            reports.add(scalars)
            if done % plan.log_every == 0 or done == plan.steps:
                reports.write(done)
            if processes.first and (done % plan.sheet_every == 0 or done == plan.steps):
                with torch.no_grad():
                    reports.sheet(done, stage.sheet(drawn[0].batch))
            if processes.first and (done % plan.save_every == 0 or done == plan.steps):
                scales = {name: learner.scaler.state_dict() for name, learner in stage.learners.items()}
                save_checkpoint(path, done, recipe, stage.networks, optimizers, scales)
    return plan.steps


def _drawn(
    batches: Batches, plan: Plan, first: int, processes: Processes
) -> Iterator[tuple[int, list[Part[Any]]]]:
    """The parts of each step, prepared a few steps ahead by threads."""

    def part(step: int, number: int) -> Part[Any]:
        index = batch_index(step, number, plan.accumulate, processes.rank, processes.count)
        return Part(batches.draw(index), plan.seed * _SEED_STRIDE + index)

    if plan.workers == 0:
        for step in range(first, plan.steps):
            yield step, [part(step, number) for number in range(plan.accumulate)]
        return
    with ThreadPoolExecutor(plan.workers) as pool:
        ahead: dict[int, list[Future[Part[Any]]]] = {}
        for step in range(first, plan.steps):
            for later in range(step, min(step + 1 + plan.workers, plan.steps)):
                if later not in ahead:
                    ahead[later] = [pool.submit(part, later, number) for number in range(plan.accumulate)]
            yield step, [future.result() for future in ahead.pop(step)]
