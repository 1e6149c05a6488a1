"""The inside of the mouth: teeth, tongue and darkness, from the photo where it shows them, else drawn.

The upper teeth belong to the skull, the lower ones and the tongue to the jaw, so that an opening mouth shows
what a real one would. Their colours come from the photo's skin, lips and eyes, their shade from its
light, and how much of that reaches them from as much of the opening between the lips as they see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lighting import Light
from cameo3d.models.relief.lips import PARTED
from cameo3d.models.relief.mouth_photo import (
    CHEEKS_AND_CHIN,
    LIPS,
    color_at,
    continue_under_lips,
    enamel_color,
    find_shown_teeth,
    flesh_color,
)
from cameo3d.models.relief.patch import Patch, lattice, make_patch, soft_polygon
from cameo3d.models.relief.teeth import (
    ARCH,
    LOWER,
    UPPER,
    borders,
    individual_looks,
    individual_traits,
    paint_row,
)
from cameo3d.models.relief.tongue import paint_cavity, paint_tongue
from cameo3d.values.limits import Within

_ROWS, _COLUMNS = 4, 17
FINE = 2
"""How much finer than the canvas teeth and tongue are painted."""
WIDE = 0.09
"""Metres that the sheets are wide."""
_UPPER_SHOWN, _LOWER_SHOWN = (0.0024, 0.0012), (0.0009, 0.0009)
"""Metres by which teeth look out beyond the edge of their lip at rest, and by how much people differ."""
_LOWER_LIGHT, _REDDENED = 0.80, 0.15
"""How bright lower teeth are, in the upper ones' brightness: they lean inwards, in the lip's shadow; and by
which power of the flesh's tint the light that reaches them is redder."""
_DEPTH = 0.006
"""Metres from the lips back to the teeth."""
_SHARP, _SOFT = 0.35, 0.5
"""Standard deviation of the blur of what is painted, canvas pixels, and by how much more if each pixel of the
photo is two of the canvas."""


@dataclass(frozen=True)
class Mouth:
    """Sheets behind the lips, back to front; the last three lie on one another."""

    cavity: Patch
    tongue: Patch
    lower: Patch
    upper: Patch
    shown: Patch
    """The upper teeth that the photo shows; transparent where it shows none."""
    seen: Patch
    """All that the photo shows between the lips; it gives way when the mouth opens further. What lies
    below the upper teeth goes with the jaw."""
    light: Annotated[Float32[Tensor, "3"], Within(-1, 1)]
    """Towards the light, in the camera's axes."""


class PhotoFacts(NamedTuple):
    """What the inside of a mouth takes from a photo's other parts."""

    identity: Float[np.ndarray, " components"]
    """The person's shape."""
    light: Light
    scale: float
    """Canvas pixels in a photo pixel: what is drawn is as soft as the photo."""
    bared: tuple[float, float] = (0.0, 0.0)
    """Metres by which the photo's expression raises the upper lip, and lowers the lower one from the jaw."""


