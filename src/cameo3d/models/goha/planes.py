"""From images to features and from features to tri-planes."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.blocks.segformer import MixTransformer, ScaleFusion
from cameo3d.models.goha.config import GohaConfig

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STOCHASTIC_DEPTH = 0.1
"""In training, how often the encoders' last blocks are skipped; earlier ones less, the first never."""


class ImageEncoder(nn.Module):
    """A SegFormer up to its fused map, a quarter of the image's size."""

    def __init__(self, config: GohaConfig, inputs: int = 3):
        super().__init__()
        self.transformer = MixTransformer(
            inputs, config.encoder_widths, config.encoder_depths, stochastic_depth=STOCHASTIC_DEPTH
        )
        self.fusion = ScaleFusion(config.encoder_widths, config.fused_width)

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch features height_quarter width_quarter"]:
        """Features of images normalised as for ImageNet."""
        return self.fusion(self.transformer(image))


class PlaneHead(nn.Module):
    """Convolutions from features to three planes of twice their size."""

    def __init__(self, width: int, plane_channels: int):
        super().__init__()
        half = width // 2
        self.layers = nn.ModuleList(
            (
                nn.Conv2d(width, width, 3, padding=1),
                nn.Conv2d(width, half, 3, padding=1),
                nn.ConvTranspose2d(half, half, 4, stride=2, padding=1),
                nn.Conv2d(half, half, 3, padding=1),
            )
        )
        self.output = nn.Conv2d(half, 3 * plane_channels, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "batch width rows columns"]
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Tri-planes."""
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
        return self.output(x).unflatten(1, (3, -1))


class ImagePlanes(nn.Module):
    """From one image to tri-planes: the canonical branch, and the expression branch on a rendered face."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        self.encoder = ImageEncoder(config)
        self.head = PlaneHead(config.fused_width, config.plane_channels)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 channels plane_height plane_width"]:
        """Tri-planes of images normalised as for ImageNet."""
        return self.head(self.encoder(image))


class PlaneUpsampler(nn.Module):
    """Doubles planes of features and narrows them: one network for all, and a shortcut for each plane."""

    def __init__(self, width: int, plane_channels: int):
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1)
        self.narrow = nn.Conv2d(width // 2, plane_channels, 3, padding=1)
        self.shortcuts = nn.ModuleList(nn.Conv2d(width, plane_channels, 1) for _ in range(3))

    def forward(
        self, planes: Float[Tensor, "batch 3 width height columns"]
    ) -> Float[Tensor, "batch 3 channels height_double columns_double"]:
        """Tri-planes, computed in the precision of the weights."""
        height, width = 2 * planes.shape[-2], 2 * planes.shape[-1]
        given, planes = planes.dtype, planes.to(self.narrow.weight.dtype)
        # Mixing channels and resizing can change places, and fewer channels are resized sooner.
        passed = torch.cat(
            [layer(plane) for layer, plane in zip(self.shortcuts, planes.unbind(dim=1), strict=True)]
        )
        passed = resize(passed, height, width).unflatten(0, (3, -1)).transpose(0, 1)
        together = planes.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        enlarged = functional.leaky_relu(self.enlarge(together), 0.2, inplace=True)
        return (passed + self.narrow(enlarged).unflatten(0, (-1, 3))).to(given)


def normalized(image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """Images in [-1, 1] with ImageNet's mean and deviation taken out."""
    # Numbers of their own instead of a tensor, which a GPU would have to be sent.
    channels = zip(((image + 1) / 2).split(1, dim=1), _MEAN, _DEVIATION, strict=True)
    return torch.cat([(x - mean) / deviation for x, mean, deviation in channels], dim=1)
