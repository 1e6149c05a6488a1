"""The residual discriminator of StyleGAN2 (Karras et al., CVPR 2020), and EG3D's use of it on two pictures.

EG3D (Chan et al., CVPR 2022) shows it the final picture and the enlarged raw rendering, six channels, and
asks whether they fit the camera.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize_smoothly
from cameo3d.blocks.mapping import ActivatedLinear, unit_moment
from cameo3d.blocks.modulated import ScaledLinear

CAMERA_DEVIATION = (
    *(0.0664, 0.0295, 0.2720, 0.6971, 0.0279, 0.0178, 0.1280, 0.3284, 0.2721, 0.1274, 0.0679, 0.1642),
    *(0.0, 0.0, 0.0, 0.0, 0.0079, 0.0, 0.0, 0.0, 0.0079, 0.0, 0.0, 0.0, 0.0),
)
"""Of the 25 numbers of cameras, where a batch of one shows none; measured in Real3D-Portrait's training."""


class Discriminator(nn.Module):
    """Pictures to one number each: high for real ones.

    Args:
        size: Side of the pictures in pixels, a power of two.
        channels: Of the pictures.
        widths: Channels at the full size, half of it, ... down to 4x4.
        camera: Numbers of the camera that is a condition, 0 for none.
        group: Pictures whose deviation from each other is shown to the last layers.
        mapping_depth: Layers that read the camera.
    """

    def __init__(
        self,
        size: int = 512,
        channels: int = 6,
        widths: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512),
        camera: int = 25,
        group: int = 2,
        mapping_depth: int = 8,
    ) -> None:
        super().__init__()
        if len(widths) != int(math.log2(size)) - 1:
            raise ValueError(
                f"Pictures of {size} pixels need {int(math.log2(size)) - 1} widths, got {len(widths)}."
            )
        last = widths[-1]
        self.first = ScaledConvolution(channels, widths[0], 1)
        self.blocks = nn.ModuleList(DiscriminatorBlock(wide, narrow) for wide, narrow in pairwise(widths))
        self.last = ScaledConvolution(last + 1, last, 3)
        self.flat = ActivatedLinear(16 * last, last)
        self.output = ScaledLinear(last, last if camera else 1)
        self.mapping = CameraMapping(camera, last, mapping_depth) if camera else None
        self.group = group

    def forward(
        self,
        picture: Float[Tensor, "batch channels size size"],
        camera: Float[Tensor, "batch numbers"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Judge pictures in [-1, 1]."""
        x = self.first(picture)
        for block in self.blocks:
            x = block(x)
        x = self.last(torch.cat((x, batch_deviation(x, self.group)), dim=1))
        x = self.output(self.flat(x.flatten(1)))
        if self.mapping is None:
            return x[:, 0]
        assert camera is not None, "this discriminator was built with a camera"
        return (x * self.mapping(camera)).sum(dim=1) / math.sqrt(x.shape[1])


class DiscriminatorBlock(nn.Module):
    """Two convolutions to half the size, with a pointwise shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.before = ScaledConvolution(inputs, inputs, 3)
        self.after = ScaledConvolution(inputs, outputs, 3, shrink=True)
        self.shortcut = ScaledConvolution(inputs, outputs, 1, shrink=True, plain=True)

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height_half width_half"]:
        """A map of half the size."""
        return (self.after(self.before(x)) + self.shortcut(x)) / math.sqrt(2)


class ScaledConvolution(nn.Module):
    """A convolution with weights of unit variance, blurred before it shrinks; then an activation.

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Side.
        shrink: Whether the result has half the size.
        plain: Without bias and activation.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, shrink: bool = False, plain: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = None if plain else nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs * kernel**2)
        self.shrink = shrink

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height_out width_out"]:
        """The convolved map."""
        weight, pad = self.weight * self.gain, self.weight.shape[-1] // 2
        if self.shrink:
            x = functional.conv2d(_blurred(x, 1 + pad), weight, stride=2)
        else:
            x = functional.conv2d(x, weight, padding=pad)
        if self.bias is None:
            return x
        return functional.leaky_relu(x + self.bias[:, None, None], 0.2) * math.sqrt(2)


class CameraMapping(nn.Module):
    """Layers from a camera to a direction; a picture that fits the camera points there."""

    def __init__(self, camera: int, width: int, depth: int) -> None:
        super().__init__()
        self.embedding = ScaledLinear(camera, width)
        self.layers = nn.ModuleList(ActivatedLinear(width, width, rate=0.01) for _ in range(depth))

    def forward(self, camera: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch width"]:
        """The direction."""
        x = unit_moment(self.embedding(camera))
        for layer in self.layers:
            x = layer(x)
        return x


def dual_picture(
    image: Float[Tensor, "batch 3 size size"], raw: Float[Tensor, "batch 3 _ _"]
) -> Float[Tensor, "batch 6 size size"]:
    """What EG3D's discriminator sees: the picture and the enlarged raw one, kept within [-1, 1]."""
    size = image.shape[-1]
    return torch.cat((image, resize_smoothly(raw, size, size)), dim=1).clamp(-1, 1)


def noisy_camera(camera: Float[Tensor, "batch 25"], share: float = 1.0) -> Float[Tensor, "batch 25"]:
    """Cameras with noise of a share of the batch's deviation, so that they are only a hint.

    A batch of one has no deviation of its own and takes `CAMERA_DEVIATION`.
    """
    spread = camera.std(dim=0) if len(camera) > 1 else camera.new_tensor(CAMERA_DEVIATION)
    return camera + torch.randn_like(camera) * spread * share


def batch_deviation(
    x: Float[Tensor, "batch channels height width"], group: int
) -> Float[Tensor, "batch 1 height width"]:
    """The mean deviation of features within groups of pictures: it tells if a generator repeats itself."""
    batch, _, height, width = x.shape
    group = min(group, batch)
    while batch % group:
        group -= 1
    grouped = x.unflatten(0, (group, -1))
    deviation = (grouped - grouped.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt().mean(dim=(1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(-1, 1, height, width)


def _blurred(x: Float[Tensor, "batch channels height width"], pad: int) -> Tensor:
    kernel = x.new_tensor([1, 3, 3, 1]) / 8
    weight = torch.outer(kernel, kernel).expand(x.shape[1], 1, 4, 4)
    return functional.conv2d(x, weight, padding=pad, groups=x.shape[1])
