"""Layers that map latent numbers and cameras to styles, as in StyleGAN2 (Karras et al., CVPR 2020)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ActivatedLinear(nn.Module):
    """A linear layer with weights of unit variance, then a leaky ReLU of gain sqrt(2).

    Args:
        inputs: Width.
        outputs: Width.
        rate: Its weights learn at this share of the others' rate.
    """

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """The activated layer."""
        x = functional.linear(x, self.weight * self.gain, self.bias * self.rate)
        return functional.leaky_relu(x, 0.2) * math.sqrt(2)


def unit_moment(x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
    """Scaled so that the mean square is 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
