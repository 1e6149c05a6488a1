"""Lines that skin folds along: where a face model has them, what squeezes them, and how they catch the light.

A photo keeps the skin of its own expression, so a smile that comes later has no folds. Each line is a groove
with a bulge next to it, shaded by the photo's light; how deep it is follows from the weights that squeeze it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy.interpolate import make_interp_spline

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lighting import Light
from cameo3d.values import BLENDSHAPES

_STEPS = 96
"""Points along a line."""
_REACH = 5.0
"""How far from a line its shade goes, in its widths."""
_TAPER = 0.35
"""Share of a line's length over which it rises from, and sinks back to, nothing."""
_BULGE, _BULGE_AWAY, _BULGE_WIDE = 0.55, 2.0, 1.5
"""Height of the bulge next to a groove in the groove's depth; how far away and wide it is, in its widths."""
_DARK = 0.16
"""How much less light from everywhere gets into the deepest groove."""


@dataclass(frozen=True)
class Line:
    """One line on the right half of the face; the left one mirrors it, or goes on with it."""

    through: tuple[tuple[int, int, float], ...]
    """Its points: from one vertex towards another by a share."""
    width: float
    """Standard deviation of the groove, metres."""
    steep: float
    """Its depth in widths, when it is fully squeezed."""
    squeezed_by: dict[str, float]
    """Weights, without Left and Right."""
    crosses: bool = False
    """Whether it ends in the middle of the face and goes on as its mirror image."""


LINES = (
    Line(  # beside nose and mouth
        ((129, 36, 0.35), (203, 206, 0.0), (206, 216, 0.0), (216, 212, 0.0), (212, 202, 0.4)),
        *(0.0019, 0.42),
        {"mouthSmile": 1.0, "mouthDimple": 0.6, "mouthUpperUp": 0.6, "mouthStretch": 0.4, "noseSneer": 0.5},
    ),
    *(  # crow's feet
        Line(through, 0.0009, 0.30, {"eyeSquint": 0.7, "cheekSquint": 0.6, "mouthSmile": 0.45})
        for through in (
            ((226, 156, 0.4), (156, 124, 0.2), (156, 139, 0.5)),
            ((226, 35, 0.6), (143, 35, 0.2), (143, 34, 0.5)),
            ((31, 35, 0.3), (35, 111, 0.5), (111, 34, 0.35)),
        )
    ),
    Line(  # below the eye
        ((228, 31, 0.3), (229, 228, 0.4), (229, 230, 0.4), (230, 231, 0.5)),
        *(0.0016, 0.20),
        {"eyeSquint": 0.6, "cheekSquint": 0.7, "mouthSmile": 0.35},
    ),
    Line(((8, 55, 0.45), (9, 107, 0.4), (151, 107, 0.5)), 0.0014, 0.32, {"browDown": 1.0}),
    *(  # forehead
        Line(through, 0.0012, 0.26, {"browInnerUp": 0.8, "browOuterUp": 0.5}, crosses=True)
        for through in (
            ((105, 104, 0.5), (66, 69, 0.5), (107, 108, 0.6), (9, 151, 0.6)),
            ((104, 103, 0.35), (69, 67, 0.3), (108, 109, 0.2), (151, 10, 0.2)),
        )
    ),
    Line(  # below the lower lip
        ((204, 194, 0.3), (182, 194, 0.4), (83, 201, 0.2), (18, 200, 0.1)),
        *(0.0026, 0.30),
        {
            "mouthShrugLower": 0.8,
            "mouthPucker": 0.5,
            "mouthRollLower": 0.4,
            "mouthPress": 0.3,
            "mouthFrown": 0.3,
        },
        crosses=True,
    ),
    Line(  # below a corner of the mouth
        ((61, 57, 0.6), (57, 43, 0.5), (202, 43, 0.5), (202, 204, 0.4), (210, 204, 0.4)),
        *(0.0013, 0.32),
        {"mouthFrown": 1.0},
    ),
)


class Wrinkles(NamedTuple):
    """All lines of one photo."""

    drivers: Float32[np.ndarray, "lines 52"]
    """How much each weight squeezes each line."""
    places: list[tuple[slice, slice]]
    """Rows and columns of each line's shade."""
    shades: list[Float32[np.ndarray, "_ _"]]
    """Logarithm of the light that a fully squeezed line leaves."""


