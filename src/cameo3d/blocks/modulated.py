"""Layers whose weights are scaled by a style vector (Karras et al., CVPR 2020).

Weights are stored at unit scale and multiplied by 1/sqrt(inputs) when used, so that all learn at one rate.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.winograd import convolve


class ScaledLinear(nn.Module):
    """A linear layer whose stored weights have unit variance."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.gain = 1 / math.sqrt(inputs)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        """Map the last axis."""
        return functional.linear(x, self.weight * self.gain, self.bias)


class ScaledPointwise(nn.Module):
    """A 1x1 convolution whose stored weights have unit variance."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height width"]:
        """Map the channels of each pixel."""
        return functional.conv2d(x, self.weight * self.gain, self.bias)


class ModulatedLayer(nn.Module):
    """A style-modulated 3x3 convolution with a bias and a leaky ReLU of constant variance."""

    def __init__(self, inputs: int, outputs: int, style_width: int, upsample: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = ScaledLinear(style_width, inputs, bias=1.0)
        self.upsample = upsample

    def forward(
        self, x: Float[Tensor, "batch inputs height width"], style: Float[Tensor, "styles style_width"]
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """Convolve, at twice the size if the layer upsamples; each map has a style, or all have one."""
        # The gain of sqrt(2) behind the activation may as well stand before it.
        gain = math.sqrt(2)
        x = modulated_convolution(
            x, self.weight, self.style(style), upsample=self.upsample, gain=gain, bias=self.bias * gain
        )
        return functional.leaky_relu(x, 0.2, inplace=True)


class ToRGB(nn.Module):
    """A style-modulated 1x1 convolution to colours, without demodulation or activation."""

    def __init__(self, inputs: int, style_width: int, outputs: int = 3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = ScaledLinear(style_width, inputs, bias=1.0)
        self.gain = 1 / math.sqrt(inputs)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"], style: Float[Tensor, "styles style_width"]
    ) -> Float[Tensor, "batch colors height width"]:
        """Colours of each pixel, to be added to those of coarser blocks."""
        scales = self.style(style) * self.gain
        return modulated_convolution(x, self.weight, scales, demodulate=False, bias=self.bias)


class ModulatedBlock(nn.Module):
    """Two modulated layers that refine features, and the colours read off them."""

    def __init__(self, inputs: int, outputs: int, style_width: int, upsample: bool = True):
        super().__init__()
        self.first = ModulatedLayer(inputs, outputs, style_width, upsample=upsample)
        self.second = ModulatedLayer(outputs, outputs, style_width)
        self.to_rgb = ToRGB(outputs, style_width)
        self.upsample = upsample

    def forward(
        self,
        x: Float[Tensor, "batch inputs height width"],
        image: Float[Tensor, "batch 3 height width"],
        style: Float[Tensor, "styles style_width"],
    ) -> tuple[
        Float[Tensor, "batch outputs height_out width_out"], Float[Tensor, "batch 3 height_out width_out"]
    ]:
        """Refined features and image, both at twice the size if the block upsamples."""
        x = self.second(self.first(x, style), style)
        if self.upsample:
            image = upsample_image(image)
        return x, image + self.to_rgb(x, style)


def modulated_convolution(
    x: Float[Tensor, "batch inputs height width"],
    weight: Float[Tensor, "outputs inputs kernel kernel"],
    scales: Float[Tensor, "styles inputs"],
    demodulate: bool = True,
    upsample: bool = False,
    gain: float = 1.0,
    bias: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, "batch outputs height_out width_out"]:
    """Convolve with weights scaled per input channel and, if demodulated, back to unit norm per output.

    Args:
        x: A batch of maps.
        weight: Before it is scaled.
        scales: Of each input channel, for every map of the batch or one for all.
        demodulate: Whether the weights of each output channel get unit norm.
        upsample: Whether the result has twice the size.
        gain: Factor of the convolution's result.
        bias: Added to that.
    """
    energies = scales.square() @ weight.square().sum(dim=(2, 3)).mT
    norms = gain * torch.rsqrt(energies + 1e-8) if demodulate else torch.full_like(energies, gain)
    if len(scales) == 1:  # one set of weights serves all
        weight = weight * scales[0, :, None, None] * norms[0, :, None, None, None]
        return _convolve(x, weight, bias, upsample)
    # Scaling inputs and outputs is the same as scaling the weights, but one convolution serves all styles.
    x = _convolve(x * scales[:, :, None, None], weight, None, upsample) * norms[:, :, None, None]
    return x if bias is None else x + bias[:, None, None]


def _convolve(
    x: Float[Tensor, "batch inputs height width"],
    weight: Float[Tensor, "outputs inputs kernel kernel"],
    bias: Float[Tensor, " outputs"] | None,
    upsample: bool,
) -> Float[Tensor, "batch outputs height_out width_out"]:
    if not upsample and weight.shape[-1] == 3:
        return convolve(x, weight, bias)
    if not upsample:
        return functional.conv2d(x, weight, bias)
    return smooth(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2), bias)


def smooth(
    x: Float[Tensor, "batch channels height width"], bias: Float[Tensor, " channels"] | None = None
) -> Float[Tensor, "batch channels rows columns"]:
    """Blur after zero insertion: kernel [1, 3, 3, 1] with gain 2 along each axis; one pixel less each way.

    Args:
        x: A batch of maps.
        bias: Added to the result.
    """
    channels = x.shape[1]
    weight = _tent(x).expand(channels, 1, 4, 4)
    return functional.conv2d(x, weight, bias, padding=1, groups=channels)


def upsample_image(
    image: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height_out width_out"]:
    """Twice the size by zero insertion and the kernel [1, 3, 3, 1] along each axis."""
    channels = image.shape[1]
    weight = _tent(image).expand(channels, 1, 4, 4)
    return functional.conv_transpose2d(image, weight, stride=2, padding=1, groups=channels)


def _tent(like: Float[Tensor, "*any"]) -> Float[Tensor, "4 4"]:
    """The kernel [1, 3, 3, 1] / 4 along both axes, made where it is needed: a GPU need not be sent it."""
    kernel = 1 - (torch.arange(4, dtype=like.dtype, device=like.device) - 1.5).abs() / 2
    return torch.outer(kernel, kernel)
