"""Shadows at the corners of a mouth, which lips that open, or grow narrow, leave behind on the cheek.

Where closed lips meet, and in the crease beyond, little light gets in. Once they part, that skin unfolds; the
photo's shadow on it would stay as a dark mark of its own.
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.imaging.smoothstep import smoothstep

_CORNERS = ((61, 78), (291, 308))
"""Outer and inner corner on either side."""
CORNER_REACH = 0.011
"""Metres around a corner in which it has a shadow."""
_AWAY = 0.002
"""Metres that the middle of the shadow lies further out than the corner."""
_WIDEST = 0.007
"""Metres across the widest shadow."""
_ON_LIPS = 0.45
"""How far it reaches over lips, which are darker than skin of their own, in reaches."""
_GRAIN = 2.0
"""What skin, or a beard, next to it shows of such marks counts this often as no shadow."""
_NEXT = 0.6
"""Where that skin begins, in reaches."""
_MOST = 0.9
"""How much of the shadow goes."""


def corner_shadows(
    texture: UInt8[np.ndarray, "rows columns 4"],
    points: Float32[np.ndarray, "468 2"],
    per_meter: float,
    box: tuple[int, int, int, int],
) -> Float32[np.ndarray, "height width 3"]:
    """By how many grey levels the corners of a mouth lie in shadow.

    Args:
        texture: The person's colours.
        points: The face's vertices on the canvas, pixels.
        per_meter: Canvas pixels in a metre.
        box: Left, top, right and bottom of the part of the canvas that is looked at.
    """
    left, top, right, bottom = box
    margin = max(2, round(_WIDEST * per_meter))
    wide = np.ascontiguousarray(texture[top:bottom, left:right, :3])
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.5, 0.0004 * per_meter))
    padded = cv2.copyMakeBorder(soft, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (margin // 2) + 1,) * 2)
    filled = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[margin:-margin, margin:-margin]
    filled = cv2.GaussianBlur(filled, (0, 0), margin / 4)
    darker = np.minimum(cv2.subtract(filled, soft), cv2.subtract(filled, wide)).astype(np.float32)
    lips, opening = (
        _filled(points[[*upper, *lower[-2:0:-1]]] - (left, top), wide.shape[:2])
        for upper, lower in ((OUTER_LIP_UPPER, OUTER_LIP_LOWER), (INNER_LIP_UPPER, INNER_LIP_LOWER))
    )
    y, x = np.mgrid[: bottom - top, : right - left] + 0.5
    middle = points[[inner for _, inner in _CORNERS]].mean(0)
    shadows = np.zeros(wide.shape, np.float32)
    for outer, _ in _CORNERS:
        out = (points[outer] - middle) / max(float(np.linalg.norm(points[outer] - middle)), 1e-6)
        center = points[outer] + out * _AWAY * per_meter - (left, top)
        away = np.hypot(x - center[0], y - center[1]) / (CORNER_REACH * per_meter)
        # A beard is dark in many places.
        ahead = (x - center[0]) * out[0] + (y - center[1]) * out[1] > 0
        around = ahead & (away > _NEXT) & (away < 1.4)
        grain = np.quantile(darker[around], 0.5, axis=0) if around.sum() > 8 else np.zeros(3)
        here = (darker - np.float32(_GRAIN) * grain.astype(np.float32)).clip(0)
        skin, lip = smoothstep(1.6 * (1 - away)), smoothstep(2 * (1 - away / _ON_LIPS))
        share = _MOST * (skin + (lip - skin) * lips) * (1 - opening)
        shadows += here * share[..., None].astype(np.float32)
    return shadows


def _filled(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255)
    return cv2.blur(mask, (3, 3)).astype(np.float32) / 255
