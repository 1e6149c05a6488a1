"""The canvas: the part of the photo around the head that a relief is made of, at its own resolution."""

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32

from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.imaging.framing import cut_matrix, soften
from cameo3d.values import Crop
from cameo3d.values.limits import Within

_REACH = 1.7
"""Side of the canvas over the side of the crop: room for hair, shoulders and turns of the head."""
_LEAST_DETAIL, _MOST_DETAIL = 512, 1024
"""Bounds of the pixels across the crop, unless more are asked for."""


@dataclass(frozen=True)
class Canvas:
    """A square window of the photo; it may reach over the photo's border."""

    left: Annotated[float, Within(-1e5, 1e5)]
    """Photo pixels from the photo's left border to the canvas."""
    top: Annotated[float, Within(-1e5, 1e5)]
    """Photo pixels from the photo's upper border to the canvas."""
    scale: Annotated[float, Within(0.02, 50)]
    """Canvas pixels in a photo pixel."""
    side: Annotated[int, Within(16, 4096)]
    """Canvas pixels across."""

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Resample the photo (or something of its size) onto the canvas; its border's own value goes on."""
        matrix = cut_matrix(self.left, self.top, self.scale)
        size = (self.side, self.side)
        return cv2.warpAffine(
            soften(image, self.scale), matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def outside(self, width: int, height: int) -> Bool[np.ndarray, "side side"]:
        """Which pixels lie beyond the border of a photo of that size, or so near that they mix with it."""
        across = (np.arange(self.side) + 0.5) / self.scale
        beyond = [
            (place < 1) | (place > length - 1)
            for place, length in ((across + self.left, width), (across + self.top, height))
        ]
        return beyond[0] | beyond[1][:, None]

    def rays(self, crop: Crop, points: Float[np.ndarray, "points 2"]) -> Float32[np.ndarray, "points 3"]:
        """Directions at depth 1 in the crop camera's axes of positions on the canvas."""
        photo = points / self.scale + np.array([self.left, self.top])
        across = (photo - np.array([crop.center_x, crop.center_y])) / (crop.side * CROP_FOCAL)
        return np.column_stack((across, np.ones(len(points)))).astype(np.float32)

    def points(self, crop: Crop, positions: Float[np.ndarray, "points 3"]) -> Float32[np.ndarray, "points 2"]:
        """Where on the canvas positions in the crop camera's axes lie: what `rays` was the way from."""
        photo = positions[:, :2] / positions[:, 2:] * (crop.side * CROP_FOCAL)
        photo = photo + np.array([crop.center_x, crop.center_y]) - np.array([self.left, self.top])
        return (photo * self.scale).astype(np.float32)

    def pixels_per_unit(self, crop: Crop) -> float:
        """Canvas pixels across one metre at a depth of one metre."""
        return crop.side * CROP_FOCAL * self.scale


def choose_canvas(crop: Crop, detail: int = 0) -> Canvas:
    """Place the canvas around a crop, a little lower, since there is more body below than air above.

    Args:
        crop: The crop.
        detail: Pixels across it that are asked for; the canvas holds no more than the photo has.
    """
    across = float(np.clip(crop.side, _LEAST_DETAIL, max(_MOST_DETAIL, detail)))
    side = _REACH * crop.side
    return Canvas(
        left=crop.center_x - side / 2,
        top=crop.center_y - side * 0.47,
        scale=across / crop.side,
        side=round(_REACH * across),
    )
