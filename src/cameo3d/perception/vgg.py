"""VGG (Simonyan and Zisserman, ICLR 2015) as far as perceptual losses look into it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
"""Convolutions between poolings."""
FIRST_RELU = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""What Real3D-Portrait and pix2pixHD compare."""
LAST_CONV = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4")
"""What BasicSR and GOHA compare of VGG19, before the activation."""

_WIDTHS = (64, 128, 256, 512, 512)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_FACES = ((129.186 / 255, 104.762 / 255, 93.594 / 255), (1 / 255, 1 / 255, 1 / 255))


class VggFeatures(nn.Module):
    """The maps of chosen layers.

    Args:
        depths: Convolutions between poolings: `VGG16` or `VGG19`.
        taps: Layers to show, by their usual names, shallow first.
        faces: Whether inputs are prepared as for VGG-Face (Parkhi et al., BMVC 2015) instead of ImageNet.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, depths: Sequence[int] = VGG19, taps: Sequence[str] = FIRST_RELU, faces: bool = False
    ) -> None:
        super().__init__()
        names = [f"{block + 1}_{index + 1}" for block, depth in enumerate(depths) for index in range(depth)]
        last = max(names.index(tap[4:]) for tap in taps)
        self.names, self.taps = names[: last + 1], tuple(taps)
        widths = [_WIDTHS[int(name[0]) - 1] for name in self.names]
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, padding=1)
            for inputs, outputs in zip((3, *widths[:-1]), widths, strict=True)
        )
        mean, spread = _FACES if faces else _IMAGENET
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(spread)[:, None, None], persistent=False)

    def forward(self, picture: Float[Tensor, "batch 3 height width"]) -> list[Float[Tensor, "batch _ _ _"]]:
        """Maps of the chosen layers of pictures in [0, 1]."""
        x, found = (picture - self.mean) / self.spread, {}
        for index, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            if index and name.endswith("_1"):
                x = functional.max_pool2d(x, 2)
            found[f"conv{name}"] = layer(x)
            found[f"relu{name}"] = x = found[f"conv{name}"].relu()
        return [found[tap] for tap in self.taps]

    @torch.no_grad()
    def fill(self, tensors: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take weights and biases of the convolutions, in order; those of deeper ones are left over.

        Raises:
            ValueError: If there are too few, or one has another shape.
        """
        for layer, (weight, bias) in zip(self.layers, tensors[: len(self.layers)], strict=True):
            assert isinstance(layer, nn.Conv2d)
            assert layer.bias is not None
            if weight.shape != layer.weight.shape:
                raise ValueError(f"A layer has shape {list(weight.shape)}, not {list(layer.weight.shape)}.")
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
