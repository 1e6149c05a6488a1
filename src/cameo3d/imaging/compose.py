"""Lay a person over a background."""

import numpy as np
from jaxtyping import UInt8

from cameo3d.geometry.compiled import compiled


def compose(
    frame: UInt8[np.ndarray, "height width 4"], background: UInt8[np.ndarray, "height width 3"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Blend a frame with straight alpha over a background of the same size."""
    result = np.ascontiguousarray(background).copy()
    _blend(frame, result)
    return result


@compiled
def _blend(frame, result):
    for row in range(frame.shape[0]):
        for column in range(frame.shape[1]):
            alpha = np.uint32(frame[row, column, 3])
            if alpha == 255:
                for k in range(3):
                    result[row, column, k] = frame[row, column, k]
            elif alpha > 0:
                for k in range(3):
                    mixed = frame[row, column, k] * alpha + result[row, column, k] * (np.uint32(255) - alpha)
                    result[row, column, k] = (mixed + np.uint32(127)) // np.uint32(255)
