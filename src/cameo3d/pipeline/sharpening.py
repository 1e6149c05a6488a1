"""Small photos at twice their size, so that their edges are not those of a blow-up."""

import logging

import cv2
import numpy as np
from jaxtyping import UInt8

from cameo3d.perception.span import SCALE, doubled
from cameo3d.pipeline.backgrounds import MAX_PHOTO_SIDE
from cameo3d.pipeline.options import Sharpen
from cameo3d.values import Crop

logger = logging.getLogger(__name__)

SMALL = 400
"""Pixels across head and shoulders below which a photo is small."""
_REACH, _SEAM = 0.7, 0.05
"""How far around its middle the network sees a head, and how wide the seam is to what is merely enlarged, in
sides of the crop."""


def is_sharpened(sharpen: Sharpen, crop: Crop, width: int, height: int) -> bool:
    """Whether a photo is to be sharpened; a notice says it if it is too large for that.

    Args:
        sharpen: What was asked for.
        crop: Head and shoulders.
        width: Of the photo, pixels.
        height: Of the photo, pixels.
    """
    if sharpen == "off" or (sharpen == "auto" and crop.side >= SMALL):
        return False
    if SCALE * max(width, height) <= MAX_PHOTO_SIDE:
        return True
    logger.warning(
        "The photo has %d x %d pixels and is not sharpened; cut it to %d around the head.",
        width,
        height,
        MAX_PHOTO_SIDE // SCALE,
    )
    return False


def sharpened(
    rgb: UInt8[np.ndarray, "height width 3"], crop: Crop
) -> UInt8[np.ndarray, "two_height two_width 3"]:
    """A photo at twice its size: head and shoulders by a network, all else by cubic splines.

    Args:
        rgb: The photo.
        crop: Head and shoulders.
    """
    height, width = rgb.shape[:2]
    middle, reach = np.array((crop.center_x, crop.center_y)), _REACH * crop.side
    left, top = np.floor(middle - reach).astype(int).clip(0)
    right, bottom = np.ceil(middle + reach).astype(int).clip(max=(width, height))
    large = cv2.resize(rgb, (SCALE * width, SCALE * height), interpolation=cv2.INTER_CUBIC)
    part = large[SCALE * top : SCALE * bottom, SCALE * left : SCALE * right]
    # Where the network's picture ends inside the photo, one melts into the other.
    edges = np.ones(part.shape[:2], np.uint8)
    edges[0], edges[-1] = top == 0, bottom == height
    edges[1:-1, 0], edges[1:-1, -1] = left == 0, right == width
    share = cv2.distanceTransform(edges, cv2.DIST_L2, 3) / np.float32(SCALE * _SEAM * crop.side)
    found = doubled(np.ascontiguousarray(rgb[top:bottom, left:right])).astype(np.float32)
    part[:] = np.rint(part + (found - part) * share.clip(0, 1)[..., None])
    return large
