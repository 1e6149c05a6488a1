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
from cameo3d.models.relief.eyes import box_around
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
from cameo3d.models.relief.patch import Patch, lattice, look_up, make_patch, soft_polygon, texture_positions
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
_FINE = 2
"""How much finer than the canvas teeth and tongue are painted."""
_UPPER_SHOWN, _LOWER_SHOWN = (0.0024, 0.0012), (0.0009, 0.0009)
"""Metres by which teeth look out beyond the edge of their lip at rest, and by how much people differ."""
_BARED, _BARED_MOST = 0.1, 0.002
"""Of the jaw's way, by what the lower lip falls behind the lower teeth, and metres of that at most."""
_ROUND_HIDES, _ROUND_DEEP = 0.0045, 0.007
"""Metres by which lips that are fully rounded cover the upper teeth further, and stand out before all."""
_LOWER_LIGHT, _REDDENED = 0.80, 0.3
"""How bright lower teeth are, in the upper ones' brightness: they lean inwards, in the lip's shadow; and by
which power of the flesh's tint the light that reaches them is redder."""
_STAYS, _STAYS_MOST = 0.3, 0.003
"""Of the jaw's way, what the tongue does not follow, and metres of that at most."""
_RAISED = np.array((0.0, -0.0075, -0.010), np.float32)
"""Metres that a tongue that is put out rises, and comes forward."""
_FADE = 0.0025
"""Metres of further opening over which what the photo shows, but for its teeth, gives way to the rest."""
_DEPTH = 0.006
"""Metres from the lips back to the teeth."""
_TEETH, _THROAT = 0.003, 0.015
"""Metres from the opening back to where the light on teeth, and on tongue and throat, is counted."""
_SCATTERED = 0.3
"""Share of the light deep inside that comes from the lips and teeth around, and never goes out."""
_SHARP, _SOFT = 0.35, 0.5
"""Standard deviation of the blur of what is painted, canvas pixels, and by how much more if each pixel of the
photo is two of the canvas."""
_SLANT = 0.5
"""How far light goes aside and down on its way inside, as a share of what its direction says."""


_BELOW = np.rint(255 * (1 - np.linspace(0, 1, 256) ** 4)).astype(np.uint8)
"""Alpha of what the photo shows below teeth of some alpha: together they let hardly anything through."""


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
    left, top = np.floor(middle - np.array([0.045, 0.035]) * per_meter).astype(int)
    right, bottom = np.ceil(middle + np.array([0.045, 0.06]) * per_meter).astype(int)
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
    seen = shown = np.zeros((*shape, 4))
    if gap > PARTED:
        inside = soft_polygon((outline - (left, top)).astype(np.float32), (0, 0, shape[1], shape[0]))
        picture = image[top:bottom, left:right].astype(np.float32)
        seen = continue_under_lips(picture, inside)
        teeth = find_shown_teeth(picture, inside > 0.9, aside, down, skin)
        if teeth is not None:
            shift, scale = teeth.alignment(borders(upper_row))
            above = smoothstep((teeth.edge(aside) - down) / 0.0008 + 0.3)
            shown = np.dstack((seen[..., :3], seen[..., 3] * above))
    enamel = looks.tinted(enamel, tint) if teeth is None else teeth.enamel

    lip_down = float(((lower[5] - upper[5]) @ turn.T / per_meter)[1])
    aside, down = places(_FINE).astype(np.float32)
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
        soft = _FINE * (_SHARP + _SOFT * max(0.0, photo.scale - 1))
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


