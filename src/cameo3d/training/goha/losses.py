"""What GOHA's training compares (Li et al., NeurIPS 2023, and its release)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.blocks.images import resize
from cameo3d.training.losses.perceptual import FeatureNetwork

Images = Float[Tensor, "batch 3 height width"]
Distance = Callable[[Images, Images], Float[Tensor, " batch"]]
"""LPIPS of images in [-1, 1]."""
VGG_WEIGHTS = (0.1, 0.1, 1.0, 1.0, 1.0)
"""Of the last convolution of each of VGG-19's blocks, before its activation."""


class NeutralPair(NamedTuple):
    """Two pictures that canonical planes should show, or do show."""

    drawn: Images
    """The face model's neutral face where it is, black elsewhere."""
    still: Images
    """The photo's own pixels where a face keeps still, black elsewhere."""


def neutral_pairs(
    render: Images,
    drawing: Float[Tensor, "batch 3 _ _"],
    coverage: Float[Tensor, "batch 1 _ _"],
    truth: Float[Tensor, "batch 3 _ _"],
    resting: Float[Tensor, "batch 1 _ _"],
) -> tuple[NeutralPair, NeutralPair]:
    """What the canonical rendering shows, and what it should.

    Args:
        render: Of the canonical planes, in [-1, 1].
        drawing: The neutral face, in [0, 1].
        coverage: 1 where that face is.
        truth: The photo, in [-1, 1].
        resting: 1 where the photo's face keeps still.
    """
    size, full = render.shape[-1], truth.shape[-1]
    # By way of the photo's size, as in the release.
    face = resize(resize(drawing, full, full), size, size) * 2 - 1
    mask = resize(resize(coverage, full, full), size, size)
    kept = torch.nn.functional.interpolate(resting, (size, size), mode="nearest")

    def black_elsewhere(image: Images) -> Images:
        return (image + 1) * kept - 1

    # Where the face is not, its pair is grey: 0, the middle of the range, as in the release.
    made = NeutralPair(render * mask, black_elsewhere(render))
    wanted = NeutralPair(face * mask, black_elsewhere(resize(truth, size, size)))
    return made, wanted


def neutral_losses(
    made: NeutralPair, wanted: NeutralPair, distance: Distance, drawn_weight: float = 3.0
) -> dict[str, Float[Tensor, ""]]:
    """L1 over both pictures of the pair, and their perceptual distances, the drawn face's counting more."""
    l1 = (torch.cat(made) - torch.cat(wanted)).abs().mean()
    drawn = distance(made.drawn, wanted.drawn)
    still = distance(made.still, wanted.still)
    return {"l1": l1, "perceptual": (drawn_weight * drawn + still).mean()}


def vgg_l1(
    network: FeatureNetwork, picture: Images, truth: Images, weights: Sequence[float] = VGG_WEIGHTS
) -> Float[Tensor, ""]:
    """Weighted mean absolute differences of features, of pictures in [-1, 1]."""
    maps = network((torch.cat((picture, truth)) + 1) / 2)
    losses = []
    for weight, features in zip(weights, maps, strict=True):
        one, other = features.chunk(2)
        losses.append(weight * (one - other).abs().mean())
    return torch.stack(losses).sum()


def blurred(image: Images, small: int) -> Images:
    """An image as it is after it was as small as a rendering."""
    size = image.shape[-1]
    return resize(resize(image, small, small), size, size)
