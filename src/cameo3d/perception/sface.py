"""SFace (Zhong et al., 2021): whose face it is."""

import functools
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.weights.conversion.perceptual import read_sface

SIDE = 112
"""Pixels of the aligned face, placed as ArcFace's."""
FEATURES = 128
_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_LAYER_EPSILON, _HEAD_EPSILON = 1e-3, 2e-5


class SFace(nn.Module):
    """A MobileNet from an aligned face to 128 numbers, whose cosine says how alike two people look."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("scale", torch.zeros(1))
        layers, inputs = [_layer(3, 32, kernel=3)], 32
        for width, stride in zip(_WIDTHS, _STRIDES, strict=True):
            layers += [_layer(inputs, inputs, kernel=3, stride=stride, groups=inputs), _layer(inputs, width)]
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.norm = nn.BatchNorm2d(inputs, _HEAD_EPSILON)
        self.head = nn.Linear(inputs * 7 * 7, FEATURES)
        self.head_norm = nn.BatchNorm1d(FEATURES, _HEAD_EPSILON)

    def forward(self, faces: Float[Tensor, "batch 3 112 112"]) -> Float[Tensor, "batch 128"]:
        """Embed aligned faces, RGB in [-1, 1]; the length of the result has no meaning."""
        x = ((faces + 1) * 127.5 - self.mean) * self.scale
        return self.head_norm(self.head(self.norm(self.layers(x)).flatten(1)))


def _layer(inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, _LAYER_EPSILON), nn.PReLU(outputs))


@functools.cache
def load_sface(path: Path) -> SFace:
    """The network with the weights of `face_recognition_sface_2021dec_int8bq.onnx`.

    Raises:
        WeightsError: If the file cannot be opened or has another layout.
    """
    with torch.device("meta"):
        network = SFace()
    network.load_state_dict(read_sface(path, network.state_dict()), assign=True)
    return network.eval().requires_grad_(False)
