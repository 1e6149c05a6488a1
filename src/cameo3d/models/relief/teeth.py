"""Rows of teeth as reliefs: every tooth its own shape and shade, with gums, lit as the photo is lit."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lighting import Light

ARCH = 0.024
"""Radius on which the front teeth stand, metres."""
_HALF = 0.0226
"""Half of a row's width, metres."""
_BOXY = np.array((4.5, 3.0, 1.6, 1.9, 2.5, 3.0), np.float32)
"""How flat each biting edge is between its corners: canines are pointed, incisors cut straight."""
_TONES = np.array((1.0, 0.975, 0.92, 0.93, 0.91, 0.88), np.float32)
"""Brightness of each tooth, in the first one's."""
_WARMTH = np.array((0.0, 0.08, 0.35, 0.22, 0.25, 0.3), np.float32)
"""How much of the skin's colour each takes on: canines are the yellowest."""
_TRAITS = 6
"""In which teeth differ: width, length, slant, turn, brightness, height of the gum."""
_DIFFERENT = np.array((0.05, 0.0003, 0.0002, 0.10, 0.025, 0.07), np.float32)
"""How much they do so between people and teeth: shares, and metres for length and slant."""
_PAPILLA, _SCALLOP = 0.62, 2.4
"""Where the gum ends between teeth, in heights of a tooth, and how sharply it arches over each."""
_BULGE, _LEAN = 0.0013, 0.12
"""Metres by which a tooth's middle stands out from its sides, and how far it leans back to its gum."""
_GUM_BULGE = 0.0008
_WET_TEETH, _WET_GUM = 0.30, 0.22
"""How strong highlights are, in the brightness of teeth."""


_SIZE, _SECOND, _REACH, _SQUARE = 0.07, 0.08, 0.9, 0.45
"""By what shares people's teeth differ in size, the second ones from the first in width, and all in how far
they reach beyond the first and in how round their corners are."""
_CROOKED, _BRIGHT, _WARM = 2.2, 0.06, 0.3
"""By what factor some people's teeth are more out of line than usual, and how much brighter and, in powers of
the skin's tint, warmer they are."""


@dataclass(frozen=True)
class Row:
    """One jaw's teeth, on either side from the middle outwards, metres (usual anatomical means)."""

    widths: tuple[float, ...]
    heights: tuple[float, ...]
    edges: tuple[float, ...]
    """How far each tooth reaches beyond the first one."""
    rounds: tuple[float, ...]
    """How much shorter each tooth is at its sides than at its middle."""


UPPER = Row(
    (0.0086, 0.0067, 0.0077, 0.0069, 0.0067, 0.0095),
    (0.0102, 0.0088, 0.0100, 0.0083, 0.0078, 0.0072),
    (0.0, -0.0008, -0.0001, -0.0007, -0.0010, -0.0014),
    (0.0007, 0.0009, 0.0014, 0.0011, 0.0009, 0.0007),
)
LOWER = Row(
    (0.0053, 0.0060, 0.0069, 0.0070, 0.0071, 0.0105),
    (0.0086, 0.0090, 0.0100, 0.0084, 0.0078, 0.0074),
    (0.0, 0.0001, 0.0005, -0.0004, -0.0009, -0.0013),
    (0.0004, 0.0005, 0.0012, 0.0011, 0.0009, 0.0007),
)


