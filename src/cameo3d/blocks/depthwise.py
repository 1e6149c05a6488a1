"""Layers of small networks made for phones: a depthwise convolution, then a pointwise one (MobileNet)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: with a stride, less on the left and top."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, size // 2 if stride == 1 else 0, groups=groups)
        self._less, self._more = (size - stride) // 2, (size - stride + 1) // 2

    def forward(self, input: Float[Tensor, "batch inputs height width"]) -> Tensor:  # noqa: A002
        """Filter a picture; its sides shrink by the stride."""
        if self.stride[0] == 1:
            return super().forward(input)
        sides = (0, 0, *(self._less, self._more) * 2)
        return super().forward(functional.pad(input.permute(0, 2, 3, 1), sides).permute(0, 3, 1, 2))


class Pointwise(nn.Module):
    """Mixes the channels of each pixel, as a 1x1 convolution does.

    Args:
        inputs: Channels of each group.
        outputs: Channels that each group gives.
        groups: Groups of channels that do not see each other, computed together as one product of matrices:
            for small pictures much faster than a convolution with groups.
    """

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(groups, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(groups, outputs))

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Tensor:
        """Mix; pictures with their channels last in memory stay so."""
        groups, inputs, outputs = self.weight.shape
        batch, _, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(-1, groups, inputs)
        if groups == 1:
            mixed = torch.addmm(self.bias[0], pixels[:, 0], self.weight[0])
        else:
            mixed = torch.baddbmm(self.bias[:, None], pixels.transpose(0, 1), self.weight).transpose(0, 1)
        return mixed.reshape(batch, height, width, groups * outputs).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """The BlazeBlock of MediaPipe's face networks (Bazarevsky et al., arXiv 1907.05047).

    Args:
        inputs: Channels of each group.
        outputs: Channels that each group gives, at least as many.
        activation: What comes after the sum.
        stride: 1, or 2 to halve the picture.
        groups: Copies of the block with weights of their own, next to each other.
    """

    def __init__(
        self, inputs: int, outputs: int, activation: nn.Module, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.depthwise = SameConv2d(groups * inputs, groups * inputs, 3, stride, groups * inputs)
        self.pointwise = Pointwise(inputs, outputs, groups)
        self.activation = activation
        self._groups, self._stride, self._more = groups, stride, outputs - inputs

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Tensor:
        """Add what the convolutions see to the picture, which gets empty channels if there are too few."""
        kept = x if self._stride == 1 else functional.max_pool2d(x, self._stride)
        if self._more:
            groups = kept.permute(0, 2, 3, 1).unflatten(-1, (self._groups, -1))
            kept = functional.pad(groups, (0, self._more)).flatten(3).permute(0, 3, 1, 2)
        return self.activation(kept + self.pointwise(self.depthwise(x)))
