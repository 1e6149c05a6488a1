"""Super-resolution in the manner of GFPGAN (Wang et al., CVPR 2021): a U-Net steers a style-based decoder."""

import math
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.blocks.modulated import modulated_convolution

NoiseSource = Literal["none", "stored"] | torch.Generator
"""Of the decoder's noise: none, the maps of the checkpoint, or fresh draws as in the release."""


class Resized(nn.Module):
    """In the place of super-resolution: the small image, made larger smoothly."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], noise: NoiseSource = "none"
    ) -> Float[Tensor, "batch 3 size size"]:
        """The image at the full size."""
        return resize(image, self.size, self.size)


class SuperResolution(nn.Module):
    """From a small image to a large one."""

    def __init__(self, widths: tuple[int, ...], style_width: int):
        """Build the network.

        Args:
            widths: Channels of the U-Net at 4, 8, 16, ... pixels; their count gives the image's size.
            style_width: Length of the style vectors.
        """
        super().__init__()
        levels = len(widths) - 1
        self.size = 4 * 2**levels
        self.first = nn.Conv2d(3, widths[-1], 1)
        self.down = nn.ModuleList(
            ResizingBlock(widths[i], widths[i - 1], scale=0.5) for i in range(levels, 0, -1)
        )
        self.last = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.styles = nn.Linear(16 * widths[0], 2 * (levels + 1) * style_width)
        self.up = nn.ModuleList(
            ResizingBlock(widths[i - 1], widths[i], scale=2.0) for i in range(1, levels + 1)
        )
        self.scales = nn.ModuleList(_condition(width) for width in widths[1:])
        self.shifts = nn.ModuleList(_condition(width) for width in widths[1:])
        self.side_colors = nn.ModuleList(nn.Conv2d(width, 3, 1) for width in widths[1:])
        self.decoder = StyleDecoder(tuple(2 * width for width in widths), style_width)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], noise: NoiseSource = "none"
    ) -> Float[Tensor, "batch 3 size size"]:
        """Enlarge an image in [-1, 1], in the precision of the weights; the result is not clamped."""
        styles, maps = self.analyse(image.to(self.first.weight.dtype))
        scales = [layer(x) for layer, x in zip(self.scales, maps, strict=True)]
        shifts = [layer(x) for layer, x in zip(self.shifts, maps, strict=True)]
        return self.decoder(styles, scales, shifts, noise).to(image.dtype)

    def analyse(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch styles style_width"], list[Float[Tensor, "batch _ _ _"]]]:
        """Styles of the decoder's layers, and the U-Net's maps from 8 pixels up."""
        x = functional.interpolate(image, size=(self.size,) * 2, mode="bilinear", align_corners=True)
        # On a CPU convolutions of few channels are faster when those of a pixel lie together.
        x = x.contiguous(memory_format=torch.channels_last)
        x = _activated(self.first(x))
        seen = []
        for block in self.down:
            x = block(x)
            seen.append(x)
        x = _activated(self.last(x))
        styles = self.styles(x.flatten(1)).unflatten(1, (2 * len(seen) + 2, -1))
        maps = []
        for block, passed in zip(self.up, reversed(seen), strict=True):
            x = block(x + passed)
            maps.append(x)
        return styles, maps


class ResizingBlock(nn.Module):
    """Two convolutions with a change of size between them, and a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, scale: float):
        super().__init__()
        self.before = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.after = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.scale = scale

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """The resized map."""
        height, width = (int(side * self.scale) for side in x.shape[2:])
        refined = resize(_activated(self.before(x)), height, width)
        # Mixing channels and resizing can change places; the smaller map is the cheaper one to mix.
        if self.scale > 1:
            passed = resize(self.shortcut(x), height, width)
        else:
            passed = self.shortcut(resize(x, height, width))
        return _activated(self.after(refined)) + passed


