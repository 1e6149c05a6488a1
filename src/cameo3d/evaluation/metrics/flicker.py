"""Flicker: how much frames change beyond what motion explains (after Lai et al., ECCV 2018)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.evaluation.measures import Picture

WIDTH = 256
"""Pixels that frames are shrunk to, if they are wider."""

Gray = UInt8[np.ndarray, "height width"]
Flow = Float32[np.ndarray, "height width 2"]


def warping_error(
    previous: Picture, current: Picture, flow: Flow, known: Bool[np.ndarray, "height width"]
) -> float | None:
    """Mean absolute difference, pictures in [0, 1], of a frame and the one before, moved along the flow.

    Args:
        previous: The frame before.
        current: The frame.
        flow: For each pixel of the current frame, how far its content moved back to the previous one.
        known: Where the flow is to be trusted, as from `motion_between`.

    Returns:
        None if the flow is known nowhere.
    """
    if not known.any():
        return None
    moved = _moved(previous.astype(np.float32), flow)
    return float(np.abs(current - moved)[known].mean() / 255)


def motion_between(previous: Gray, current: Gray) -> tuple[Flow, Bool[np.ndarray, "height width"]]:
    """Optical flow from the current frame back to the previous one, and where it is to be trusted.

    It is trusted where going back and forth again ends within a pixel or so of the start (Sundaram et al.,
    ECCV 2010), inside the picture.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = estimator.calc(current, previous, np.zeros((*current.shape, 2), np.float32))
    forth = _moved(estimator.calc(previous, current, np.zeros((*current.shape, 2), np.float32)), back)
    error = ((back + forth) ** 2).sum(-1)
    near = error < 0.01 * ((back**2).sum(-1) + (forth**2).sum(-1)) + 0.5
    height, width = current.shape
    ends = _grid(height, width) + back
    inside = (ends >= 0).all(-1) & (ends[..., 0] <= width - 1) & (ends[..., 1] <= height - 1)
    return back, near & inside


def shrunk(picture: Picture) -> UInt8[np.ndarray, "rows columns 3"]:
    """The picture with at most `WIDTH` pixels a row."""
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    return cv2.resize(picture, (WIDTH, max(16, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)


def gray(picture: Picture) -> Gray:
    """The picture without colours."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _grid(height: int, width: int) -> Flow:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def _moved(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Values at the ends of the flow."""
    x, y = np.moveaxis(_grid(*flow.shape[:2]) + flow, -1, 0)
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
