"""What flows back through a network."""

import torch
from torch import Tensor


def slowed(x: Tensor, share: float = 0.1) -> Tensor:
    """The same value, through which only a share of the gradient flows back."""
    return x * share + x.detach() * (1 - share) if torch.is_grad_enabled() else x


def clamped(x: Tensor) -> Tensor:
    """Within [-1, 1]; gradients flow back as if nothing had been cut, so that no pixel is stuck outside."""
    cut = x.clamp(-1, 1)
    return x + (cut - x).detach() if torch.is_grad_enabled() else cut