class StyleDecoder(nn.Module):
    """A StyleGAN2 decoder that upsamples bilinearly; the U-Net steers half of each level's channels."""

    def __init__(self, widths: tuple[int, ...], style_width: int):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.layers = nn.ModuleList([StyledLayer(widths[0], widths[0], style_width)])
        self.colors = nn.ModuleList([StyledColors(widths[0], style_width)])
        for inputs, outputs in pairwise(widths):
            self.layers.append(StyledLayer(inputs, outputs, style_width, upsample=True))
            self.layers.append(StyledLayer(outputs, outputs, style_width))
            self.colors.append(StyledColors(outputs, style_width))
        for index in range(len(self.layers)):
            side = 4 * 2 ** ((index + 1) // 2)
            self.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side))

    def forward(
        self,
        styles: Float[Tensor, "batch styles style_width"],
        scales: list[Float[Tensor, "batch _ _ _"]],
        shifts: list[Float[Tensor, "batch _ _ _"]],
        noise: NoiseSource,
    ) -> Float[Tensor, "batch 3 height width"]:
        """Decode styles into an image, every level from 8 pixels up steered by its scales and shifts."""
        x = self.constant.expand(len(styles), -1, -1, -1)
        x = self.layers[0](x, styles[:, 0], self._noise(0, noise, x))
        image = self.colors[0](x, styles[:, 1])
        for level, (scale, shift) in enumerate(zip(scales, shifts, strict=True)):
            index = 2 * level + 1
            x = self.layers[index](x, styles[:, index], self._noise(index, noise, x))
            kept, steered = x.chunk(2, dim=1)
            x = torch.cat((kept, steered * scale + shift), dim=1)
            x = self.layers[index + 1](x, styles[:, index + 1], self._noise(index + 1, noise, x))
            image = resize(image, *x.shape[2:]) + self.colors[level + 1](x, styles[:, index + 2])
        return image

    def _noise(self, index: int, source: NoiseSource, like: Tensor) -> Tensor | None:
        stored = self.get_buffer(f"noise_{index}")
        if isinstance(source, torch.Generator):
            shape = (like.shape[0], 1, *stored.shape[2:])
            return torch.randn(shape, generator=source, device=source.device).to(like)
        return stored if source == "stored" else None


class StyledLayer(nn.Module):
    """A style-modulated convolution with noise, bias and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, style_width: int, upsample: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(9 * inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = _style(style_width, inputs)
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.upsample = upsample

    def forward(
        self,
        x: Float[Tensor, "batch inputs height width"],
        style: Float[Tensor, "batch style_width"],
        noise: Float[Tensor, "_ 1 height_out width_out"] | None,
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """Convolve, at twice the size if the layer upsamples."""
        if self.upsample:
            x = resize(x, 2 * x.shape[2], 2 * x.shape[3])
        x = styled_convolution(x, self.weight, self.style(style), self.bias, gain=math.sqrt(2))
        if noise is not None:
            x = x + self.noise_strength * noise
        return _activated(x)


class StyledColors(nn.Module):
    """A style-modulated 1x1 convolution to colours."""

    def __init__(self, inputs: int, style_width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(3))
        self.style = _style(style_width, inputs)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"], style: Float[Tensor, "batch style_width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Colours to be added to those of coarser levels."""
        return styled_convolution(x, self.weight, self.style(style), self.bias, demodulate=False)


def styled_convolution(
    x: Float[Tensor, "batch inputs height width"],
    weight: Float[Tensor, "outputs inputs kernel kernel"],
    scales: Float[Tensor, "batch inputs"],
    bias: Float[Tensor, " outputs"],
    gain: float = 1.0,
    demodulate: bool = True,
) -> Float[Tensor, "batch outputs height width"]:
    """`modulated_convolution` times a gain and with a bias; for one image all scales go into the weights."""
    if len(x) > 1:
        return modulated_convolution(x, weight, scales, demodulate) * gain + bias[:, None, None]
    scaled = weight * (scales[0] * gain)[:, None, None]
    if demodulate:
        energies = weight.square().sum(dim=(2, 3)) @ scales[0].square()
        scaled = scaled * torch.rsqrt(energies + 1e-8)[:, None, None, None]
    return functional.conv2d(x, scaled, bias, padding=weight.shape[-1] // 2)


def _activated(x: Float[Tensor, "batch channels height width"]) -> Tensor:
    return functional.leaky_relu(x, 0.2, inplace=True)


def _style(style_width: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(style_width, outputs)
    nn.init.ones_(layer.bias)
    return layer


def _condition(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, padding=1)
    )
