"""dlib's face recogniser (King, 2017; public domain): 29 layers from 150 pixels to 128 numbers."""

import functools
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.weights.conversion.perceptual import read_dlib_recogniser

SIDE = 150
"""Pixels of the face's square."""
_MEAN = (122.782, 117.001, 104.298)
_DEPTHS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""Width of each stage and how many blocks it has; all but the first stage begin with half the size."""


class DlibNetwork(nn.Module):
    """The network of `dlib_face_recognition_resnet_model_v1.dat`.

    Faces of one person are nearer to each other than 0.6, by the length of their difference.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.first = ScaledConvolution(3, 32, kernel=7, stride=2, padding=0)
        blocks, inputs = [], 32
        for index, (width, depth) in enumerate(_DEPTHS):
            for place in range(depth):
                blocks.append(Block(inputs, width, halves=index > 0 and place == 0))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 128, bias=False)

    def forward(self, faces: Float[Tensor, "batch 3 150 150"]) -> Float[Tensor, "batch 128"]:
        """Embed upright faces, RGB in [-1, 1]."""
        x = ((faces + 1) * 127.5 - self.mean) / 256
        x = functional.max_pool2d(self.first(x).relu(), 3, stride=2)
        return self.head(self.blocks(x).mean(dim=(2, 3)))


class ScaledConvolution(nn.Module):
    """A convolution, then a factor and an offset for each channel."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, padding: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.scale = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The scaled map."""
        return self.convolution(x) * self.scale[:, None, None] + self.shift[:, None, None]


class Block(nn.Module):
    """Two convolutions and a shortcut; where the two differ in size or channels, zeros fill the smaller."""

    def __init__(self, inputs: int, outputs: int, *, halves: bool):
        super().__init__()
        stride, padding = (2, 0) if halves else (1, 1)
        self.first = ScaledConvolution(inputs, outputs, stride=stride, padding=padding)
        self.second = ScaledConvolution(outputs, outputs)
        self.halves = halves

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The refined map."""
        refined = self.second(self.first(x).relu())
        passed = functional.avg_pool2d(x, 2) if self.halves else x
        size = [max(a, b) for a, b in zip(refined.shape[1:], passed.shape[1:], strict=True)]
        return (_filled(refined, size) + _filled(passed, size)).relu()


def _filled(x: Tensor, size: list[int]) -> Tensor:
    channels, rows, columns = (wanted - given for wanted, given in zip(size, x.shape[1:], strict=True))
    return functional.pad(x, (0, columns, 0, rows, 0, channels)) if channels or rows or columns else x


@functools.cache
def load_dlib_network(path: Path) -> DlibNetwork:
    """The network with the weights of dlib's file.

    Raises:
        WeightsError: If the file cannot be opened or has another layout.
    """
    network = DlibNetwork()
    network.load_state_dict(read_dlib_recogniser(path, network.state_dict()))
    return network.eval().requires_grad_(False)
