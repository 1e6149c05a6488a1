"""The upright square around a head that EG3D cuts out of a photo (Chan et al., CVPR 2022), from landmarks."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.values.portrait import Crop

_METERS = 0.1
"""The five points below are given in decimetres."""

_FIVE_POINTS = _METERS * np.array(
    [
        *((-0.31, -0.09, -0.13), (0.31, -0.09, -0.13)),
        (0.0, 0.25, -0.55),
        *((-0.25, 0.58, -0.22), (0.25, 0.58, -0.22)),
    ]
)
"""Right eye, left eye, tip of the nose, right and left corner of the mouth of an average head, in metres.

Axes as a head's, but the origin is that of the Basel Face Model, to whose points, rounded here, EG3D's own
alignment fits a photo; the square is centred on it.
"""

_FACE_SCALE = 300 / 700
"""EG3D scales the fitted face so that 0.1 m become 300 of the 700 pixels of the square's side."""

_PICTURE = 512
"""Side of the picture that Real3D-Portrait's inference rounds in."""
_ABOVE_FACE, _BELOW_CHIN, _HEAD_WIDTH = 0.12, 0.03, 1.2
"""How far a head reaches over its face: up and down in heights, and its width in widths, of the face."""


def portrait_crop(landmarks: Float[np.ndarray, "478 3"]) -> Crop:
    """The EG3D head-and-shoulders square of a face.

    Five points of the face are fitted by an average head under weak perspective; the square is centred on
    that head's origin and 0.233 m of it wide. It stays upright, however the head is tilted.

    Args:
        landmarks: Face mesh in pixels of the photo.
    """
    points = five_points(landmarks)
    center, pixels_per_meter = _fit_weak_perspective(points)
    return Crop(float(center[0]), float(center[1]), float(pixels_per_meter * _METERS / _FACE_SCALE))


class Ellipse(NamedTuple):
    """An ellipse in a picture."""

    center: Float[np.ndarray, "2"]
    down: Float[np.ndarray, "2"]
    """Unit vector along its height, from the forehead to the chin."""
    width: float
    height: float
    """Its full axes, pixels."""

    def distances(self, points: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points"]:
        """How far points lie from the centre: 1 on the outline."""
        offset = points - self.center
        aside = offset @ np.array((self.down[1], -self.down[0]))
        return np.hypot(aside / (self.width / 2), offset @ self.down / (self.height / 2))

    def reach(self) -> Float[np.ndarray, "2"]:
        """Half the width and half the height of the upright box around it, pixels."""
        return np.hypot(self.down[::-1] * (self.width / 2), self.down * (self.height / 2))


def head_ellipse(landmarks: Float[np.ndarray, "vertices axes"]) -> Ellipse:
    """Face, ears and the beginning of the hair, pixels."""
    top, chin = landmarks[10, :2], landmarks[152, :2]
    height = float(np.linalg.norm(chin - top))
    down = (chin - top) / max(height, 1e-6)
    width = float(np.linalg.norm(landmarks[454, :2] - landmarks[234, :2]))
    above, below = _ABOVE_FACE * height, _BELOW_CHIN * height
    center = (top + chin) / 2 + down * (below - above) / 2
    # A face from the side is narrower than its head.
    return Ellipse(center, down, max(_HEAD_WIDTH * width, 0.9 * height), height + above + below)


def shown_square(crop: Crop, landmarks: Float[np.ndarray, "vertices axes"], width: int, height: int) -> Crop:
    """What a head-and-shoulders picture shows: the crop, or a part of the photo if that cuts the head.

    Then the crop is moved, and if need be made smaller, until it lies within the photo, so that nothing of
    the head has to be invented.

    Args:
        crop: The crop.
        landmarks: Face mesh in pixels of the photo.
        width: The photo's width, pixels.
        height: The photo's height, pixels.
    """
    ellipse = head_ellipse(landmarks)
    low, high = ellipse.center - ellipse.reach(), ellipse.center + ellipse.reach()
    if (low >= 0).all() and high[0] <= width and high[1] <= height:
        return crop
    side = min(crop.side, float(width), float(height))
    x, y = (
        float(np.clip(center, side / 2, length - side / 2))
        for center, length in ((crop.center_x, width), (crop.center_y, height))
    )
    return Crop(x, y, side)


def picture_crop(
    landmarks: Float[np.ndarray, "478 axes"], width: int, height: int, least_share: float = 0.2
) -> Crop:
    """The square that Real3D-Portrait's inference sees: the whole picture, unless the face is small in it.

    Then it is a square around the face, of which the face's box fills `least_share`, shrunk until it lies
    within the picture. Sizes are rounded as there, in a picture of 512 pixels. A picture that is no square,
    which the official code squeezes into one, gives its largest square around the face first.

    Args:
        landmarks: Face mesh in pixels of the picture.
        width: Of the picture.
        height: Of the picture.
        least_share: Of the picture's area that the face's box should fill, above 0.
    """
    side = float(min(width, height))
    middle = landmarks[:, :2].min(0) / 2 + landmarks[:, :2].max(0) / 2
    corner = np.clip(middle - side / 2, 0, np.array((width, height)) - side)
    seen = (landmarks[:, :2] - corner) * (_PICTURE / side)
    if np.prod(np.ptp(seen / _PICTURE, axis=0)) >= least_share:
        return Crop(float(corner[0] + side / 2), float(corner[1] + side / 2), side)
    whole = seen.astype(int)
    center = (whole.min(0) + whole.max(0)) / 2
    wanted = int((np.prod(np.ptp(whole, axis=0)) / least_share) ** 0.5)
    beyond = max(0.0, *(wanted / 2 - center), *(center + wanted / 2 - _PICTURE))
    reach = int(wanted - 2 * beyond) / 2
    low, high = (center - reach).astype(int), (center + reach).astype(int)
    # The official cut may be a pixel from square.
    x, y = corner + (low + high) / 2 * (side / _PICTURE)
    return Crop(float(x), float(y), float(high[0] - low[0]) * side / _PICTURE)


def five_points(landmarks: Float[np.ndarray, "478 3"]) -> Float[np.ndarray, "5 2"]:
    """Right eye, left eye, tip of the nose, right and left corner of the mouth, in the landmarks' unit."""
    right_eye = landmarks[[*RIGHT_LID_UPPER, *RIGHT_LID_LOWER[1:-1]], :2].mean(0)
    left_eye = landmarks[[*LEFT_LID_UPPER, *LEFT_LID_LOWER[1:-1]], :2].mean(0)
    return np.stack((right_eye, left_eye, landmarks[1, :2], landmarks[61, :2], landmarks[291, :2]))


def crop_from_pixels(pixels: Float[np.ndarray, "*points 2"], crop: Crop) -> Float[np.ndarray, "*points 2"]:
    """From pixels of the picture to positions in the crop, [0, 1] inside it."""
    corner = np.array((crop.center_x, crop.center_y), pixels.dtype) - pixels.dtype.type(crop.side / 2)
    return (pixels - corner) / pixels.dtype.type(crop.side)


def _fit_weak_perspective(points: Float[np.ndarray, "5 2"]) -> tuple[Float[np.ndarray, "2"], float]:
    """Where the head's origin lies, and how many pixels a metre has, by a least-squares affine camera."""
    model = np.column_stack((_FIVE_POINTS, np.ones(5)))
    affine = np.linalg.lstsq(model, points, rcond=None)[0].T
    rows = np.linalg.norm(affine[:, :3], axis=1)
    return affine[:, 3], float(rows.mean())