class Looks(NamedTuple):
    """How a person's teeth as a whole differ from usual ones, from -1 to 1, the same for the same face."""

    upper_shown: float
    """How far the upper ones look out from under the lip at rest."""
    lower_shown: float
    size: float
    """How large they are."""
    even: float
    """How little the ones next to the middle differ from it in width and reach."""
    square: float
    """How square their corners are."""
    crooked: float
    """How little they stand in line."""
    bright: float
    warm: float

    def of(self, row: Row) -> Row:
        """A row as this person has it."""
        second = 1 + _SECOND * self.even
        widths = [width * (1 + _SIZE * self.size) for width in row.widths]
        heights = [height * (1 + _SIZE * self.size) for height in row.heights]
        widths[0], widths[1] = widths[0] * (2 - second) ** 0.5, widths[1] * second
        reach = 1 - _REACH * self.even
        return replace(
            row,
            widths=tuple(widths),
            heights=tuple(heights),
            edges=tuple(edge * reach for edge in row.edges),
            rounds=tuple(round_ * (1 - _SQUARE * self.square) for round_ in row.rounds),
        )

    def line_up(self, traits: Float32[np.ndarray, "2 2 6 6"]) -> Float32[np.ndarray, "2 2 6 6"]:
        """Traits of single teeth, as far as this person's are out of line."""
        return traits * _CROOKED**self.crooked

    def tinted(self, enamel: Float[np.ndarray, "3"], tint: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
        """The person's own shade of a colour of teeth; tint is the skin's own, around 1."""
        return enamel * (1 + _BRIGHT * self.bright) * tint ** (_WARM * self.warm)


def borders(row: Row) -> Float[np.ndarray, " borders"]:
    """Where aside a row has the gaps between its teeth, metres."""
    ends = ARCH * np.sin((np.cumsum(row.widths[:-1]) / ARCH).clip(max=1.5))
    return np.concatenate((-ends[::-1], (0.0,), ends))


def individual_looks(identity: Float[np.ndarray, " components"]) -> Looks:
    """How a person's teeth differ as a whole; as for `individual_traits`, nothing in a photo tells."""
    count = len(Looks._fields)
    directions = np.random.default_rng(7).normal(size=(len(identity), count)) / np.sqrt(len(identity))
    return Looks(*np.tanh(2.2 * (identity @ directions)).tolist())


def individual_traits(identity: Float[np.ndarray, " components"]) -> Float32[np.ndarray, "2 2 6 6"]:
    """How a person's teeth differ from usual ones, each trait from -1 to 1, the same for the same face.

    Rows, sides, teeth, traits. Nothing in a photo tells; fixed random directions in the space of faces do.
    """
    count = 2 * 2 * 6 * _TRAITS
    directions = np.random.default_rng(32).normal(size=(len(identity), count)) / np.sqrt(len(identity))
    return np.tanh(1.3 * (identity @ directions)).reshape(2, 2, 6, _TRAITS).astype(np.float32)


def paint_row(
    row: Row,
    traits: Float[np.ndarray, "2 6 6"],
    aside: Float[np.ndarray, "height width"],
    inwards: Float[np.ndarray, "height width"],
    colors: tuple[np.ndarray, np.ndarray, np.ndarray],
    light: Light,
) -> Float[np.ndarray, "height width 4"]:
    """Colours and alpha of one row of teeth with its gum.

    Args:
        row: The usual teeth.
        traits: How these differ.
        aside: Metres to the side of the middle.
        inwards: Metres from where the first tooth's biting edge is towards its gum.
        colors: Of teeth and gum, and the tint around 1 that skin has of its own, whatever the light's.
        light: The photo's.
    """
    rows, columns = (np.flatnonzero(((np.abs(aside) < _HALF) & (inwards > 0)).any(axis)) for axis in (1, 0))
    painted = np.zeros((*aside.shape, 4), np.float32)
    if len(rows):  # elsewhere all is clear
        part = slice(max(0, rows[0] - 4), rows[-1] + 5), slice(max(0, columns[0] - 4), columns[-1] + 5)
        painted[part] = _paint(row, traits, aside[part], inwards[part], colors, light)
    return painted


def _paint(
    row: Row, traits: np.ndarray, aside: np.ndarray, inwards: np.ndarray, colors: tuple, light: Light
) -> np.ndarray:
    enamel, gum, tint = colors
    differ = traits * _DIFFERENT
    side = (aside > 0).astype(int)
    angle = np.arcsin((np.abs(aside) / ARCH).clip(0, 0.98))
    widths = np.array(row.widths, np.float32) * (1 + differ[..., 0])
    ends = np.cumsum(widths, 1)
    number = (angle[..., None] * ARCH > ends[side, :-1]).sum(-1)
    own, width = differ[side, number], widths[side, number]
    across = ((angle * ARCH - ends[side, number]) / width * 2 + 1).clip(-1, 1)  # -1 to 1 over each tooth
    reach = np.array(row.edges, np.float32)[number] + own[..., 1] + own[..., 2] * across
    into = inwards + reach - np.array(row.rounds, np.float32)[number] * np.abs(across) ** _BOXY[number]
    height = np.array(row.heights, np.float32)[number] * (1 + own[..., 5])
    up = (into / height).clip(0, 1.2)
    line = height * (_PAPILLA + (1 - _PAPILLA) * (1 - np.abs(across) ** _SCALLOP))
    is_gum = smoothstep((into - line) / 0.0005 + 0.5)

    # Depth of the relief: an arch, and teeth that are round to their sides and towards the gum.
    tooth = _BULGE * (1 - across**2).clip(0) ** 0.6 * (0.75 + 0.5 * np.sin(np.pi * up.clip(0, 1)))
    tooth += own[..., 3] * 0.002 * across
    roll = _GUM_BULGE * (0.6 + np.sin(np.pi * ((into - line) / 0.006).clip(0, 1)))
    relief = tooth + (roll - tooth) * is_gum
    arch = ARCH - np.sqrt(ARCH**2 - aside.clip(-0.95 * ARCH, 0.95 * ARCH) ** 2)
    # Light wraps around the arch; half of its slope counts.
    depth = 0.5 * arch + _LEAN * inwards - relief
    step = abs(float(aside[0, 1] - aside[0, 0])) or 1e-4
    normals = _normals(depth, step)
    beside = (1 - np.abs(across)) * width / 2 * np.cos(angle)
    gap = 1 - 0.45 * np.exp(-((beside / 0.00028) ** 2)) * (1 - is_gum)
    gap *= 1 - 0.22 * np.exp(-(((into - line) / 0.0004) ** 2))
    shade = light.shade(normals) * gap * np.cos(angle)

    neck, edge = smoothstep((up - 0.5) / 0.5), 1 - smoothstep(into / 0.0018)
    tone = _TONES[number] * (1 + own[..., 4]) * (1 - 0.10 * neck) * (1 - 0.09 * edge)
    warmth = _WARMTH[number] + 0.3 * neck - 0.25 * edge + 4 * own[..., 4].clip(max=0) * -1
    color = enamel * tone[..., None] * tint ** warmth[..., None]
    color += (gum * (0.92 + 0.16 * smoothstep((line + 0.004 - into) / 0.004))[..., None] - color) * is_gum[
        ..., None
    ]
    wet = _WET_TEETH + (_WET_GUM - _WET_TEETH) * is_gum
    glint = wet * light.glint(normals, 28.0) * gap
    white = enamel * tint**-0.5
    alpha = smoothstep(into / 0.0006) * smoothstep((_HALF - np.abs(aside)) / 0.0055)
    return np.dstack((color * shade[..., None] + glint[..., None] * white, alpha * 255))


def _normals(depth: np.ndarray, step: float) -> np.ndarray:
    soft = cv2.GaussianBlur(depth, (0, 0), max(0.6, 0.00025 / step))
    down, across = np.gradient(soft, step)
    normals = np.dstack((across, down, np.full_like(depth, -1.0)))
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)