def make_mouth(
    image: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    depths: Float32[np.ndarray, " 468"],
    rays: Callable[[np.ndarray], np.ndarray],
    per_meter: float,
    photo: PhotoFacts,
) -> Mouth:
    """Build the inside of a mouth behind the lips of a photo.

    Args:
        image: The canvas.
        landmarks: Landmarks on the canvas, pixels.
        depths: Depths of the face's vertices, metres.
        rays: From canvas positions to directions at depth 1.
        per_meter: Canvas pixels in a metre at the face.
        photo: What else is known.
    """
    upper, lower = landmarks[list(INNER_LIP_UPPER), :2], landmarks[list(INNER_LIP_LOWER), :2]
    outline = np.concatenate((upper, lower[1:-1][::-1]))
    right_corner, left_corner = upper[0], upper[-1]
    across = left_corner - right_corner
    angle = np.arctan2(across[1], across[0])
    middle = (upper[5] + lower[5]) / 2
    left, top = np.floor(middle - np.array([WIDE / 2, 0.035]) * per_meter).astype(int)
    right, bottom = np.ceil(middle + np.array([WIDE / 2, 0.06]) * per_meter).astype(int)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, image.shape[1]), min(bottom, image.shape[0])
    shape = (int(bottom - top), int(right - left))

    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def places(fine: int) -> np.ndarray:
        """Metres right and down from the edge of the upper lip's middle, along the mouth."""
        x, y = (np.arange(size * fine) / fine + 0.5 / fine for size in shape[::-1])
        offset = np.stack(np.meshgrid(x + left - upper[5, 0], y + top - upper[5, 1]), -1)
        return np.moveaxis(offset @ turn.T / per_meter, -1, 0)

    aside, down = places(1)
    skin = color_at(image, landmarks, CHEEKS_AND_CHIN)
    flesh = flesh_color(color_at(image, landmarks, LIPS), skin)
    enamel, tint = enamel_color(image, landmarks, skin)
    looks = individual_looks(photo.identity)
    traits, upper_row, lower_row = (
        looks.line_up(individual_traits(photo.identity)),
        looks.of(UPPER),
        looks.of(LOWER),
    )
    teeth, shift, scale = None, 0.0, 1.0
    gap = float(np.linalg.norm(lower[3:8] - upper[3:8], axis=1).mean()) / per_meter
    inside = soft_polygon((outline - (left, top)).astype(np.float32), (0, 0, shape[1], shape[0]))
    picture = image[top:bottom, left:right].astype(np.float32)
    seen, shown = continue_under_lips(picture, inside), np.zeros((*shape, 4))
    if gap > PARTED:
        teeth = find_shown_teeth(picture, inside > 0.9, aside, down, skin)
        if teeth is not None:
            shift, scale = teeth.alignment(borders(upper_row))
            above = smoothstep((teeth.edge(aside) - down) / 0.0008 + 0.3)
            shown = np.dstack((seen[..., :3], seen[..., 3] * above))
    enamel = looks.tinted(enamel, tint) if teeth is None else teeth.enamel

    lip_down = float(((lower[5] - upper[5]) @ turn.T / per_meter)[1])
    aside, down = places(FINE).astype(np.float32)
    enamel, flesh, tint = (each.astype(np.float32) for each in (enamel, flesh, tint))
    shown_down = _UPPER_SHOWN[0] + _UPPER_SHOWN[1] * looks.upper_shown + photo.bared[0]
    upper_edge = shown_down - 5 * aside**2 if teeth is None else teeth.drawn_edge(aside)
    shown_up = _LOWER_SHOWN[0] + _LOWER_SHOWN[1] * looks.lower_shown + photo.bared[1]
    lower_edge = down - lip_down + shown_up - 10 * aside**2
    colors, along_row = (enamel, 0.8 * flesh, tint), (aside - shift) / scale
    upper_teeth = paint_row(upper_row, traits[0], along_row, upper_edge - down, colors, photo.light)
    lit_by_flesh = (flesh / flesh.mean().clip(1)) ** _REDDENED
    colors = (_LOWER_LIGHT * enamel * lit_by_flesh, 0.7 * flesh, tint)
    lower_teeth = paint_row(lower_row, traits[1], along_row, lower_edge, colors, photo.light)
    tongue = paint_tongue(aside, down - lip_down + photo.bared[1], flesh, photo.light)
    cavity = paint_cavity(aside, down, flesh)

    points = lattice(shape[1], shape[0], _COLUMNS, _ROWS).reshape(-1, 2) + (left, top)
    lips = depths[list(INNER_LIP_UPPER)]
    along = (landmarks[list(INNER_LIP_UPPER), :2] - middle) @ turn[0] / per_meter
    # The face's own slant, which a turned head has, and the arch of the teeth.
    slant = np.polyfit(along, lips, 2)[1:]
    away = ((points - middle) @ turn[0] / per_meter).clip(-0.03, 0.03)
    arch = ARCH - np.sqrt(ARCH**2 - away.clip(-0.95 * ARCH, 0.95 * ARCH) ** 2)
    level, directions = np.polyval(slant, away) + _DEPTH, rays(points)

    def sheet(texture: np.ndarray, behind: float, round_: float = 1.0) -> Patch:
        depth = (level + behind + round_ * arch).reshape(_ROWS, _COLUMNS).astype(np.float32)
        return make_patch(int(left), int(top), texture.clip(0, 255).astype(np.uint8), depth, directions)

    def painted(texture: np.ndarray, behind: float, round_: float = 1.0) -> Patch:
        soft = FINE * (_SHARP + _SOFT * max(0.0, photo.scale - 1))
        return sheet(_softened(texture, soft), behind, round_)

    return Mouth(
        painted(cavity, 0.022, 0.3),
        painted(tongue, 0.006, 0.6),
        painted(lower_teeth, 0.002),
        painted(upper_teeth, 0.0),
        sheet(shown, 0.0),
        sheet(seen, 0.0),
        torch.from_numpy(photo.light.direction.astype(np.float32)),
    )


def _softened(texture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a texture by pixels, its colours by their alpha."""
    red, green, blue, alpha = cv2.split(texture.astype(np.float32))
    share = alpha / 255
    alpha = cv2.GaussianBlur(alpha, (0, 0), sigma)
    full = (alpha / 255).clip(1e-3)
    colors = (cv2.GaussianBlur(each * share, (0, 0), sigma) / full for each in (red, green, blue))
    return cv2.merge([*colors, alpha])
