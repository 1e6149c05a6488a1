"""Where rims run: closed paths around lenses, drawn sharp from maps that are not."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.models.relief.lid_edges import cheapest_path

_ANGLES, _STEP = 96, 0.008
"""Directions from the middle of a lens, and steps outwards in distances between the eyes."""
_NEAREST, _FURTHEST = 0.12, 0.62
"""Between which a rim is looked for."""
_STIFFNESS = 0.012
"""Cost of a step outwards from one direction to the next."""
_LINE, _CONTRAST = 0.6, 40
"""Weight of lines in the photo next to the maps, and the grey levels that make a full one."""
_BROAD = 15
"""Steps over which a line's surroundings are taken."""
_BELIEVED = 0.2
"""What the maps must say somewhere before a line of the photo counts in full."""
_SIDES = 10
"""Steps on either side of the path that hold the rim."""
_THINNEST, _THICKEST, _MARGIN = 0.016, 0.13, 0.012
"""Thickness of rims, and what is added on either side, in distances between the eyes."""
_THIN = 0.04
"""Thickness up to which the path is believed, and of which the middle of the map is at twice that."""
_LEAST_LENS, _LEAST_RIM = 40, 0.12
"""Steps squared of lens that must be seen, and how sure on a path must be on average."""


def sharp_rims(
    photo: UInt8[np.ndarray, "height width 3"],
    rim: Float32[np.ndarray, "height width"],
    lens: Float32[np.ndarray, "height width"],
    eyes: Float[np.ndarray, "2 2"],
) -> Float32[np.ndarray, "height width"]:
    """Draw rims sharp; bridge and temples stay as the map has them.

    Args:
        photo: The picture.
        rim: How sure on each pixel is a rim.
        lens: How sure on it is a lens.
        eyes: Where the eyes are, pixels.
    """
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    middle = eyes.mean(0)
    sharp, over = np.zeros(rim.shape, np.uint8), np.zeros(rim.shape, np.bool_)
    top, bottom = -1.0, float(len(rim))
    rows, columns = np.indices(rim.shape, np.float32)
    inward = (middle - eyes) / (distance / 2)
    for eye, towards in zip(eyes, inward, strict=True):
        near = np.hypot(columns - eye[0], rows - eye[1]) < _FURTHEST * distance
        own = (columns - middle[0]) * towards[0] + (rows - middle[1]) * towards[1] < 0
        weights = lens * near * own
        if weights.sum() < _LEAST_LENS * (_STEP * distance) ** 2:
            continue
        center = np.array(((weights * columns).sum(), (weights * rows).sum())) / weights.sum()
        path = _rim_around(photo, rim, lens, center, middle, towards, distance)
        if path is None:
            continue
        inner, outer = path
        ring = np.zeros(rim.shape, np.uint8)
        cv2.fillPoly(ring, [np.rint(outer).astype(np.int32)], 255)
        span = np.zeros(rim.shape[1], np.bool_)
        span[slice(*np.clip((outer[:, 0].min(), outer[:, 0].max()), 0, rim.shape[1]).astype(int))] = True
        over |= span
        height = np.ptp(outer[:, 1])
        top, bottom = max(top, outer[:, 1].min() - height / 2), min(bottom, outer[:, 1].max())
        cv2.fillPoly(ring, [np.rint(inner).astype(np.int32)], 0)
        np.maximum(sharp, ring, out=sharp)
    # Bridge and temples are no higher and no lower than lenses.
    beside = rim * ((rows > top) & (rows < bottom))
    return np.where(over, sharp.astype(np.float32) / 255, beside)


def _rim_around(
    photo: np.ndarray,
    rim: np.ndarray,
    lens: np.ndarray,
    center: np.ndarray,
    middle: np.ndarray,
    towards: np.ndarray,
    distance: float,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Inner and outer outline of a rim; none where the maps show no path."""
    angles = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    ways = np.stack((np.cos(angles), np.sin(angles)), -1)
    radii = np.arange(_NEAREST, _FURTHEST, _STEP) * distance
    places = (center + radii[:, None, None] * ways).astype(np.float32)
    seen, thick, glass = (
        cv2.remap(
            each,
            places[..., 0] - 0.5,
            places[..., 1] - 0.5,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for each in (photo.astype(np.float32), rim, lens)
    )
    line = np.abs(seen - cv2.blur(seen, (1, _BROAD))).max(-1) / _CONTRAST
    ends = np.zeros_like(glass)
    ends[3:-3] = (glass[:-6] - glass[6:]).clip(0)
    told = np.maximum(thick, ends / 2)
    score = told + _LINE * line.clip(0, 1) * (told / _BELIEVED).clip(max=1)
    score[((places - middle) @ towards) > 0] = 0
    quarter = _ANGLES // 4
    round_ = np.concatenate((score[:, -quarter:], score, score[:, :quarter]), 1)
    path = cheapest_path(1 + _LINE - round_, _STIFFNESS)[quarter:-quarter]
    if np.take_along_axis(told, path[None], 0).mean() < _LEAST_RIM:
        return None
    around = np.arange(-_SIDES, _SIDES + 1)[:, None]
    steps = (path + around).clip(0, len(radii) - 1)
    mass = np.take_along_axis(thick, steps, 0)
    width = _even(mass.sum(0) * _STEP).clip(_THINNEST, _THICKEST)
    # The line of a thick rim may be either of its edges.
    aside = _even((mass * around).sum(0) / mass.sum(0).clip(1e-3)) * ((width - _THIN) / _THIN).clip(0, 1)
    half, radius = (width / 2 + _MARGIN) * distance, radii[path] + aside * _STEP * distance
    return tuple(center + (radius + sign * half)[:, None] * ways for sign in (-1, 1))  # type: ignore[return-value]


def _even(values: np.ndarray) -> np.ndarray:
    """Medians over neighbouring directions."""
    return np.median([np.roll(values, shift) for shift in range(-4, 5)], 0)
