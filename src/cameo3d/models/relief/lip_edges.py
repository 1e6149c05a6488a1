"""Where the lips end in a photo of an open mouth: landmarks of their inner edges, moved off teeth and tongue.

In shouts and laughs these landmarks often lie on the teeth or on the tongue. What a lip keeps of those never
closes, and is stretched as if it were skin.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter1d

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lid_edges import cheapest_path, spread_out

_LIPS = ((INNER_LIP_UPPER, OUTER_LIP_UPPER), (INNER_LIP_LOWER, OUTER_LIP_LOWER))
_STEPS, _COLUMNS = 31, 41
_OUTWARD, _INWARD = 0.7, 0.2
"""How far the edge is looked for beyond the landmarks, and before them, as shares of the lip's height and of
half the opening."""
_SURE = (0.55, 0.95)
"""Where between its edges a lip is surely lip, as shares of its height."""
_SPREAD, _UNLIKE = (10.0, 7.0), 2.2
"""Least deviations of a lip's brightness and of its colour, grey levels, and from how many of them on a pixel
is something else."""
_HOLD, _STIFFNESS, _EVEN = 0.03, 0.5, 1.5
"""Cost of leaving the landmarks by a share of the search's steps, and of a bend by one, in steps on the wrong
side; and columns over which the edge is evened out."""
_OPEN = 0.12
"""Opening, in widths of the mouth, from which on the edges are looked for, fully at twice that."""


def find_lip_edges(
    image: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
) -> Float32[np.ndarray, "478 3"]:
    """Move the landmarks of the lips' inner edges to where what looks like lip begins.

    Each lip says itself how it looks, in its outer half; along every line from the opening to its outer edge,
    the edge parts what is not lip from what is, with the fewest pixels on the wrong side.

    Args:
        image: The picture.
        landmarks: Landmarks on it, pixels.
    """
    upper, lower = (landmarks[list(inner), :2] for inner, _ in _LIPS)
    width = float(np.linalg.norm(upper[-1] - upper[0]))
    gap = float(np.linalg.norm(lower[3:8] - upper[3:8], axis=1).mean())
    trust = min(1.0, max(0.0, gap / max(width, 1e-6) / _OPEN - 1))
    if trust == 0:
        return landmarks
    found = landmarks.copy()
    looks = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB).astype(np.float32)
    looks = cv2.GaussianBlur(looks, (0, 0), max(0.5, 0.008 * width))
    for number, (inner, outer) in enumerate(_LIPS):
        start, end = landmarks[list(inner), :2], landmarks[list(outer), :2]
        across = landmarks[list(_LIPS[1 - number][0]), :2]
        shares = np.linspace(-_INWARD, _OUTWARD, _STEPS, dtype=np.float32)
        first, last, middle = (spread_out(line, _COLUMNS) for line in (start, end, (start + across) / 2))

        def at(share: np.ndarray, first=first, last=last, middle=middle) -> np.ndarray:
            share = share[:, None, None]
            return first + np.where(share > 0, (last - first) * share, (first - middle) * share)

        lip = _read(looks, at(np.linspace(*_SURE, 12, dtype=np.float32)))
        # Lips differ along the mouth, by light and by paint; each column knows its surroundings.
        usual = cv2.blur(np.median(lip, 0)[None], (_COLUMNS // 4, 1))
        spread = np.maximum(np.abs(lip - usual).mean((0, 1)), (_SPREAD[0], _SPREAD[1], _SPREAD[1]))
        seen = _read(looks, at(shares))
        away = np.sqrt((((seen - usual) / spread) ** 2).sum(-1)) / _UNLIKE
        other = smoothstep(away - 0.5)
        cost = np.cumsum(1 - 2 * other, 0)
        cost = cost - cost[_nearest_to_zero(shares)] + _HOLD * _STEPS * np.abs(shares)[:, None]
        path = cheapest_path(cost, _STIFFNESS)
        even = gaussian_filter1d(shares[path], _EVEN, mode="nearest")
        moved = even[:: (_COLUMNS - 1) // (len(inner) - 1)] * trust
        moved[[0, -1]] = 0
        to = np.where(moved[:, None] > 0, end - start, start - (start + across) / 2)
        found[list(inner), :2] = start + to * moved[:, None]
    return found


def _nearest_to_zero(shares: np.ndarray) -> int:
    return int(np.abs(shares).argmin())


def _read(picture: np.ndarray, places: Float[np.ndarray, "rows columns 2"]) -> np.ndarray:
    x, y = (np.ascontiguousarray(part, np.float32) - 0.5 for part in np.moveaxis(places, -1, 0))
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
