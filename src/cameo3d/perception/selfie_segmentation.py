"""MediaPipe's selfie segmentation: which pixels of a small picture belong to a person.

A MobileNet V3 (Howard et al., arXiv 1905.02244) seen again at three finer sizes. Weights: docs/cards/eyes.md.
"""

import functools

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.depthwise import Pointwise, SameConv2d
from cameo3d.weights.shipped import load_tensors

SIDE = 256
"""Pixels across the pictures that the network sees."""


class SelfieSegmentation(nn.Module):
    """From pictures to how surely each pixel belongs to a person."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 16, 3, 2), nn.Hardswish())
        self.to_half = _Inverted(16, 16, 16, 3, stride=2, squeezed=8)
        self.to_quarter = nn.Sequential(_Inverted(16, 72, 24, 3, stride=2), _Inverted(24, 88, 24, 3))
        self.to_eighth = nn.Sequential(
            _Inverted(24, 96, 32, 5, stride=2, squeezed=24),
            *(_Inverted(32, 128, 32, 5, squeezed=32), _Inverted(32, 128, 32, 5, squeezed=32)),
            *(_Inverted(32, 96, 32, 5, squeezed=24), _Inverted(32, 96, 32, 5, squeezed=24)),
        )
        self.context = nn.Sequential(Pointwise(32, 128), nn.ReLU())
        self.context_gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), Pointwise(32, 128), nn.Sigmoid())
        self.finer = nn.ModuleList(_Finer(*widths) for widths in ((128, 24), (24, 16), (16, 16)))
        self.last = nn.ConvTranspose2d(16, 1, 2, 2)

    def forward(self, pictures: Float[Tensor, "batch 3 256 256"]) -> Float[Tensor, "batch 1 256 256"]:
        """Look at pictures in [0, 1]; the mask is in [0, 1]."""
        stem = self.stem(pictures)  # 128 pixels across
        half = self.to_half(stem)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        x = self.context(eighth) * self.context_gate(eighth)
        for finer, kept in zip(self.finer, (quarter, half, stem), strict=True):
            x = finer(x, kept)
        return self.last(x).sigmoid()


class _Gate(nn.Module):
    """How much each channel counts, from its mean over the picture (squeeze and excitation)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.AdaptiveAvgPool2d(1), Pointwise(width, squeezed), nn.ReLU()),
            *(Pointwise(squeezed, width), nn.Sigmoid()),
        )

    def forward(self, x: Float[Tensor, "batch width rows columns"]) -> Tensor:
        return self.layers(x)


class _Inverted(nn.Module):
    """Widen, look around, weigh the channels, narrow; added to the picture where it keeps its shape."""

    def __init__(
        self, inputs: int, inner: int, outputs: int, size: int, stride: int = 1, squeezed: int = 0
    ) -> None:
        super().__init__()
        activation = nn.Hardswish() if size == 5 else nn.ReLU()
        self.wide = nn.Sequential(
            *(Pointwise(inputs, inner), activation),
            *(SameConv2d(inner, inner, size, stride, inner), activation),
        )
        self.gate = _Gate(inner, squeezed) if squeezed else None
        self.narrow = Pointwise(inner, outputs)
        self._is_residual = stride == 1

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Tensor:
        wide = self.wide(x)
        narrow = self.narrow(wide if self.gate is None else wide * self.gate(wide))
        return x + narrow if self._is_residual else narrow


class _Finer(nn.Module):
    """Double the size, and let what was seen there before through a gate."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.lift = Pointwise(inputs, width)
        self.gate = _Gate(width, width)
        self.mix = nn.Sequential(Pointwise(width, width), nn.ReLU())
        self.around = nn.Sequential(SameConv2d(width, width, 3, groups=width), nn.ReLU())

    def forward(
        self, x: Float[Tensor, "batch inputs rows columns"], kept: Float[Tensor, "batch width rows2 columns2"]
    ) -> Tensor:
        larger = self.lift(functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
        mixed = self.mix(kept * self.gate(kept + larger) + larger)
        return mixed + self.around(mixed)


@functools.cache
def load_selfie_segmentation() -> SelfieSegmentation:
    """Load the shipped network, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = SelfieSegmentation()
    weights = load_tensors("selfie_segmentation")
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
