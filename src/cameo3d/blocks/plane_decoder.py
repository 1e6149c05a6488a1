"""From what the planes hold at a point to its density and colour."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.modulated import ScaledLinear


class PlaneDecoder(nn.Module):
    """Two layers, as in EG3D (Chan et al., CVPR 2022); views from all sides see the same colours."""

    def __init__(self, channels: int = 32, hidden: int = 64, colors: int = 32):
        super().__init__()
        self.first = ScaledLinear(channels, hidden)
        self.second = ScaledLinear(hidden, 1 + colors)

    def forward(
        self, features: Float[Tensor, "batch points channels"], first_colors: int | None = None
    ) -> tuple[Float[Tensor, "batch points colors"], Float[Tensor, "batch points"]]:
        """Colours, a thousandth wider than [0, 1], and densities before their activation.

        Args:
            features: What the planes hold.
            first_colors: How many colours are wanted; None for all.
        """
        wanted = slice(None if first_colors is None else 1 + first_colors)
        weight, bias = self.second.weight[wanted] * self.second.gain, self.second.bias[wanted]
        x = functional.linear(functional.softplus(self.first(features)), weight, bias)
        return x[..., 1:].sigmoid() * (1 + 2 * 0.001) - 0.001, x[..., 0]
