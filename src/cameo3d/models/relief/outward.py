"""Colours that go on where the photo shows nothing more of a person: outwards from the outline."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.imaging.smoothstep import smoothstep

EDGE = 3.0
"""Pixels of the photo within the outline that may be mixed with the background."""
_SOFT, _SHARP, _RING = 0.006, 0.004, 0.012
"""Metres along the outline over which colours that go on outwards get soft, and hair goes over into skin, and
within the outline from where they come."""
_OFF = 15.0
"""Levels that a colour is off the way from wall to skin, at least, if it is hair's."""
_LIT, _LOW = 20.0, 0.015
"""Grey levels by which skin in the light is brighter than the face, and metres above the ears' middle from
which on it may be skin."""
_SOLID = 0.8
"""Coverage at a person's outline."""
_FEW = 0.01
"""Share of the surroundings that must show such colours."""


class Outward(NamedTuple):
    """What goes on outwards from a person's outline."""

    colors: Float32[np.ndarray, "cells cells 3"]
    hair: Float32[np.ndarray, "cells cells"]
    """How far that looks like hair, or cloth, and not like skin."""


def outward_colors(
    colors: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    plate: UInt8[np.ndarray, "side side 3"],
    strange: Float32[np.ndarray, "half half"],
    face: Float32[np.ndarray, "cells cells"],
    level: Float32[np.ndarray, "cells cells"],
    pixel: float,
    per_meter: float,
) -> Outward:
    """Colours that go on outwards from a person's outline: hair next to hair, skin next to skin.

    Args:
        colors: The person's colours as the photo shows them.
        matte: The person's coverage.
        plate: The canvas without the person.
        strange: How little each pixel looks like the face's skin.
        face: 1 where the face lies.
        level: How far each cell lies below the ears' middle, metres.
        pixel: Pixels of the canvas in one of the photo's.
        per_meter: Pixels of the canvas in a metre.
    """
    half, size = strange.shape[::-1], level.shape[::-1]
    small = cv2.resize(colors, half, interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.resize(matte, half, interpolation=cv2.INTER_AREA)
    within = cv2.distanceTransform((cover > _SOLID).astype(np.uint8), cv2.DIST_L2, 5) * (2 / pixel)
    ring = smoothstep(1.5 * within / EDGE - 0.5) * (within < _RING * per_meter / pixel)
    reach = per_meter * size[0] / len(matte)
    skin = _near(small, ring * (1 - strange), size, _SOFT * reach)
    strange = strange.copy()
    rows, columns = np.nonzero((within > 0.5) & (within < EDGE))
    cells = (np.stack((rows, columns)) * size[0] // half[0]).clip(0, size[0] - 1)
    wall = cv2.resize(plate, half, interpolation=cv2.INTER_AREA)[rows, columns].astype(np.float32)
    own = _off_the_way(small[rows, columns], wall, skin[tuple(cells)]) * (level[tuple(cells)] < 0)
    ring[rows, columns] = np.maximum(ring[rows, columns], own)
    strange[rows, columns] = np.maximum(strange[rows, columns], own)

    outer = ring * smoothstep(2 - within / EDGE)
    odd, all_ = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (outer * strange, outer))
    hairy = _averaged(odd[..., None], all_, _SHARP * reach)
    hair = _near(small, ring * strange, size, _SOFT * reach)
    hairy = smoothstep(2 * hairy - 0.3).astype(np.float32)
    colors = skin + (hair - skin) * hairy
    # What is brighter than skin, below the ears, is skin in the light.
    bright = colors.mean(-1) - _brightness(small, face)
    lit = smoothstep(bright / _LIT) * smoothstep(level / _LOW + 1)
    return Outward(colors, hairy[..., 0] * (1 - lit))


def _brightness(small: np.ndarray, face: np.ndarray) -> float:
    """The median of a face, grey levels; infinite without one."""
    seen = cv2.resize(small, face.shape[::-1], interpolation=cv2.INTER_AREA)[face > 0]
    return float(np.median(seen.mean(-1))) if len(seen) else np.inf


def _off_the_way(colors: np.ndarray, wall: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """How surely colours are no mixture of wall and skin, but narrow hair between them."""
    lead = skin - wall
    share = ((colors - wall) * lead).sum(1) / (lead**2).sum(1).clip(1)
    off = np.linalg.norm(colors - wall - lead * share.clip(0, 1)[:, None], axis=1)
    return smoothstep(off / _OFF - 1)


def _near(
    values: np.ndarray, weights: np.ndarray, size: tuple[int, int], reach: float
) -> Float32[np.ndarray, "rows columns 3"]:
    """Weighted means around every cell."""
    total, weight = (
        cv2.resize(each, size, interpolation=cv2.INTER_AREA)
        for each in (values * weights[..., None], weights)
    )
    return _spread(total, weight, reach)


def _spread(totals: np.ndarray, weights: np.ndarray, reach: float, rounds: int = 3) -> np.ndarray:
    """A weighted mean of what is near, and of what is further away where there is little of that."""
    near = _averaged(totals, weights, reach)
    if rounds == 1:
        return near
    third = tuple(max(2, side // 3) for side in weights.shape[::-1])
    coarse, share = (cv2.resize(each, third, interpolation=cv2.INTER_AREA) for each in (totals, weights))
    far = cv2.resize(_spread(coarse, share, reach, rounds - 1), weights.shape[::-1])
    share = smoothstep(cv2.GaussianBlur(weights, (0, 0), reach) / _FEW)[..., None]
    return far + (near - far) * share


def _averaged(totals: np.ndarray, weights: np.ndarray, reach: float) -> np.ndarray:
    total = cv2.GaussianBlur(totals, (0, 0), reach).reshape(totals.shape)
    return total / cv2.GaussianBlur(weights, (0, 0), reach).clip(1e-6)[..., None]
