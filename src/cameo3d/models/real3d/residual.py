"""A residual network whose last stages look wider instead of shrinking (Chen et al., 2017)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ResidualEncoder(nn.Module):
    """The trunk of ResNet-34 at an eighth of the image's size."""

    def __init__(self, inputs: int, widths: Sequence[int], depths: Sequence[int]):
        super().__init__()
        self.stem = nn.Conv2d(inputs, widths[0], 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        strides, gaps = (1, 2, 1, 1), (1, 1, 2, 4)
        self.stages = nn.ModuleList(
            nn.ModuleList(
                ResidualBlock(previous if index == 0 else width, width, stride if index == 0 else 1, gap)
                for index in range(depth)
            )
            for previous, width, depth, stride, gap in zip(
                (widths[0], *widths[:-1]), widths, depths, strides, gaps, strict=True
            )
        )

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """Features at an eighth of the image's size."""
        x = functional.max_pool2d(self.stem_norm(self.stem(image)).relu(), 3, stride=2, padding=1)
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            for block in stage:
                x = block(x)
        return x


class ResidualBlock(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, gap: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=gap, dilation=gap, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=gap, dilation=gap, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        changed = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changed else None
        self.shortcut_norm = nn.BatchNorm2d(outputs) if changed else None

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """Refined features."""
        refined = self.first_norm(self.first(x)).relu()
        refined = self.second_norm(self.second(refined))
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x))
        return (refined + x).relu()
