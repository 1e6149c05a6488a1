"""Blinks painted into PNCC pictures, as the official inference of Real3D-Portrait does it."""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor

_PERIOD = 125
"""Frames from one blink to the next: five seconds."""
_SHORTEST, _LONGEST = 8, 12
"""Frames of a blink."""
_MARGIN = 4
"""Pixels around the hole of an eye in which colours are taken and changed."""
_RIM = 5.0
"""Face that is no farther from the hole, in pixels, moves with the lid."""


def blink_amount(frame: int, seed: int = 0) -> float:
    """How far the eyes are closed in a frame, in [0, 1]: one blink every five seconds, the first at once."""
    turn, since = divmod(frame, _PERIOD)
    length = int(np.random.default_rng((seed, turn)).integers(_SHORTEST, _LONGEST + 1))
    return 4 * since / length * (1 - since / length) if since < length else 0.0


def close_eyes(
    pncc: Float[Tensor, "3 height width"], left: float, right: float | None = None
) -> Float[Tensor, "3 height width"]:
    """Draw the lids over the holes of the eyes; an eye without a hole stays as it is.

    Colours come back rounded to 256 levels, with any amount, as they do from the official code.

    Args:
        pncc: From `PnccRenderer`, in [-1, 1].
        left: Of the person's left eye: 0 as open as before, 1 closed.
        right: Of the right one, by default the same.
    """
    levels = ((pncc.numpy() + np.float32(1)) / 2 * 255).astype(np.uint8)
    face = (levels != 0).all(axis=0)
    height, width = face.shape
    # The person's right eye is on the picture's left.
    for begin, amount in ((width // 4, left if right is None else right), (width // 2, left)):
        hole = ~face[height // 4 : height // 2, begin : begin + width // 4]
        if amount > 0 and hole.any():
            rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
            top, left_most = height // 4 + rows[0] - _MARGIN, begin + columns[0] - _MARGIN
            bottom, right_most = height // 4 + rows[-1] + _MARGIN, begin + columns[-1] + _MARGIN
            area = np.s_[top:bottom, left_most:right_most]
            _close_eye(levels[:, *area], face[area], amount)
    return torch.from_numpy(levels / np.float32(127.5) - np.float32(1))


def _close_eye(
    levels: UInt8[np.ndarray, "3 height width"], face: Bool[np.ndarray, "height width"], amount: float
) -> None:
    """Move both edges of the eye towards the middle of each column, and paint what they pass."""
    eye = np.asarray(distance_transform_edt(face)) <= _RIM
    if eye.all():
        return
    rows = np.arange(len(eye))[:, None]
    upper = np.where(eye, rows, len(eye)).min(axis=0)
    lower = np.where(eye, rows, -1).max(axis=0)
    way = amount * (lower - upper) / 2
    passed = eye & ((rows <= upper + way) | (rows >= lower - way))
    nearest = np.asarray(distance_transform_edt(eye, return_distances=False, return_indices=True))
    levels[:, passed] = levels[:, *nearest[:, passed]]
