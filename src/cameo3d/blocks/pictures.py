"""Pictures of what a network makes on its way to a frame: renderings and depths."""

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

NEAREST, FARTHEST = 2.2, 3.2
"""Distances from the camera, in EG3D's units, that are drawn black and white."""

Picture = UInt8[np.ndarray, "_ _ 3"]


def picture_of(image: Float[Tensor, "1 3 height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Colours of [-1, 1] as bytes."""
    drawn = (image[0].float().clamp(-1, 1) + 1) * 127.5
    return drawn.permute(1, 2, 0).cpu().numpy().astype(np.uint8)


def depth_picture(depth: Float[Tensor, "*batch height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Distances as greys, the farther the brighter."""
    flat = depth.float().flatten(0, -3)[0] if depth.dim() > 2 else depth.float()
    grey = ((flat - NEAREST) / (FARTHEST - NEAREST)).clamp(0, 1) * 255
    return grey.byte().cpu().numpy()[..., None].repeat(3, axis=2)
