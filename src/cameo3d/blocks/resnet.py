"""Residual networks (He et al., CVPR 2016) under face parsing and coefficient regression."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ResNet(nn.Module):
    """Four stages of residual blocks on ever smaller maps."""

    def __init__(self, depths: Sequence[int], width: int = 64, bottleneck: bool = False):
        """Build the network.

        Args:
            depths: Blocks of each stage; (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) with bottlenecks ResNet-50.
            width: Channels of the first layer.
            bottleneck: Whether blocks narrow their features before the 3x3 convolution.
        """
        super().__init__()
        self.stem = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        block, expansion = (Bottleneck, 4) if bottleneck else (BasicBlock, 1)
        stages, inputs = [], width
        for index, depth in enumerate(depths):
            inner = width * 2**index
            blocks = []
            for position in range(depth):
                blocks.append(block(inputs, inner, stride=2 if index and not position else 1))
                inputs = inner * expansion
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Float[Tensor, "batch _ _ _"]]:
        """Maps of all stages, the finest (a quarter of the image) first."""
        x = functional.max_pool2d(self.stem_norm(self.stem(image)).relu(), 3, stride=2, padding=1)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = _shortcut(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The refined map."""
        refined = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return (self.shortcut(x) + refined).relu()


class Bottleneck(nn.Module):
    """A narrow 3x3 convolution between two 1x1 ones, and a shortcut."""

    def __init__(self, inputs: int, inner: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(4 * inner)
        self.shortcut = _shortcut(inputs, 4 * inner, stride)

    def forward(self, x: Float[Tensor, "batch inputs _ _"]) -> Float[Tensor, "batch outputs _ _"]:
        """The refined map."""
        refined = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        return (self.norm3(self.conv3(refined)) + self.shortcut(x)).relu()


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
