"""The upright square around a head that EG3D cuts out of a photo (Chan et al., CVPR 2022), from landmarks."""

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


def five_points(landmarks: Float[np.ndarray, "478 3"]) -> Float[np.ndarray, "5 2"]:
    """Right eye, left eye, tip of the nose, right and left corner of the mouth, in the landmarks' unit."""
    right_eye = landmarks[[*RIGHT_LID_UPPER, *RIGHT_LID_LOWER[1:-1]], :2].mean(0)
    left_eye = landmarks[[*LEFT_LID_UPPER, *LEFT_LID_LOWER[1:-1]], :2].mean(0)
    return np.stack((right_eye, left_eye, landmarks[1, :2], landmarks[61, :2], landmarks[291, :2]))


def crop_from_pixels(pixels: Float[np.ndarray, "*points 2"], crop: Crop) -> Float[np.ndarray, "*points 2"]:
    """From pixels of the picture to positions in the crop, [0, 1] inside it."""
    corner = np.array((crop.center_x, crop.center_y), pixels.dtype) - pixels.dtype.type(crop.side / 2)
    return (pixels - corner) / pixels.dtype.type(crop.side)


def pixels_from_crop(positions: Float[np.ndarray, "*points 2"], crop: Crop) -> Float[np.ndarray, "*points 2"]:
    """From positions in the crop to pixels of the picture; undoes `crop_from_pixels`."""
    corner = np.array((crop.center_x, crop.center_y), positions.dtype) - positions.dtype.type(crop.side / 2)
    return positions * positions.dtype.type(crop.side) + corner


def _fit_weak_perspective(points: Float[np.ndarray, "5 2"]) -> tuple[Float[np.ndarray, "2"], float]:
    """Where the head's origin lies, and how many pixels a metre has, by a least-squares affine camera."""
    model = np.column_stack((_FIVE_POINTS, np.ones(5)))
    affine = np.linalg.lstsq(model, points, rcond=None)[0].T
    rows = np.linalg.norm(affine[:, :3], axis=1)
    return affine[:, 3], float(rows.mean())
