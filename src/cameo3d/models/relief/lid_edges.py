"""Where the lids end in the photo: landmarks of eyes, moved onto their lash lines."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LEFT_LOWER_FOLD,
    LEFT_UPPER_FOLD,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
    RIGHT_LOWER_FOLD,
    RIGHT_UPPER_FOLD,
)

_EDGES = (
    (LEFT_LID_LOWER, LEFT_LOWER_FOLD, 1.05, 0.4),
    (LEFT_LID_UPPER, LEFT_UPPER_FOLD, 0.75, 0.15),
    (RIGHT_LID_LOWER, RIGHT_LOWER_FOLD, 1.05, 0.4),
    (RIGHT_LID_UPPER, RIGHT_UPPER_FOLD, 0.75, 0.15),
)
"""An edge and the fold beyond it, how far on the way there it is looked for, and the cost of leaving the
landmarks for the fold: lower lashes are faint, and bags below the eye are dark, too. Upper edges come last
and decide about the corners."""
_INWARD = -0.15
"""Where the search begins, as a share of the same way."""
_STEPS, _COLUMNS = 33, 33
_STIFFNESS = 0.03
"""Cost of a bend by one step. Costs are in shares of the contrast."""


def find_lid_edges(
    image: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
) -> Float32[np.ndarray, "478 3"]:
    """Move the landmarks of the lids' edges onto the lash lines.

    They tend to lie inside the eye, and what they leave out of it would be stretched over a closing lid as if
    it were skin. A lash line is the darkest path from one corner of the eye to the other.

    Args:
        image: The picture.
        landmarks: Landmarks on it, pixels.
    """
    found = landmarks.copy()
    blue = image[..., 2].astype(np.float32)  # Sets dark lashes off from blue irises as well as from white.
    for edge, fold, reach, hold in _EDGES:
        start, end = landmarks[list(edge), :2], landmarks[list(fold), :2]
        shares = np.linspace(_INWARD, reach, _STEPS, dtype=np.float32)
        first, last = spread_out(start, _COLUMNS), spread_out(end, _COLUMNS)
        places = first + (last - first) * shares[:, None, None]
        band = cv2.remap(blue, places[..., 0] - 0.5, places[..., 1] - 0.5, cv2.INTER_LINEAR)
        band = cv2.GaussianBlur(band, (0, 0), 1)
        path = cheapest_path(
            band / max(float(np.ptp(band)), 1.0) + hold * np.abs(shares)[:, None], _STIFFNESS
        )
        found[list(edge), :2] = start + (end - start) * shares[path][:: _COLUMNS // (len(edge) - 1), None]
    return found


def spread_out(points: Float32[np.ndarray, "corners 2"], count: int) -> Float32[np.ndarray, "count 2"]:
    """Points along a line with corners, equally many between any two of them."""
    at, corners = np.linspace(0, len(points) - 1, count), np.arange(len(points))
    return np.stack([np.interp(at, corners, points[:, k]) for k in (0, 1)], -1).astype(np.float32)


def cheapest_path(cost: Float[np.ndarray, "rows columns"], stiffness: float) -> Int64[np.ndarray, " columns"]:
    """The row in each column of the path across that costs least.

    Args:
        cost: What passing through a place costs.
        stiffness: What a step to the next row costs on top; steps over more rows cost its square.
    """
    rows = np.arange(len(cost))
    bends = stiffness * (rows[:, None] - rows) ** 2
    sums, origins = cost[:, 0], []
    for column in cost.T[1:]:
        total = sums + bends
        origins.append(total.argmin(1))
        sums = total.min(1) + column
    path = [sums.argmin()]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return np.array(path[::-1])
