"""One optimiser: groups with a schedule each, mixed precision, clipping, and a guard against NaN."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from cameo3d.errors import TrainingError
from cameo3d.training.distributed import average_gradients
from cameo3d.training.schedule import Schedule

logger = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16", "float16"]
Batch = TypeVar("Batch")
Losses = dict[str, Tensor]
"""Scalars by name."""

_MOST_SKIPPED = 20
"""Updates in a row without finite gradients after which a training gives up."""


@dataclass(frozen=True)
class Group:
    """Parameters that learn at one rate."""

    parameters: Sequence[Tensor]
    rate: Schedule


@dataclass(frozen=True)
class Part(Generic[Batch]):
    """A batch, and the seed of all random numbers that its losses draw; parts add up their gradients."""

    batch: Batch
    seed: int


class Learner:
    """Adam on groups of parameters.

    Args:
        groups: By name, which logs use.
        betas: Of Adam.
        max_norm: Gradients are scaled down to this norm over all groups.
        precision: Of what autocast covers; weights stay float32.
        weight_decay: Of AdamW; 0 is plain Adam.
    """

    def __init__(
        self,
        groups: Mapping[str, Group],
        betas: tuple[float, float] = (0.9, 0.999),
        max_norm: float = 1.0,
        precision: Precision = "float32",
        weight_decay: float = 0.0,
    ) -> None:
        self.groups = dict(groups)
        self._max_norm, self._precision = max_norm, precision
        self.optimizer = torch.optim.AdamW(
            [{"params": list(group.parameters)} for group in groups.values()],
            lr=0.0,
            betas=betas,
            weight_decay=weight_decay,
            fused=True,  # one call for all tensors, on GPUs and CPUs
        )
        self.scaler = torch.amp.GradScaler(self._device.type, enabled=precision == "float16")
        self._skipped = 0

    def update(
        self,
        step: int,
        parts: Iterable[Part[Batch]],
        losses: Callable[[Batch], Losses],
        weights: Mapping[str, float],
    ) -> dict[str, float]:
        """Take one step on the mean over all parts and processes; groups whose rate is 0 stay as they are.

        Args:
            step: Steps done, for the schedules.
            parts: Batches of equal size.
            losses: Scalars of one batch.
            weights: Of each loss; what is not named is computed for the log alone.

        Returns:
            The losses, averaged over the parts of this process, and the gradients' norm.

        Raises:
            TrainingError: If gradients were not finite many times in a row.
        """
        parts = list(parts)
        learning = self._set_rates(step)
        self.optimizer.zero_grad(set_to_none=True)
        logged: dict[str, float] = {}
        for part in parts:
            torch.manual_seed(part.seed)
            with self.autocast():
                found = losses(part.batch)
            total = weighted_sum(found, weights) / len(parts)
            if total.requires_grad:
                self.scaler.scale(total).backward()
            for name, value in found.items():
                logged[name] = logged.get(name, 0.0) + float(value.detach()) / len(parts)
        average_gradients(learning)
        self.scaler.unscale_(self.optimizer) if any(p.grad is not None for p in learning) else None
        norm = nn.utils.clip_grad_norm_(learning, self._max_norm)
        self._step(step, bool(norm.isfinite()))
        return logged | {"gradient_norm": float(norm)}

    def autocast(self) -> AbstractContextManager:
        """The precision in which losses are computed."""
        if self._precision == "float32":
            return nullcontext()
        return torch.autocast(self._device.type, getattr(torch, self._precision))

    @property
    def _device(self) -> torch.device:
        return next(iter(self.groups.values())).parameters[0].device

    def _set_rates(self, step: int) -> list[Tensor]:
        learning: list[Tensor] = []
        for group, settings in zip(self.groups.values(), self.optimizer.param_groups, strict=True):
            settings["lr"] = group.rate(step)
            for parameter in group.parameters:
                parameter.requires_grad_(settings["lr"] > 0)
            learning += group.parameters if settings["lr"] > 0 else ()
        return learning

    def _step(self, step: int, finite: bool) -> None:
        if finite:
            self.scaler.step(self.optimizer)
            self._skipped = 0
        else:
            self._skipped += 1
            logger.warning("Step %d: the gradients are not finite; the update is skipped.", step + 1)
        if self.scaler.is_enabled():
            self.scaler.update()
        if self._skipped >= _MOST_SKIPPED:
            raise TrainingError(
                f"The gradients were not finite in {self._skipped} updates up to step {step + 1}; "
                "go on from an earlier checkpoint with a smaller rate, or with --precision float32."
            )


def weighted_sum(losses: Losses, weights: Mapping[str, float]) -> Tensor:
    """Losses times their weights; those without a weight, or with 0, do not count.

    Raises:
        ValueError: If no loss counts.
    """
    counted = [weights[name] * value for name, value in losses.items() if weights.get(name)]
    if not counted:
        raise ValueError(f"None of the losses {', '.join(losses)} has a weight.")
    return torch.stack([value.float() for value in counted]).sum()
