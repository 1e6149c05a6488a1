"""Person matte: how much of each pixel belongs to the person, hair edges included."""

from typing import TypeVar

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.blocks.processors import one_thread
from cameo3d.geometry.compiled import compiled
from cameo3d.perception.selfie_segmentation import SIDE, load_selfie_segmentation

EPSILON = 1e-4
"""Below this variance of colours the guided filter takes a window for one colour."""
Matte = TypeVar("Matte", np.ndarray, Tensor)


def person_matte(rgb: UInt8[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width"]:
    """Separate a person from the background.

    A network sees 256x256 pixels (`selfie_segmentation`); its soft mask is carried
    to full size by a guided filter (He et al., ECCV 2010), which follows the picture's own edges.

    Args:
        rgb: A picture with one person in its middle; the person should fill a third of it or more.

    Returns:
        Coverage in [0, 1] as float32.
    """
    height, width = rgb.shape[:2]
    side = max(height, width)
    padded = cv2.copyMakeBorder(rgb, 0, side - height, 0, side - width, cv2.BORDER_REPLICATE)
    small = cv2.resize(padded, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    with torch.inference_mode(), one_thread():
        seen = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
        mask = load_selfie_segmentation()(seen)[0, 0].numpy()
    mask = cv2.resize(mask, (side, side), interpolation=cv2.INTER_CUBIC)[:height, :width].clip(0, 1)
    guide = rgb.astype(np.float32) / 255
    radius = guide_radius(side)
    refined = guided_filter(guide, mask, radius, EPSILON)
    # Far from the edge the network is right and the filter may only invent texture.
    core = cv2.erode(mask, np.ones((3, 3)), iterations=2 * radius)
    reach = cv2.dilate(mask, np.ones((3, 3)), iterations=2 * radius)
    refined = np.where(core > 0.9, 1.0, np.where(reach < 0.1, 0.0, refined))
    return sharpened(refined).astype(np.float32)


def guided_filter(
    guide: Float[np.ndarray, "height width 3"],
    mask: Float[np.ndarray, "height width"],
    radius: int,
    epsilon: float,
) -> Float[np.ndarray, "height width"]:
    """Smooth a mask so that it follows the colours of a guide picture (the colour form of He et al.)."""
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, size, borderType=cv2.BORDER_REFLECT)

    red, green, blue = (np.ascontiguousarray(guide[..., k]) for k in range(3))
    products = (red * red, red * green, red * blue, green * green, green * blue, blue * blue)
    means = [
        mean(values) for values in (red, green, blue, mask, *products, red * mask, green * mask, blue * mask)
    ]
    slopes = np.empty((4, *mask.shape), np.float32)
    _fit_windows(*means, epsilon, slopes)
    slopes = [mean(values) for values in slopes]
    return slopes[0] * red + slopes[1] * green + slopes[2] * blue + slopes[3]


@compiled
def _fit_windows(r, g, b, m, rr, rg, rb, gg, gb, bb, rm, gm, bm, epsilon, slopes):
    """Slopes and offset of the mask in every window from means: a 3x3 system, by Cholesky."""
    for row in range(r.shape[0]):
        for column in range(r.shape[1]):
            at = row, column
            # In double precision, since flat windows are nearly singular.
            x, y, z, w = np.float64(r[at]), np.float64(g[at]), np.float64(b[at]), np.float64(m[at])
            first = np.sqrt(rr[at] - x * x + epsilon)
            low_1, low_2 = (rg[at] - x * y) / first, (rb[at] - x * z) / first
            second = np.sqrt(gg[at] - y * y + epsilon - low_1 * low_1)
            low_3 = (gb[at] - y * z - low_1 * low_2) / second
            third = np.sqrt(bb[at] - z * z + epsilon - low_2 * low_2 - low_3 * low_3)
            one = (rm[at] - x * w) / first
            two = (gm[at] - y * w - low_1 * one) / second
            three = (bm[at] - z * w - low_2 * one - low_3 * two) / third
            three = three / third
            two = (two - low_3 * three) / second
            one = (one - low_1 * two - low_2 * three) / first
            slopes[0, row, column], slopes[1, row, column], slopes[2, row, column] = one, two, three
            slopes[3, row, column] = w - one * x - two * y - three * z


def guide_radius(side: int) -> int:
    """How many pixels the windows of the guided filter reach, in a picture with a longer side of `side`."""
    return max(2, round(side / SIDE * 2.5))


def sharpened(matte: Matte) -> Matte:
    """The network's edge is several pixels wide; keep the soft part, drop its faint tails."""
    return ((matte - 0.12) / 0.76).clip(0, 1)
