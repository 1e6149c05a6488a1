"""Draw the inside of a mouth into a frame, in as much light as its opening lets in."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.mouth import FINE, WIDE, Mouth
from cameo3d.models.relief.patch import look_up, soft_polygon, texture_positions

_BARED, _BARED_MOST = 0.1, 0.002
"""Of the jaw's way, by what the lower lip falls behind the lower teeth, and metres of that at most."""
_ROUND_HIDES, _ROUND_DEEP = 0.0045, 0.007
"""Metres by which lips that are fully rounded cover the upper teeth further, and stand out before all."""
_STAYS, _STAYS_MOST = 0.3, 0.003
"""Of the jaw's way, what the tongue does not follow, and metres of that at most."""
_RAISED = np.array((0.0, -0.0075, -0.010), np.float32)
"""Metres that a tongue that is put out rises, and comes forward."""
_FADE = 0.0025
"""Metres of further opening over which what the photo shows, but for its teeth, gives way to the rest."""
_TEETH, _THROAT = 0.003, 0.015
"""Metres from the opening back to where the light on teeth, and on tongue and throat, is counted."""
_SCATTERED, _TWICE = 0.3, 0.5
"""Share of the light deep inside that comes from the lips and teeth around, and never goes out, and how far
what it lights takes on its colour twice: flesh lights flesh."""
_GREY = np.full((1, 3), 1 / 3, np.float32)
_DIMMED = 0.8
"""By which power of the light that comes in what the photo shows gets darker."""
_FRINGE = 0.001
"""Metres below the photo's upper teeth that their edges still brighten; jaws that move apart by as much leave
those pixels out."""
_BACK = np.array((0.0, 0.004, 0.008), np.float32)
"""Metres that the tongue goes down and back behind rounded lips."""
_COVERED = 0.4
"""From which rounding on nothing is seen of what the photo shows between its lips, but for upper teeth."""
_SLANT = 0.5
"""How far light goes aside and down on its way inside, as a share of what its direction says."""
_BELOW = np.rint(255 * (1 - np.linspace(0, 1, 256) ** 4)).astype(np.uint8)
"""Alpha of what the photo shows below teeth of some alpha: together they let hardly anything through."""


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
    jaw: Float[np.ndarray, "3"], head: Float[np.ndarray, "3 3"], out: float, rounded: float = 0.0
) -> Float[np.ndarray, "3"]:
    """How far the tongue moves, in the camera's axes, metres.

    Args:
        jaw: How far the lower teeth move.
        head: The head's rotation.
        out: How far the tongue is put out, from 0 to 1.
        rounded: How much more the lips are rounded than in the photo, from 0 to 1.
    """
    dropped = max(0.0, float(jaw @ head[:, 1]))
    stays = min(_STAYS * dropped, _STAYS_MOST)
    return jaw - stays * head[:, 1] + head @ (out * _RAISED + rounded * (1 - out) * _BACK)


def draw_mouth(
    output: UInt8[np.ndarray, "height width 4"],
    mouth: Mouth,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    outline: Float32[np.ndarray, "corners 2"],
    per_meter: float,
    widened: float,
    out: float = 0.0,
    rounded: float = 0.0,
    rest: float | None = None,
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
        rest: `light_on_teeth` of the photo; what that shows gets darker as less light comes in.
    """
    box = box_around(outline, output.shape[1], output.shape[0])
    if box is None:
        return
    mask = soft_polygon(outline, box)
    slant = _slant(mouth)
    deep, near = (
        _light(outline, box, (distance + _ROUND_DEEP * rounded) * per_meter, slant)
        for distance in (_THROAT, _TEETH)
    )
    dimmed = 1.0 if rest is None else min(1.0, _mean(near, mask) / max(rest, 1e-3)) ** _DIMMED
    deep = _SCATTERED + (1 - _SCATTERED) * deep
    sheets = (mouth.cavity, mouth.tongue, mouth.lower, mouth.upper)
    cavity, tongue, lower, upper = (
        texture_positions(patch, at, box) for patch, at in zip(sheets, pixels, strict=True)
    )
    image = np.zeros((*mask.shape, 3), np.float32)
    kept = float(np.clip(min(1 - widened / _FADE, 1 - rounded / _COVERED), 0, 1))
    shown, below = mouth.shown.texture.numpy(), mouth.seen.texture.numpy()
    has_teeth = bool(shown[..., 3].any())
    if has_teeth and kept > 0:
        apart = float(np.linalg.norm((pixels[2] - pixels[3]).mean(0))) / per_meter
        above = _grown(shown[..., 3], min(1.0, apart / _FRINGE), per_meter=shown.shape[1] / WIDE)
        below = below.copy()
        below[..., 3] = cv2.multiply(below[..., 3], cv2.LUT(above, _BELOW), scale=1 / 255)
    for texture, where, light, share in (
        (mouth.cavity.texture, cavity, deep, 1.0),
        (mouth.tongue.texture, tongue, deep + (near - deep) * (0.5 * (1 - rounded)), 1.0),
        (mouth.lower.texture, lower, near, 1.0),
        (mouth.tongue.texture, tongue, near, min(1.0, 3 * out)),
        (mouth.upper.texture, upper, near, 1.0),
        # What the photo shows is lit already.
        (below, (lower if has_teeth else upper) / FINE, None, kept),
        (shown, upper / FINE, None, 1.0),
    ):
        if share > 0:
            seen = look_up(np.asarray(texture), where).astype(np.float32)
            color = seen[..., :3]
            if light is None:
                color = color * np.float32(dimmed)
            else:
                if where is cavity or where is tongue:
                    own = color - cv2.transform(color, _GREY)[..., None]
                    color = color + own * (_TWICE * (1 - light))[..., None]
                color = color * light[..., None]
            image += (color - image) * (seen[..., 3:] * (share / 255))
    left, top, right, bottom = box
    part = output[top:bottom, left:right, :3]
    part[:] = np.rint(part + (image - part) * mask[..., None])


def light_on_teeth(
    mouth: Mouth, outline: Float32[np.ndarray, "corners 2"], per_meter: float, size: tuple[int, int]
) -> float:
    """How much light comes in through an opening to the teeth, on average.

    Args:
        mouth: The sheets.
        outline: The opening between the lips in a picture.
        per_meter: Pixels in a metre at the lips.
        size: Width and height of the picture.
    """
    box = box_around(outline, *size)
    if box is None:
        return 1.0
    return _mean(_light(outline, box, _TEETH * per_meter, _slant(mouth)), soft_polygon(outline, box))


def _mean(light: np.ndarray, mask: np.ndarray) -> float:
    return float((light * mask).sum() / max(float(mask.sum()), 1e-6))


def _slant(mouth: Mouth) -> Float[np.ndarray, "2"]:
    direction = mouth.light.numpy()
    return _SLANT * direction[:2] / max(0.3, -float(direction[2]))


def _grown(alpha: UInt8[np.ndarray, "height width"], share: float, per_meter: float) -> np.ndarray:
    """Alpha of teeth together with their fringe, as far as that goes with them."""
    reach = 2 * max(1, round(_FRINGE * per_meter)) + 1
    grown = cv2.dilate(alpha, np.ones((reach, 1), np.uint8))
    return cv2.addWeighted(alpha, 1 - share, grown, share, 0)


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