def teeth_shifts(
    jaw: Float[np.ndarray, "3"], head: Float[np.ndarray, "3 3"], rounded: float
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """How far the upper and the lower teeth move, as lips cover and bare them, in the camera's axes, metres.

    Args:
        jaw: How far the lower jaw moves.
        head: The head's rotation.
        rounded: How much more the lips are rounded than in the photo, from 0 to 1.
    """
    dropped = max(0.0, float(jaw @ head[:, 1]))
    bared = min(_BARED * dropped, _BARED_MOST)
    return -_ROUND_HIDES * rounded * head[:, 1], jaw - bared * (1 - rounded) * head[:, 1]


def tongue_shift(
    jaw: Float[np.ndarray, "3"], head: Float[np.ndarray, "3 3"], out: float
) -> Float[np.ndarray, "3"]:
    """How far the tongue moves, in the camera's axes, metres.

    Args:
        jaw: How far the lower teeth move.
        head: The head's rotation.
        out: How far the tongue is put out, from 0 to 1.
    """
    dropped = max(0.0, float(jaw @ head[:, 1]))
    stays = min(_STAYS * dropped, _STAYS_MOST)
    return jaw - stays * head[:, 1] + head @ (out * _RAISED)


def draw_mouth(
    output: UInt8[np.ndarray, "height width 4"],
    mouth: Mouth,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    outline: Float32[np.ndarray, "corners 2"],
    per_meter: float,
    widened: float,
    out: float = 0.0,
    rounded: float = 0.0,
) -> None:
    """Draw the inside of the mouth into the opening of the lips.

    Args:
        output: The picture to draw into, straight colours and alpha.
        mouth: The sheets.
        pixels: The vertices of cavity, tongue, lower and upper sheet in the output.
        outline: The opening between the lips in the output.
        per_meter: Output pixels in a metre at the lips.
        widened: How much further the lips are apart, or off the teeth, than in the photo, metres.
        out: How far the tongue is put out, over the lower teeth, from 0 to 1.
        rounded: How much more the lips are rounded, and so stand out, than in the photo, from 0 to 1.
    """
    box = box_around(outline, output.shape[1], output.shape[0])
    if box is None:
        return
    mask = soft_polygon(outline, box)
    slant = mouth.light.numpy()
    slant = _SLANT * slant[:2] / max(0.3, -float(slant[2]))
    deep, near = (
        _light(outline, box, (distance + _ROUND_DEEP * rounded) * per_meter, slant)
        for distance in (_THROAT, _TEETH)
    )
    deep = _SCATTERED + (1 - _SCATTERED) * deep
    sheets = (mouth.cavity, mouth.tongue, mouth.lower, mouth.upper)
    cavity, tongue, lower, upper = (
        texture_positions(patch, at, box) for patch, at in zip(sheets, pixels, strict=True)
    )
    image = np.zeros((*mask.shape, 3), np.float32)
    kept = float(np.clip(1 - widened / _FADE, 0, 1))
    shown, below = mouth.shown.texture.numpy(), mouth.seen.texture.numpy()
    has_teeth = bool(shown[..., 3].any())
    if has_teeth and kept > 0:
        below = below.copy()
        below[..., 3] = cv2.multiply(below[..., 3], cv2.LUT(shown[..., 3], _BELOW), scale=1 / 255)
    for texture, where, light, share in (
        (mouth.cavity.texture, cavity, deep, 1.0),
        (mouth.tongue.texture, tongue, (deep + near) / 2, 1.0),
        (mouth.lower.texture, lower, near, 1.0),
        (mouth.tongue.texture, tongue, near, min(1.0, 3 * out)),
        (mouth.upper.texture, upper, near, 1.0),
        # What the photo shows is lit already.
        (below, (lower if has_teeth else upper) / _FINE, None, kept),
        (shown, upper / _FINE, None, 1.0),
    ):
        if share > 0:
            seen = look_up(np.asarray(texture), where).astype(np.float32)
            color = seen[..., :3] if light is None else seen[..., :3] * light[..., None]
            image += (color - image) * (seen[..., 3:] * (share / 255))
    left, top, right, bottom = box
    part = output[top:bottom, left:right, :3]
    part[:] = np.rint(part + (image - part) * mask[..., None])


def _light(
    outline: Float32[np.ndarray, "corners 2"],
    box: tuple[int, int, int, int],
    distance: float,
    slant: Float[np.ndarray, "2"],
) -> Float32[np.ndarray, "height width"]:
    """Brightness, in [0, 1], of what lies so many pixels behind an opening: how much of it can be seen there.

    What sees half of what is before it as an opening gets half of the light. The root stands for the gamma of
    screens.
    """
    size = np.array([box[2] - box[0], box[3] - box[1]])
    coarse = np.ceil(size * min(1, 4 / distance)).astype(int)
    scale = coarse / size
    lit = outline - box[:2] - slant * distance
    mask = soft_polygon((lit * scale).astype(np.float32), (0, 0, int(coarse[0]), int(coarse[1])))
    # Half of a matt surface's light comes from within its distance from the opening.
    sigmas = 0.85 * distance * scale
    seen = cv2.GaussianBlur(mask, (0, 0), sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_CONSTANT)
    return np.sqrt(cv2.resize(seen, (int(size[0]), int(size[1])), interpolation=cv2.INTER_LINEAR))


def _softened(texture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a texture by pixels, its colours by their alpha."""
    red, green, blue, alpha = cv2.split(texture.astype(np.float32))
    share = alpha / 255
    alpha = cv2.GaussianBlur(alpha, (0, 0), sigma)
    full = (alpha / 255).clip(1e-3)
    colors = (cv2.GaussianBlur(each * share, (0, 0), sigma) / full for each in (red, green, blue))
    return cv2.merge([*colors, alpha])
