"""Convolutions with batch norms on maps and volumes, as the torso branch stacks them."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ConvNorm(nn.Module):
    """A convolution, a norm, a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, axes: Literal[2, 3] = 2):
        super().__init__()
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if axes == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.conv = convolution(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = norm(outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs *size"], slope: float = 0.0
    ) -> Float[Tensor, "batch outputs *size"]:
        """The activated map or volume, of the same size."""
        return functional.leaky_relu(self.norm(self.conv(x)), slope, inplace=True)


class NormConv(nn.Module):
    """A norm, a ReLU, a convolution."""

    def __init__(self, width: int, axes: Literal[2, 3]):
        super().__init__()
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if axes == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.norm = norm(width)
        self.conv = convolution(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "batch width *size"]) -> Float[Tensor, "batch width *size"]:
        """A map or volume of the same size."""
        return self.conv(self.norm(x).relu_())


class Residual(nn.Module):
    """Two such layers with a shortcut."""

    def __init__(self, width: int, axes: Literal[2, 3]):
        super().__init__()
        self.first = NormConv(width, axes)
        self.second = NormConv(width, axes)

    def forward(self, x: Float[Tensor, "batch width *size"]) -> Float[Tensor, "batch width *size"]:
        """A refined map or volume."""
        return x + self.second(self.first(x))


class Residual2d(Residual):
    """Of maps."""

    def __init__(self, width: int):
        super().__init__(width, 2)


class Residual3d(Residual):
    """Of volumes."""

    def __init__(self, width: int):
        super().__init__(width, 3)
