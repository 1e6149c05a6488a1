"""EG3D (Chan et al., CVPR 2022): random numbers to the tri-plane of a person, the teacher of Real3D-Portrait.

As trained there: the mapping has two layers, and the super-resolution's styles are all ones.
"""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.mapping import ActivatedLinear, unit_moment
from cameo3d.blocks.modulated import (
    ModulatedBlock,
    ScaledLinear,
    ToRGB,
    modulated_convolution,
    upsample_image,
)
from cameo3d.blocks.volume_rendering import SampleNoise
from cameo3d.models.real3d.eg3d.config import EG3D, Eg3dConfig
from cameo3d.models.real3d.renderer import HeadImage, HeadRenderer


class Eg3dGenerator(nn.Module):
    """The whole generator."""

    mean_style: Tensor

    def __init__(self, config: Eg3dConfig = EG3D) -> None:
        super().__init__()
        sizes = config.rendering
        self.config = config
        self.mapping = Mapping(config)
        self.planes = PlaneSynthesis(config)
        self.renderer = HeadRenderer(sizes)
        self.head_block = ModulatedBlock(sizes.plane_channels, sizes.fusion.width, sizes.fusion.style_width)
        self.last_block = ModulatedBlock(
            sizes.fusion.width, sizes.fusion.last_width, sizes.fusion.style_width
        )
        self.register_buffer("mean_style", torch.zeros(config.style))

    def draw_planes(
        self,
        latent: Float[Tensor, "batch latents"],
        camera: Float[Tensor, "batch numbers"],
        truncation: float = 0.7,
    ) -> Float[Tensor, "batch 3 channels size size"]:
        """A person's planes.

        Args:
            latent: Standard normal numbers.
            camera: On which the person is conditioned: 25 numbers, see `split_camera`.
            truncation: How far from the mean person, as a share of the way.
        """
        style = self.mean_style.lerp(self.mapping(latent, camera), truncation)
        return self.planes(style).unflatten(1, (3, -1))

    def forward(
        self,
        planes: Float[Tensor, "batch 3 channels size size"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        noise: SampleNoise | None = None,
    ) -> tuple[Float[Tensor, "batch 3 full full"], HeadImage]:
        """The picture, about [-1, 1], and the rendering behind it."""
        head = self.renderer(planes, eg3d_from_camera, intrinsics, noise)
        style = head.features.new_ones(1, self.config.rendering.fusion.style_width)
        x, image = self.head_block(head.features, head.features[:, :3], style)
        return self.last_block(x, image, style)[1], head


class Mapping(nn.Module):
    """Latent numbers and a camera to a style."""

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.embedding = ScaledLinear(config.camera, config.style)
        widths = (config.latent + config.style, *(config.style,) * config.mapping_depth)
        self.layers = nn.ModuleList(
            ActivatedLinear(inputs, outputs, rate=0.01) for inputs, outputs in pairwise(widths)
        )

    def forward(
        self, latent: Float[Tensor, "batch latents"], camera: Float[Tensor, "batch numbers"]
    ) -> Float[Tensor, "batch style"]:
        """The style."""
        x = torch.cat((unit_moment(latent), unit_moment(self.embedding(camera))), dim=1)
        for layer in self.layers:
            x = layer(x)
        return x


class PlaneSynthesis(nn.Module):
    """StyleGAN2's synthesis network with planes for colours (Karras et al., CVPR 2020)."""

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        widths, channels = config.widths(), 3 * config.rendering.plane_channels
        self.constant = nn.Parameter(torch.randn(widths[4], 4, 4))
        self.first = NoisyLayer(widths[4], widths[4], config.style, 4)
        self.first_planes = ToRGB(widths[4], config.style, channels)
        self.blocks = nn.ModuleList(
            SynthesisBlock(widths[size // 2], width, config.style, channels, size)
            for size, width in widths.items()
            if size > 4
        )

    def forward(self, style: Float[Tensor, "batch style"]) -> Float[Tensor, "batch channels size size"]:
        """All planes' channels, the plane's index slowest."""
        x = self.first(self.constant.expand(len(style), -1, -1, -1), style)
        planes = self.first_planes(x, style)
        for block in self.blocks:
            x, planes = block(x, planes, style)
        return planes


class SynthesisBlock(nn.Module):
    """Twice the size: two layers, and what they add to the planes."""

    def __init__(self, inputs: int, outputs: int, style: int, channels: int, size: int) -> None:
        super().__init__()
        self.before = NoisyLayer(inputs, outputs, style, size, upsample=True)
        self.after = NoisyLayer(outputs, outputs, style, size)
        self.planes = ToRGB(outputs, style, channels)

    def forward(
        self,
        x: Float[Tensor, "batch inputs half half"],
        planes: Float[Tensor, "batch channels half half"],
        style: Float[Tensor, "batch style"],
    ) -> tuple[Float[Tensor, "batch outputs size size"], Float[Tensor, "batch channels size size"]]:
        """Features and planes."""
        x = self.after(self.before(x, style), style)
        return x, upsample_image(planes) + self.planes(x, style)


class NoisyLayer(nn.Module):
    """A style-modulated convolution with a fixed noise picture of its own strength."""

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, style: int, size: int, upsample: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.style = ScaledLinear(style, inputs, bias=1.0)
        self.upsample = upsample
        self.register_buffer("noise", torch.randn(size, size))

    def forward(
        self, x: Float[Tensor, "batch inputs height width"], style: Float[Tensor, "batch style"]
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """The activated layer."""
        x = modulated_convolution(x, self.weight, self.style(style), upsample=self.upsample)
        x = x + self.noise * self.noise_strength + self.bias[:, None, None]
        return functional.leaky_relu(x, 0.2) * math.sqrt(2)
