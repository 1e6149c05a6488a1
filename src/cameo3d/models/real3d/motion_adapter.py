"""From three PNCC pictures to what a motion adds to the canonical tri-plane, for every frame."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import double_with_corners
from cameo3d.blocks.modulated import ScaledPointwise
from cameo3d.blocks.segformer import MixTransformer, ScaleFusion
from cameo3d.blocks.winograd import Convolution3x3
from cameo3d.models.real3d.config import MotionSizes
from cameo3d.models.real3d.planes import channels_to_planes


class MotionAdapter(nn.Module):
    """A mix transformer on the PNCC pictures, and convolutions to the planes' size."""

    def __init__(self, sizes: MotionSizes, plane_channels: int):
        super().__init__()
        width = sizes.fused_width
        self.sees_source = sizes.sees_source
        self.mix = ScaledPointwise(9 if sizes.sees_source else 6, 3)
        self.encoder = MixTransformer(
            3,
            sizes.widths,
            sizes.depths,
            sizes.heads,
            sizes.reductions,
            norm_epsilon=1e-6,
            stochastic_depth=0.1,
        )
        self.fuse = ScaleFusion(sizes.widths, width)
        self.fuse_norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout2d(0.1)
        self.layers = nn.ModuleList(Convolution3x3(width, width) for _ in range(3))
        self.output = Convolution3x3(width, 3 * plane_channels)

    def forward(
        self,
        canonical: Float[Tensor, "batch 3 height width"],
        source: Float[Tensor, "batch 3 height width"],
        target: Float[Tensor, "batch 3 height width"],
    ) -> Float[Tensor, "batch 3 channels height_half width_half"]:
        """What to add to the canonical planes.

        Args:
            canonical: PNCC picture (each vertex in its own colour, frontal, in [-1, 1]) without expression.
            source: PNCC picture with the expression of the photo.
            target: PNCC picture with the expression to show.
        """
        seen = (canonical, source, target) if self.sees_source else (canonical, target)
        maps = self.encoder(self.mix(torch.cat(seen, dim=1)))
        x = self.dropout(self.fuse_norm(self.fuse(maps)).relu())
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), inplace=True)
        return channels_to_planes(self.output(double_with_corners(x)))
