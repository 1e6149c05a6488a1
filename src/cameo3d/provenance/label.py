"""A small visible badge, "AI", in a corner of the picture."""

import cv2
import numpy as np
from jaxtyping import UInt8

_SHARE = 0.06  # of the shorter side
_OPACITY = 0.75


def labelled(
    frame: UInt8[np.ndarray, "height width channels"],
) -> UInt8[np.ndarray, "height width channels"]:
    """A copy of a frame with a badge in its lower right corner, solid where the frame is transparent."""
    height, width = frame.shape[:2]
    side = max(12, round(_SHARE * min(height, width)))
    badge = _badge(min(side, height, width))
    rows, columns = badge.shape
    margin = side // 3
    top, left = max(0, height - rows - margin), max(0, width - columns - margin)
    result = frame.copy()
    corner = result[top : top + rows, left : left + columns]
    badge = badge[: corner.shape[0], : corner.shape[1], None]
    mixed = corner[..., :3] * (1 - _OPACITY) + badge * _OPACITY
    corner[..., :3] = np.rint(mixed).astype(np.uint8)
    corner[..., 3:] = 255
    return result


def _badge(side: int) -> UInt8[np.ndarray, "rows columns"]:
    """White letters on a dark plate, drawn four times as large and shrunk, so that edges are smooth."""
    rows, columns = 4 * side, 6 * side
    plate = np.full((rows, columns), 32, np.uint8)
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, max(1, side // 4)
    scale = cv2.getFontScaleFromHeight(font, round(rows * 0.6), thickness)
    (text_width, text_height), _ = cv2.getTextSize("AI", font, scale, thickness)
    place = ((columns - text_width) // 2, (rows + text_height) // 2)
    cv2.putText(plate, "AI", place, font, scale, 255, thickness, cv2.LINE_AA)
    return cv2.resize(plate, (columns // 4, rows // 4), interpolation=cv2.INTER_AREA)
