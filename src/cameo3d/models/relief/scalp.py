"""The upper edge of a head, which a photo shows edge-on: painted as a nod shows it, not stretched."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.skull import Skull, find_skull
from cameo3d.models.relief.strands import grow

_ROUND = 0.1
"""Radius of a head from its forehead to its crown, metres."""
_BAND, _OVER = 0.008, 0.004
"""Metres within the outline from which on strands are painted, and over which they are blended in."""
_EDGE = 2.0
"""Pixels around the outline over which the photo's soft edge takes over."""
_STRIP = 0.006
"""Metres within that which show its strands."""
_ASIDE, _FADE = 65.0, 20.0
"""Degrees from the top of the head up to which, and over which, it is painted."""
_LIKE_HEADS = (0.8, 1.3)
"""Between which shares of the usual distance from the skull's middle an outline is a head's."""
_STEP = 0.01
"""Steps in which outlines are looked for, as a share of that distance."""
_APART = 4
"""Pixels between places of the outline that are looked for."""
_SMOOTH = 0.006
"""Metres of the outline over which it is smoothed."""
_LOOKS = (-0.375, -0.125, 0.125, 0.375)
"""Where in a pixel the surface is looked at."""


def paint_scalp(
    colors: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    outside: Bool[np.ndarray, "side side"],
    landmarks: Float[np.ndarray, "478 3"],
    result: UInt8[np.ndarray, "side side 3"],
) -> None:
    """Paint the upper edge of a head, in place.

    Args:
        colors: The person's colours as the photo shows them.
        matte: The person's coverage.
        outside: What lies beyond the photo, and stays as it is.
        landmarks: Of the face, pixels.
        result: Where it is painted.
    """
    skull = find_skull(landmarks)
    rim = _find_rim(matte, outside, skull, landmarks[10, :2] - landmarks[152, :2])
    if not rim.share.any():
        return
    band = _BAND * skull.per_meter
    inward = band + np.arange(round(_STRIP * skull.per_meter), dtype=np.float32)[:, None, None]
    looked = skull.center + rim.directions * (rim.reach[:, None] - inward) - 0.5
    looked = looked.astype(np.float32)
    photo, cover = (
        cv2.remap(each, looked[..., 0], looked[..., 1], cv2.INTER_LINEAR) for each in (colors, matte)
    )
    strip = np.dstack((photo.astype(np.float32), cover * np.float32(255)))
    # Rings of the photo, a pixel apart, outermost first, and where they lie on the surface.
    rings = np.arange(-_EDGE, band + 1)
    rise = _rise(rings[:, None] + np.array(_LOOKS), band, skull.per_meter)
    ends = np.where(rim.share > 0, rise.max() + np.float32(1), 0).astype(np.float32)
    detail = grow(strip, ends, skull.per_meter).detail
    weights = (1 - np.abs(rise[..., None] - np.arange(len(detail)))).clip(0).mean(1)
    fade = smoothstep((band - rings) / (_OVER * skull.per_meter)) * smoothstep(rings / (2 * _EDGE) + 0.5)
    ringed = weights.astype(np.float32) @ detail * (fade[:, None] * rim.share).astype(np.float32)

    around = skull.center + rim.directions * (rim.reach[:, None] - np.array((-_EDGE, band))[:, None, None])
    low, high = np.floor(around.min((0, 1))).astype(int), np.ceil(around.max((0, 1))).astype(int) + 1
    box = tuple(slice(max(0, first), max(0, last)) for first, last in zip(low[::-1], high[::-1], strict=True))
    y, x = np.mgrid[box].astype(np.float32) + np.float32(0.5)
    away, column = rim.find(x - np.float32(skull.center[0]), y - np.float32(skull.center[1]))
    reach = np.interp(column, np.arange(len(rim.reach)), rim.reach).astype(np.float32)
    gain = cv2.remap(ringed, column, reach - away + np.float32(_EDGE), cv2.INTER_LINEAR)
    gain[outside[box]] = 0
    rows, columns = np.nonzero(gain)
    part = result[box]
    part[rows, columns] = np.rint(part[rows, columns] * (1 + gain[rows, columns, None])).clip(0, 255)


class _Rim(NamedTuple):
    """The outline of a head around its top."""

    top: float
    """Where the top lies: radians from upwards, clockwise."""
    directions: np.ndarray
    """From the skull's middle, evenly spaced, unit vectors."""
    reach: np.ndarray
    """How far it lies away there, pixels."""
    share: np.ndarray
    """How far it is a head's there, and near the top."""

    def find(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far away places are, and which of the directions leads to them; -1 none."""
        away, turn = cv2.cartToPolar(-y, x)
        most = np.float32(np.radians(_ASIDE))
        turn = np.remainder(turn - np.float32(self.top) + most, np.float32(2 * np.pi))
        column = turn * np.float32((len(self.reach) - 1) / (2 * most))
        return away, np.where(turn < 2 * most, column, np.float32(-9))


def _find_rim(matte: np.ndarray, outside: np.ndarray, skull: Skull, up: np.ndarray) -> _Rim:
    top, most = float(np.arctan2(up[0], -up[1])), np.radians(_ASIDE)
    radius = float(skull.reach(up[None] / max(float(np.linalg.norm(up)), 1e-6))[0])
    count = max(8, round(2 * most * radius / _APART))
    aside = np.linspace(-most, most, count)
    directions, steps = _directions(top + aside), np.arange(*_LIKE_HEADS, _STEP)
    usual = skull.reach(directions)
    places = skull.center + directions * (usual * steps[:, None])[..., None]
    across, down = np.rint(places - 0.5).clip(0, len(matte) - 1).astype(int).T
    beyond = outside[down, across]
    last = np.argmin((matte[down, across] > 0.5) & ~beyond, 1)  # the first place that is not the person's
    whole = ((last > 0) & ~beyond[np.arange(count), last]).astype(np.float32)[None]
    blur = _SMOOTH * skull.per_meter / _APART
    reach = cv2.GaussianBlur((usual * steps[last])[None].astype(np.float32), (0, 0), blur)[0]
    whole = cv2.GaussianBlur(cv2.erode(whole, np.ones((1, 2 * round(blur) + 1))), (0, 0), blur)[0]
    share = whole * smoothstep((most - np.abs(aside)) / np.radians(_FADE))
    every = np.linspace(-most, most, count * _APART)
    reach, share = (np.interp(every, aside, each).astype(np.float32) for each in (reach, share))
    return _Rim(top, _directions(top + every), reach, share)


def _directions(turns: np.ndarray) -> np.ndarray:
    return np.stack((np.sin(turns), -np.cos(turns)), -1)


def _rise(within: np.ndarray, band: float, per_meter: float) -> np.ndarray:
    """How far places within the outline lie along the surface from a line within it, pixels."""
    radius = _ROUND * per_meter
    line, place = (np.arccos(1 - np.clip(each, 0, radius) / radius) for each in (band, within))
    return (np.maximum(radius * (line - place), 0) - np.minimum(within, 0)).astype(np.float32)
