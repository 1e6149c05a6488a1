"""The crown of a head that a photo's upper border cuts: as wide and high as heads are, with its hair.

A head that nods shows its crown as a wide arch, and hair on it in strands of some millimetres. So what lies
beyond the border is painted on the surface itself, which rises steeply towards the viewer.
"""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.skull import Skull, find_skull, within_crown
from cameo3d.models.relief.strands import grow

_ROUND = 0.1
"""Radius of a head from its forehead to its crown, metres."""
_EDGE = 1.5
"""Pixels over which the outline is soft."""
_LEAST = 8
"""Pixels of the border that must show the person."""
_STRIP = 0.02
"""Metres below the border that show its strands."""
_SHADE = 0.2
"""How much darker its end is."""
_LOOKS = (-0.375, -0.125, 0.125, 0.375)
"""Where in a pixel the surface is looked at."""


def crown(
    picture: Float32[np.ndarray, "rows columns 4"], length: int, landmarks: Float[np.ndarray, "478 3"]
) -> Float32[np.ndarray, "length columns 4"]:
    """What lies above a picture.

    Args:
        picture: The person's colours and, as a fourth channel, coverage, all in [0, 255].
        length: Rows above it.
        landmarks: Of the face, pixels of the picture.
    """
    result = np.zeros((length, *picture.shape[1:]), np.float32)
    solid = picture[1:, :, 3] > 127  # the border itself may be mixed with what lies beyond it
    if solid[0].sum() < _LEAST:
        return result
    skull = find_skull(landmarks)
    within = within_crown(solid, length, skull)
    columns = np.flatnonzero((within > -_EDGE).any(0))
    if not len(columns):
        return result
    part = slice(columns[0], columns[-1] + 1)
    result[..., 3] = (within / _EDGE + 0.5).clip(0, 1) * 255
    result[:, part, :3] = _painted(picture[1:, part], within[:, part], skull)
    return result


def _painted(
    picture: np.ndarray, within: np.ndarray, skull: Skull
) -> Float32[np.ndarray, "length columns 3"]:
    """Colours of what lies above a picture, from those of the surface."""
    strip = picture[: max(16, round(_STRIP * skull.per_meter))]
    rise = _rise(within, skull)
    ends = np.where(within > -_EDGE, rise, 0).max(0) + 2
    colors, detail = grow(strip, ends, skull.per_meter)
    shade = 1 - _SHADE * smoothstep(np.arange(len(detail), dtype=np.float32) / len(detail))
    sheet = colors * ((1 + detail) * shade[:, None])[..., None]
    x = np.broadcast_to(np.arange(rise.shape[1], dtype=np.float32), rise.shape)
    step = -np.diff(rise, axis=0, append=np.float32(0))
    looks = [
        cv2.remap(
            sheet, x, rise + step * np.float32(share), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for share in _LOOKS
    ]
    return np.mean(looks, 0).clip(0, 255)


def _rise(within: np.ndarray, skull: Skull) -> Float32[np.ndarray, "length columns"]:
    """How far each pixel lies from the border along the surface, pixels."""
    radius = _ROUND * skull.per_meter
    depth = np.sqrt((radius**2 - (radius - within.clip(0, radius)) ** 2).clip(0))
    steps = np.hypot(1, np.diff(depth, axis=0, append=depth[-1:]))
    return np.minimum(np.cumsum(steps[::-1], 0)[::-1] - 0.5, 2 * radius).astype(np.float32)