def make_wrinkles(
    points: Float[np.ndarray, "468 2"],
    mirror: Int64[np.ndarray, "468"],
    per_meter: float,
    normals: Float[np.ndarray, "height width 3"],
    skin: Float32[np.ndarray, "height width"],
    light: Light,
) -> Wrinkles:
    """Lay the lines over a face.

    Args:
        points: The face's vertices on a grid, in its cells.
        mirror: For every vertex, the one on the other side of the face.
        per_meter: Cells in a metre.
        normals: Of the face, at the cells, in the camera's axes.
        skin: Where skin can fold, from 0 to 1.
        light: The photo's.
    """
    drivers, places, shades = [], [], []
    for line in LINES:
        right = np.array([points[a] + (points[b] - points[a]) * share for a, b, share in line.through])
        left = np.array(
            [
                points[mirror[a]] + (points[mirror[b]] - points[mirror[a]]) * share
                for a, b, share in line.through
            ]
        )
        if line.crosses:
            ways = [(np.concatenate((right, left[-2::-1])), ("Right", "Left"))]
        else:
            ways = [(right, ("Right",)), (left, ("Left",))]
        for way, sides in ways:
            drivers.append(_drivers(line.squeezed_by, sides))
            place, shade = _shade(
                way, line, -1.0 if sides == ("Left",) else 1.0, per_meter, normals, skin, light
            )
            places.append(place)
            shades.append(shade)
    return Wrinkles(np.array(drivers, np.float32), places, shades)


def _drivers(squeezed_by: dict[str, float], sides: tuple[str, ...]) -> np.ndarray:
    """A row of weights; a line over both halves takes the mean of both."""
    row = np.zeros(len(BLENDSHAPES))
    for name, share in squeezed_by.items():
        names = [name] if name in BLENDSHAPES else [name + side for side in sides]
        for one in names:
            row[BLENDSHAPES.index(one)] = share / len(names)
    return row


def _shade(
    way: np.ndarray,
    line: Line,
    side: float,
    per_meter: float,
    normals: np.ndarray,
    skin: np.ndarray,
    light: Light,
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Where a line's shade lies, and what it is."""
    along = np.concatenate(((0,), np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1).clip(1e-3))))
    spline = make_interp_spline(along / along[-1], way, k=min(3, len(way) - 1))
    at = np.linspace(0, 1, _STEPS)
    curve, ahead = spline(at), spline.derivative()(at)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True).clip(1e-6)
    width = line.width * per_meter
    height_limit, width_limit = skin.shape
    left, top = np.floor(curve.min(0) - _REACH * width).astype(int).clip(0)
    right, bottom = np.ceil(curve.max(0) + _REACH * width).astype(int).clip(max=(width_limit, height_limit))
    place = slice(top, max(top, bottom)), slice(left, max(left, right))
    shape = place[0].stop - top, place[1].stop - left
    if min(shape) < 2:
        return place, np.zeros(shape, np.float32)

    # The nearest point of the line, by the distances to its pixels, then exactly.
    drawn, inner = np.ones(shape, np.uint8), curve - (left, top)
    column, row = inner.astype(int).clip(0, (shape[1] - 1, shape[0] - 1)).T
    drawn[row, column] = 0
    found = cv2.distanceTransformWithLabels(drawn, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(found[1], np.int64)
    nearest = np.zeros(int(labels.max()) + 1, int)
    nearest[labels[row, column]] = np.arange(_STEPS)
    number = nearest[labels]
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    offset = np.stack((x, y), -1) - inner[number]
    tangent = ahead[number]
    across = np.stack((-tangent[..., 1], tangent[..., 0]), -1)
    away = (offset * across).sum(-1) / width
    beyond = np.abs((offset * tangent).sum(-1)) / width
    share = at[number]
    ends = smoothstep(np.minimum(share, 1 - share) / _TAPER) * np.exp(-(beyond**2) / 2)

    # The bulge lies to the right of the way, of its mirror image to the left: on the cheek beside the mouth.
    groove = np.exp(-(away**2) / 2)
    bulge = np.exp(-(((away - side * _BULGE_AWAY) / _BULGE_WIDE) ** 2) / 2)
    slope = away * groove - _BULGE * (away - side * _BULGE_AWAY) / _BULGE_WIDE**2 * bulge
    tilt = (line.steep * slope * ends)[..., None] * across
    rest = normals[place]
    tilted = rest - np.concatenate((tilt, np.zeros((*shape, 1))), -1)
    tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True).clip(1e-6)
    log = np.log(light.shade(tilted).clip(0.05) / light.shade(rest).clip(0.05))
    log -= _DARK * line.steep / 0.4 * groove * ends
    return place, (log * skin[place]).astype(np.float32)
