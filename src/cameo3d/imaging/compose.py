"""Lay a person over a background."""

import numpy as np
from jaxtyping import UInt8

from cameo3d.geometry.compiled import compiled


def compose(
    frame: UInt8[np.ndarray, "height width 4"], background: UInt8[np.ndarray, "height width 3"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Blend a frame with straight alpha over a background of the same size."""
    result = np.empty_like(background)
    _blend(frame, background, result)
    return result


@compiled
def _blend(frame, background, result):
    for row in range(frame.shape[0]):
        for column in range(frame.shape[1]):
            alpha = np.int32(frame[row, column, 3])
            for k in range(3):
                mixed = frame[row, column, k] * alpha + background[row, column, k] * (255 - alpha)
                result[row, column, k] = (mixed + 127) // 255
