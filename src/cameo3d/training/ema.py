"""Exponential moving average (EMA): a network that follows another slowly."""

import torch
from torch import nn


@torch.no_grad()
def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average's parameters towards a network's; buffers, such as running statistics, are copied.

    Args:
        average: Of the same layout as the network; changed in place.
        network: What is trained.
        decay: Share of the average that stays, in [0, 1].
    """
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)
    for slow, fast in zip(average.buffers(), network.buffers(), strict=True):
        slow.copy_(fast)


def ema_decay(decay: float, step: int) -> float:
    """The decay at a step: smaller in the beginning, so that random first weights are forgotten."""
    return min(decay, step / (step + 10))
