"""Framing: cut a square out of a picture, and paste one back. All half-pixel algebra of crops is here.

OpenCV counts pixel centres from 0; crops count pixel borders from 0.
"""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float64, Shaped

from cameo3d.values import Crop

Quality = Literal["linear", "cubic", "lanczos", "area"]
Border = Literal["black", "edge", "mirror"]

_FLAGS = {
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}
_BORDERS = {"black": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT}


def cut_matrix(left: float, top: float, scale: float) -> Float64[np.ndarray, "2 3"]:
    """From pixel centres of a picture to those of a part of it.

    Args:
        left: Where the part begins, in pixels of the picture from its left border.
        top: From its upper border.
        scale: Pixels of the part in one of the picture.
    """
    offset = (scale - 1) / 2
    return np.array([[scale, 0, offset - left * scale], [0, scale, offset - top * scale]])


def soften(picture: Shaped[np.ndarray, "height width *channels"], scale: float) -> np.ndarray:
    """Blur a picture just so much that shrinking it by `scale` makes no false patterns."""
    return picture if scale >= 1 else cv2.GaussianBlur(picture, (0, 0), 0.45 * (1 / scale - 0.9))


def cut(
    picture: Shaped[np.ndarray, "height width *channels"],
    crop: Crop,
    size: int,
    quality: Quality = "linear",
    border: Border = "black",
) -> Shaped[np.ndarray, "{size} {size} *channels"]:
    """Cut a square out of a picture at `size` pixels. Nothing is blurred first; see `soften`.

    Args:
        picture: Of any kind of number.
        crop: The square.
        size: Side of the result in pixels.
        quality: How it is resampled.
        border: What lies beyond the picture: black, its edge pixels going on, or its mirror image.
    """
    matrix = crop_matrix(crop, size)
    return cv2.warpAffine(picture, matrix, (size, size), flags=_FLAGS[quality], borderMode=_BORDERS[border])


def crop_matrix(crop: Crop, size: int) -> Float64[np.ndarray, "2 3"]:
    """From pixel centres of a picture to those of its crop at `size` pixels."""
    return cut_matrix(crop.center_x - crop.side / 2, crop.center_y - crop.side / 2, size / crop.side)


def paste(
    part: Shaped[np.ndarray, "side side *channels"],
    crop: Crop,
    width: int,
    height: int,
    quality: Quality = "linear",
    border: Border = "black",
) -> Shaped[np.ndarray, "{height} {width} *channels"]:
    """Lay a square picture where its crop is in a picture of the given size; the inverse of `cut`.

    Args:
        part: The square picture.
        crop: Where it belongs, in pixels of the result.
        width: Of the result, in pixels.
        height: Of the result.
        quality: How it is resampled; "area" suits a part that is enlarged by the inverse map.
        border: What lies around the part.
    """
    flags = _FLAGS[quality] | cv2.WARP_INVERSE_MAP
    matrix = crop_matrix(crop, part.shape[0])
    return cv2.warpAffine(part, matrix, (width, height), flags=flags, borderMode=_BORDERS[border])
