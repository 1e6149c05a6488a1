"""How a network's channels become the three planes of Real3D-Portrait."""

import torch
from jaxtyping import Float
from torch import Tensor


def channels_to_planes(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch 3 _ height width"]:
    """Split channels into three planes, the plane's index slowest, and turn each the right way up.

    The networks see image rows, which grow downwards, while planes are looked up with growing coordinates:
    all planes are flipped along their rows, and the last, whose columns are depth, along its columns, too.
    """
    first, second, third = x.unflatten(1, (3, -1)).unbind(1)
    return torch.stack((first.flip(-2), second.flip(-2), third.flip((-2, -1))), dim=1)
