"""A network that follows another slowly, and so is less moved by single batches."""

import torch
from torch import nn


@torch.no_grad()
def approach(average: nn.Module, network: nn.Module, share: float) -> None:
    """Move a network's numbers towards another's by a share of their difference."""
    for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        slow.lerp_(fast, share)
