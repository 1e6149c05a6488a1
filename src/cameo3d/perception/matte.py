"""Person matte: how much of each pixel belongs to the person, hair edges included."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from cameo3d.perception.selfie_segmentation import SIDE, load_selfie_segmentation


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
    with torch.inference_mode():
        seen = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
        mask = load_selfie_segmentation()(seen)[0, 0].numpy()
    mask = cv2.resize(mask, (side, side), interpolation=cv2.INTER_CUBIC)[:height, :width].clip(0, 1)
    guide = rgb.astype(np.float32) / 255
    radius = max(2, round(side / SIDE * 2.5))
    refined = guided_filter(guide, mask, radius, 1e-4)
    # Far from the edge the network is right and the filter may only invent texture.
    core = cv2.erode(mask, np.ones((3, 3)), iterations=2 * radius)
    reach = cv2.dilate(mask, np.ones((3, 3)), iterations=2 * radius)
    refined = np.where(core > 0.9, 1.0, np.where(reach < 0.1, 0.0, refined))
    return _sharpen(refined).astype(np.float32)


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

    mean_guide, mean_mask = mean(guide), mean(mask)
    products = mean((guide[..., :, None] * guide[..., None, :]).reshape(*guide.shape[:2], 9))
    covariance = (
        products.reshape(*guide.shape[:2], 3, 3) - mean_guide[..., :, None] * mean_guide[..., None, :]
    )
    cross = mean(guide * mask[..., None]) - mean_guide * mean_mask[..., None]
    slope = np.linalg.solve(covariance + epsilon * np.eye(3, dtype=np.float32), cross[..., None])[..., 0]
    offset = mean_mask - (slope * mean_guide).sum(-1)
    return (mean(slope.astype(np.float32)) * guide).sum(-1) + mean(offset.astype(np.float32))


def _sharpen(matte: np.ndarray) -> np.ndarray:
    """The network's edge is several pixels wide; keep the soft part, drop its faint tails."""
    return ((matte - 0.12) / 0.76).clip(0, 1)
