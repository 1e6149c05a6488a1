"""Expression planes straight from coefficients, the paper's alternatives to a rendered face (table 5)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.blocks.modulated import ModulatedLayer
from cameo3d.geometry.basel.bfm import COEFFICIENT_WIDTHS, FaceCoefficients
from cameo3d.models.goha.config import GohaConfig

IDENTITY, EXPRESSION = COEFFICIENT_WIDTHS[:2]
BASIS_SIDE = 64
"""Side of the learnt linear bases; at the planes' own they would be 400 million numbers."""
SMALLEST_SIDE = 4


class LinearExpression(nn.Module):
    """A learnt tri-plane for each expression coefficient."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        self.basis = nn.Parameter(
            0.01 * torch.randn(EXPRESSION, 3 * config.plane_channels, BASIS_SIDE, BASIS_SIDE)
        )
        self.side = config.image_size // 2

    def forward(
        self, coefficients: FaceCoefficients
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Tri-planes."""
        x = torch.einsum("be,echw->bchw", coefficients.expression, self.basis)
        return resize(x, self.side, self.side).unflatten(1, (3, -1))


class ModulatedExpression(nn.Module):
    """A style-based decoder whose style is made from identity and expression."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        width = config.fused_width // 2
        self.style = nn.Sequential(
            nn.Linear(IDENTITY + EXPRESSION, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )
        self.constant = nn.Parameter(torch.randn(1, width, SMALLEST_SIDE, SMALLEST_SIDE))
        self.layers = nn.ModuleList(
            ModulatedLayer(width, width, width, upsample=True) for _ in range(_doublings(config))
        )
        self.output = nn.Conv2d(width, 3 * config.plane_channels, 3, padding=1)

    def forward(
        self, coefficients: FaceCoefficients
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Tri-planes."""
        style = self.style(torch.cat((coefficients.identity, coefficients.expression), dim=1))
        x = self.constant.expand(len(style), -1, -1, -1)
        for layer in self.layers:
            x = layer(x, style)
        return self.output(x).unflatten(1, (3, -1))


class EncodedExpression(nn.Module):
    """A linear layer from identity and expression to a small map, and transposed convolutions."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        width = config.fused_width // 2
        self.first = nn.Linear(IDENTITY + EXPRESSION, width * SMALLEST_SIDE**2)
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1) for _ in range(_doublings(config))
        )
        self.output = nn.Conv2d(width, 3 * config.plane_channels, 3, padding=1)

    def forward(
        self, coefficients: FaceCoefficients
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Tri-planes."""
        x = self.first(torch.cat((coefficients.identity, coefficients.expression), dim=1))
        x = x.unflatten(1, (-1, SMALLEST_SIDE, SMALLEST_SIDE))
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
        return self.output(x).unflatten(1, (3, -1))


def _doublings(config: GohaConfig) -> int:
    return (config.image_size // 2 // SMALLEST_SIDE).bit_length() - 1
