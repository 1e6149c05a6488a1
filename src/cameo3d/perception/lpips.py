"""LPIPS: distance of pictures in the features of a classifier (Zhang et al., CVPR 2018), version 0.1."""

import functools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cameo3d.weights.conversion.evaluation import read_perceptual_distance

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and spread of ImageNet for pictures in [-1, 1], rounded as in the release."""
_EPSILON = 1e-10


class PerceptualDistance(nn.Module):
    """A convolutional network, and how much each channel of some of its layers counts.

    Args:
        features: The network's layers.
        taps: Layers that are compared, by their place.
        widths: Their channels.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, features: nn.Sequential, taps: tuple[int, ...], widths: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        self.taps = taps
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths)
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None], persistent=False)

    def forward(
        self, one: Float[Tensor, "batch 3 height width"], other: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, " batch"]:
        """Distance of pictures in [-1, 1].

        Features are brought to length 1 in every pixel; their squared differences are weighted by channel,
        averaged over pixels and added up over layers.
        """
        pairs = zip(self._directions(one), self._directions(other), self.weights, strict=True)
        distances = [(((a - b) ** 2).mean((2, 3)) * weights).sum(1) for a, b, weights in pairs]
        return torch.stack(distances).sum(0)

    def _directions(self, picture: Tensor) -> list[Tensor]:
        x = (picture - self.shift) / self.scale
        found = []
        for place, layer in enumerate(list(self.features)[: self.taps[-1] + 1]):
            x = layer(x)
            if place in self.taps:
                found.append(x / (x.square().sum(1, keepdim=True).sqrt() + _EPSILON))
        return found


def alex_distance() -> PerceptualDistance:
    """The variant on AlexNet, which papers report."""
    features = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    )
    return PerceptualDistance(features, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256))


def vgg_distance() -> PerceptualDistance:
    """The variant on VGG-16."""
    layers: list[nn.Module] = []
    taps, inputs, widths = [], 3, (64, 128, 256, 512, 512)
    for width, depth in zip(widths, (2, 2, 3, 3, 3), strict=True):
        layers += [nn.MaxPool2d(2, 2)] if layers else []
        for _ in range(depth):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        taps.append(len(layers) - 1)
    return PerceptualDistance(nn.Sequential(*layers), tuple(taps), widths)


@functools.cache
def load_distance(backbone: Path, heads: Path) -> PerceptualDistance:
    """The distance with the weights of two official files.

    Args:
        backbone: torchvision's `alexnet-owt-7be5be79.pth` or `vgg16-397923af.pth`.
        heads: `alex.pth` or `vgg.pth` of the release's `weights/v0.1`.

    Raises:
        WeightsError: If a file cannot be opened or has another layout.
    """
    network = vgg_distance() if backbone.name.startswith("vgg") else alex_distance()
    network.load_state_dict(read_perceptual_distance(backbone, heads, network.state_dict()))
    return network.eval().requires_grad_(False)


def picture_distance(
    network: PerceptualDistance,
    one: UInt8[np.ndarray, "height width 3"],
    other: UInt8[np.ndarray, "height width 3"],
    unit_range: bool = False,
) -> float:
    """Distance of two pictures.

    Args:
        network: The loaded distance.
        one: A picture.
        other: Another one of its size.
        unit_range: Show the network pictures in [0, 1] instead of [-1, 1], as the script that GOHA cites;
            the figure is lower.
    """
    pair = torch.from_numpy(np.stack((one, other))).permute(0, 3, 1, 2).float() / 255
    pair = pair if unit_range else 2 * pair - 1
    with torch.inference_mode():
        return float(network(pair[:1], pair[1:]))
