"""A small U-Net whose last layer begins with zeros, so that training begins with no change at all."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class SmallUNet(nn.Module):
    """Pictures to pictures of the same size, a multiple of 16; it computes at half their size and below.

    Args:
        inputs: Channels that it sees.
        outputs: Channels that it gives.
        widths: Channels at a half, a quarter, an eighth and a sixteenth of the size.
    """

    def __init__(
        self, inputs: int, outputs: int, widths: tuple[int, int, int, int] = (32, 48, 64, 96)
    ) -> None:
        super().__init__()
        self.first = _block(4 * inputs, widths[0])
        self.down = nn.ModuleList(_block(a, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height width"]:
        """Map pictures; a new network gives zeros."""
        x = self.first(functional.pixel_unshuffle(x, 2))
        seen = [x]
        for block in self.down:
            x = block(functional.avg_pool2d(x, 2))
            seen.append(x)
        for block, fine in zip(reversed(self.up), reversed(seen[:-1]), strict=True):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat((fine, x), 1))
        return functional.pixel_shuffle(self.last(x), 2)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.SiLU(),
    )
