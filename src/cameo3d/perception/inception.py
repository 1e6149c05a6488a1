"""Inception-v3 as FID needs it: the features of the TensorFlow network of 2015, in pytorch-fid's layout."""

import functools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.weights.conversion.evaluation import read_inception

_SIDE = 299


class Unit(nn.Module):
    """A convolution, its normalisation, and what is below zero cut off."""

    def __init__(
        self, inputs: int, outputs: int, size: int | tuple[int, int], stride: int = 1, pad: bool = True
    ):
        super().__init__()
        height, width = (size, size) if isinstance(size, int) else size
        padding = (height // 2, width // 2) if pad else 0
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """The features."""
        return self.bn(self.conv(x)).relu()


def mean_around(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Mean of the 3x3 neighbours that lie within the map, as TensorFlow pools."""
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """Four paths over small neighbourhoods."""

    def __init__(self, inputs: int, pooled: int):
        super().__init__()
        self.branch1x1 = Unit(inputs, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Unit(inputs, 48, 1), Unit(48, 64, 5)
        self.branch3x3dbl_1 = Unit(inputs, 64, 1)
        self.branch3x3dbl_2, self.branch3x3dbl_3 = Unit(64, 96, 3), Unit(96, 96, 3)
        self.branch_pool = Unit(inputs, pooled, 1)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """All paths' features."""
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch1x1(x), five, double, self.branch_pool(mean_around(x))), 1)


class BlockB(nn.Module):
    """From 35x35 to 17x17."""

    def __init__(self, inputs: int):
        super().__init__()
        self.branch3x3 = Unit(inputs, 384, 3, stride=2, pad=False)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(inputs, 64, 1), Unit(64, 96, 3)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2, pad=False)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """All paths' features."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, functional.max_pool2d(x, 3, 2)), 1)


class BlockC(nn.Module):
    """Four paths over wide neighbourhoods, a row and a column at a time."""

    def __init__(self, inputs: int, inner: int):
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.branch1x1 = Unit(inputs, 192, 1)
        self.branch7x7_1 = Unit(inputs, inner, 1)
        self.branch7x7_2, self.branch7x7_3 = Unit(inner, inner, row), Unit(inner, 192, column)
        self.branch7x7dbl_1 = Unit(inputs, inner, 1)
        self.branch7x7dbl_2, self.branch7x7dbl_3 = Unit(inner, inner, column), Unit(inner, inner, row)
        self.branch7x7dbl_4, self.branch7x7dbl_5 = Unit(inner, inner, column), Unit(inner, 192, row)
        self.branch_pool = Unit(inputs, 192, 1)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """All paths' features."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat((self.branch1x1(x), seven, double, self.branch_pool(mean_around(x))), 1)


class BlockD(nn.Module):
    """From 17x17 to 8x8."""

    def __init__(self, inputs: int):
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Unit(inputs, 192, 1), Unit(192, 320, 3, stride=2, pad=False)
        self.branch7x7x3_1, self.branch7x7x3_2 = Unit(inputs, 192, 1), Unit(192, 192, (1, 7))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2, pad=False)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """All paths' features."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat((self.branch3x3_2(self.branch3x3_1(x)), seven, functional.max_pool2d(x, 3, 2)), 1)


class BlockE(nn.Module):
    """Four paths, two of which fork into a row and a column.

    Args:
        inputs: Channels.
        largest: Pool by the largest neighbour: the last block of this network does, unlike other Inceptions.
    """

    def __init__(self, inputs: int, largest: bool):
        super().__init__()
        row, column = (1, 3), (3, 1)
        self.largest = largest
        self.branch1x1 = Unit(inputs, 320, 1)
        self.branch3x3_1 = Unit(inputs, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = Unit(384, 384, row), Unit(384, 384, column)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Unit(inputs, 448, 1), Unit(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Unit(384, 384, row), Unit(384, 384, column)
        self.branch_pool = Unit(inputs, 192, 1)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """All paths' features."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = functional.max_pool2d(x, 3, 1, padding=1) if self.largest else mean_around(x)
        paths = (
            self.branch1x1(x),
            *(self.branch3x3_2a(three), self.branch3x3_2b(three)),
            *(self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)),
            self.branch_pool(pooled),
        )
        return torch.cat(paths, 1)


class Inception(nn.Module):
    """From pictures to the 2048 features that FID compares. Names are the official layout's."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2, pad=False)
        self.Conv2d_2a_3x3, self.Conv2d_2b_3x3 = Unit(32, 32, 3, pad=False), Unit(32, 64, 3)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = Unit(64, 80, 1), Unit(80, 192, 3, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(768, 128), BlockC(768, 160)
        self.Mixed_6d, self.Mixed_6e = BlockC(768, 160), BlockC(768, 192)
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = BlockD(768), BlockE(1280, False), BlockE(2048, True)

    def forward(self, picture: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 2048"]:
        """Features of pictures in [-1, 1] of any size."""
        x = resize(picture, _SIDE, _SIDE)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


@functools.cache
def load_inception(path: Path) -> Inception:
    """The network with the weights of `pt_inception-2015-12-05-6726825d.pth`.

    Raises:
        WeightsError: If the file cannot be opened or has another layout.
    """
    network = Inception()
    network.load_state_dict(read_inception(path, network.state_dict()))
    return network.eval().requires_grad_(False)


def picture_features(
    network: Inception, picture: UInt8[np.ndarray, "height width 3"]
) -> Float32[np.ndarray, "1 2048"]:
    """Features of one picture."""
    with torch.inference_mode():
        return network(torch.from_numpy(picture)[None].permute(0, 3, 1, 2).float() / 127.5 - 1).numpy()
