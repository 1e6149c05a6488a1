"""Perceptual losses: pictures are alike if networks see the same in them (Johnson et al., ECCV 2016)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.images import resize_smoothly

WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Of the five depths of VGG, as in pix2pixHD (Wang et al., CVPR 2018)."""


@runtime_checkable
class FeatureNetwork(Protocol):
    """A network that shows what it sees at several depths."""

    def __call__(self, picture: Float[Tensor, "batch 3 height width"]) -> list[Float[Tensor, "batch _ _ _"]]:
        """Maps, shallow first, of pictures in [0, 1]."""
        ...


@dataclass(frozen=True)
class Judge:
    """A network, and how much its features count."""

    network: FeatureNetwork
    share: float = 1.0
    """Factor of its loss: 1/255 for VGG-Face, whose inputs are that much larger."""
    weights: tuple[float, ...] = WEIGHTS


class PerceptualLoss(nn.Module):
    """The loss of Real3D-Portrait: all judges at full size, the first one's last map at smaller ones, too.

    Args:
        judges: Networks; the first is the one that sees smaller sizes.
        size: Side in pixels at which they see the pictures.
        smaller: How often the size is halved.
    """

    def __init__(self, judges: Sequence[Judge], size: int = 512, smaller: int = 3) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            judge.network for judge in judges if isinstance(judge.network, nn.Module)
        )
        self.judges, self.size, self.smaller = tuple(judges), size, smaller

    def forward(
        self, picture: Float[Tensor, "batch 3 _ _"], truth: Float[Tensor, "batch 3 _ _"]
    ) -> Float[Tensor, ""]:
        """Mean absolute difference of features, weighted by depth; pictures as they are, of any size."""
        pair = torch.cat((picture, truth.detach()))
        pair = resize_smoothly(pair, self.size, self.size)
        losses = []
        for judge in self.judges:
            maps = judge.network(pair)
            parts = [w * _apart(x) for w, x in zip(judge.weights, maps, strict=True)]
            losses.append(judge.share * torch.stack(parts).sum())
        for halved in range(1, self.smaller + 1):
            side = self.size >> halved
            losses.append(_apart(self.judges[0].network(resize_smoothly(pair, side, side))[-1]))
        return torch.stack(losses).sum()


def _apart(features: Float[Tensor, "pairs channels height width"]) -> Float[Tensor, ""]:
    one, other = features.chunk(2)
    return (one - other).abs().mean()
