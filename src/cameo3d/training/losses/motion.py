"""Motion planes should change evenly: with the PNCC, and while eyes close. The weights tune themselves."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def plane_change(
    planes: Float[Tensor, "batch 3 channels height width"],
    others: Float[Tensor, "batch 3 channels height width"],
) -> Float[Tensor, ""]:
    """Mean absolute difference of motion planes, of one PNCC and of one a little off."""
    return (planes - others).abs().mean()


def blink_laplacian(
    opener: Float[Tensor, "batch 3 channels height width"],
    middle: Float[Tensor, "batch 3 channels height width"],
    closer: Float[Tensor, "batch 3 channels height width"],
) -> Float[Tensor, ""]:
    """How far the planes of half-way closing eyes lie off the mean of those around them."""
    return (middle - (opener + closer) / 2).abs().mean()


class AdaptiveWeight(nn.Module):
    """A loss's weight that grows while the loss lies above its aim and shrinks while it lies below.

    Args:
        aim: What the loss should come to; 0 switches it off.
        most: The largest weight.
        start: The first weight.
        rate: Change for each decade between the loss and its aim.
    """

    value: Tensor

    def __init__(self, aim: float, most: float, start: float = 0.001, rate: float = 0.01) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(start if aim > 0 else 0.0))
        self.aim, self.most, self.rate = aim, most, rate

    @torch.no_grad()
    def follow(self, loss: float) -> None:
        """Move the weight by what the loss has become."""
        if self.aim > 0 and loss > 0:
            moved = self.value + self.rate * (math.log10(loss) - math.log10(self.aim))
            self.value.copy_(moved.clamp(0, self.most))
