"""The inside of the mouth: teeth, tongue and darkness, from the photo where it shows them, else drawn.

The upper teeth belong to the skull, the lower ones and the tongue to the jaw, so that an opening mouth shows
what a real one would. Their colours come from the photo's skin, lips and eyes, and the light on them from as
much of the opening between the lips as they see.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OVAL
from cameo3d.imaging.inpainting import fill_holes
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.eyes import LIDS, blend, box_around
from cameo3d.models.relief.lips import PARTED
from cameo3d.models.relief.patch import Patch, lattice, look_up, make_patch, soft_polygon, texture_positions

_ROWS, _COLUMNS = 7, 9
_CHEEKS_AND_CHIN, _LIPS = (50, 280, 199, 205, 425), (12, 15, 38, 268, 86, 316)
"""Landmarks whose colours are taken."""
_ARCH = 0.024
"""Radius on which the front teeth stand, metres."""
_UPPER_WIDTHS = (0.0086, 0.0067, 0.0077, 0.0069, 0.0067, 0.0095)
"""Metres across the teeth of either side, from the middle outwards (usual anatomical means)."""
_LOWER_WIDTHS = (0.0053, 0.0060, 0.0069, 0.0070, 0.0071, 0.0105)
_UPPER_EDGES = (0.0, -0.0008, -0.0001, -0.0007, -0.0010, -0.0014)
"""How far each tooth reaches beyond the first one, metres."""
_LOWER_EDGES = (0.0, 0.0001, 0.0004, -0.0004, -0.0009, -0.0013)
_ROUND = (0.0006, 0.0007, 0.0013, 0.0010, 0.0008, 0.0006)
"""How much shorter each tooth is at its sides than at its middle, metres."""
_BOXY = (5.0, 3.5, 1.6, 1.8, 2.5, 3.0)
"""How flat each biting edge is in between: canines are pointed, incisors cut straight."""
_TOOTH_HEIGHT = 0.0095
_UPPER_SHOWN, _LOWER_SHOWN = 0.0028, 0.0014
"""Metres by which teeth look out beyond the edge of their lip at rest."""
_LOWER_LIGHT = 0.74
"""How bright lower teeth are, in the upper ones' brightness: they lean inwards, in the lip's shadow."""
_FADE = 0.0025
"""Metres of further opening over which what the photo shows, but for its teeth, gives way to the rest."""
_DEPTH = 0.006
"""Metres from the lips back to the teeth."""
_TEETH, _THROAT = 0.003, 0.015
"""Metres from the opening back to where the light on teeth, and on tongue and throat, is counted."""
_SCATTERED = 0.3
"""Share of the light deep inside that comes from the lips and teeth around, and never goes out."""
_FROM_ABOVE = 0.25
"""How far light comes down on its way inside, as a share of that way."""


@dataclass(frozen=True)
class Mouth:
    """Sheets behind the lips, back to front; the last three lie on one another."""

    cavity: Patch
    lower: Patch
    upper: Patch
    shown: Patch
    """The upper teeth that the photo shows; transparent where it shows none."""
    seen: Patch
    """All that the photo shows between the lips; it gives way when the mouth opens further."""


def make_mouth(
    image: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    depths: Float32[np.ndarray, " 468"],
    rays: Callable[[np.ndarray], np.ndarray],
    per_meter: float,
) -> Mouth:
    """Build the inside of a mouth behind the lips of a photo.

    Args:
        image: The canvas.
        landmarks: Landmarks on the canvas, pixels.
        depths: Depths of the face's vertices, metres.
        rays: From canvas positions to directions at depth 1.
        per_meter: Canvas pixels in a metre at the face.
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

    # Metres right and down from the edge of the upper lip's middle, along the mouth.
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    aside, down = np.moveaxis(np.stack((x - upper[5, 0], y - upper[5, 1]), -1) @ turn.T / per_meter, -1, 0)
    skin = _color_at(image, landmarks, _CHEEKS_AND_CHIN)
    flesh = _flesh(_color_at(image, landmarks, _LIPS), skin)
    enamel, upper_edge = _enamel(image, landmarks, skin), _UPPER_SHOWN - 5 * aside**2
    gap = float(np.linalg.norm(lower[3:8] - upper[3:8], axis=1).mean()) / per_meter
    seen = shown = np.zeros((*shape, 4))
    if gap > PARTED:
        inside = soft_polygon((outline - (left, top)).astype(np.float32), (0, 0, shape[1], shape[0]))
        picture = image[top:bottom, left:right].astype(np.float32)
        seen = _from_photo(picture, inside)
        sure = inside > 0.9
        if sure.any() and np.quantile(picture[sure].mean(-1), 0.8) > 0.75 * skin.mean():
            enamel, shown_edge, upper_edge = _shown_teeth(picture, sure, aside, down)
            above = smoothstep((shown_edge - down) / 0.0008 + 0.8)
            shown = np.dstack((seen[..., :3], seen[..., 3] * above))

    lip_down = ((lower[5] - upper[5]) @ turn.T / per_meter)[1]
    cavity = _cavity(aside, down - lip_down, flesh)
    upper_teeth = _row(aside, upper_edge - down, _UPPER_WIDTHS, _UPPER_EDGES, enamel, 0.75 * flesh)
    lower_teeth = _row(
        aside,
        down - lip_down + _LOWER_SHOWN - 10 * aside**2,
        _LOWER_WIDTHS,
        _LOWER_EDGES,
        _LOWER_LIGHT * enamel,
        0.6 * flesh,
    )

    points = lattice(shape[1], shape[0], _COLUMNS, _ROWS).reshape(-1, 2) + (left, top)
    lips = depths[list(INNER_LIP_UPPER)]
    along = (landmarks[list(INNER_LIP_UPPER), :2] - middle) @ turn[0] / per_meter
    # Lips and teeth lie on the same arch; a parabola through the lips carries the sheets.
    arch = np.polyfit(along, lips, 2)
    behind = np.polyval(arch, ((points - middle) @ turn[0] / per_meter).clip(-0.03, 0.03)) + _DEPTH
    directions = rays(points)

    def sheet(texture: np.ndarray, extra: float) -> Patch:
        depth = (behind + extra).reshape(_ROWS, _COLUMNS).astype(np.float32)
        return make_patch(int(left), int(top), texture.clip(0, 255).astype(np.uint8), depth, directions)

    return Mouth(
        sheet(cavity, 0.012),
        sheet(lower_teeth, 0.002),
        sheet(upper_teeth, 0.0),
        sheet(shown, 0.0),
        sheet(seen, 0.0),
    )


def draw_mouth(
    output: UInt8[np.ndarray, "height width 4"],
    mouth: Mouth,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray],
    outline: Float32[np.ndarray, "corners 2"],
    per_meter: float,
    widened: float,
) -> None:
    """Draw the inside of the mouth into the opening of the lips.

    Args:
        output: The picture to draw into, straight colours and alpha.
        mouth: The sheets.
        pixels: The vertices of cavity, lower and upper sheet in the output.
        outline: The opening between the lips in the output.
        per_meter: Output pixels in a metre at the lips.
        widened: How much further the lips are apart than in the photo, metres.
    """
    box = box_around(outline, output.shape[1], output.shape[0])
    if box is None:
        return
    mask = soft_polygon(outline, box)
    image = np.zeros((*mask.shape, 4), np.uint8)
    image[..., 3] = 255
    deep, near = (_light(outline, box, distance * per_meter) for distance in (_THROAT, _TEETH))
    deep = _SCATTERED + (1 - _SCATTERED) * deep
    lit, fading = np.ones_like(mask), np.full_like(mask, np.clip(1 - widened / _FADE, 0, 1))
    cavity, lower, upper = (
        texture_positions(patch, at, box)
        for patch, at in zip((mouth.cavity, mouth.lower, mouth.upper), pixels, strict=True)
    )
    # What lies in shadow goes over into the darkness behind it; what the photo shows is lit already.
    for patch, where, light in (
        (mouth.cavity, cavity, deep),
        (mouth.lower, lower, near),
        (mouth.upper, upper, near),
        (mouth.shown, upper, lit),
        (mouth.seen, upper, fading),
    ):
        if light.any():
            seen = look_up(patch.texture.numpy(), where)
            blend(image, seen, light, (0, 0, mask.shape[1], mask.shape[0]))
    blend(output, image, mask, box)


def _light(
    outline: Float32[np.ndarray, "corners 2"], box: tuple[int, int, int, int], distance: float
) -> Float32[np.ndarray, "height width"]:
    """Brightness, in [0, 1], of what lies so many pixels behind an opening: how much of it can be seen there.

    What sees half of what is before it as an opening gets half of the light. The root stands for the gamma of
    screens.
    """
    size = np.array([box[2] - box[0], box[3] - box[1]])
    coarse = np.ceil(size * min(1, 4 / distance)).astype(int)
    scale = coarse / size
    above = outline - box[:2] + np.array([0, _FROM_ABOVE * distance])
    mask = soft_polygon((above * scale).astype(np.float32), (0, 0, int(coarse[0]), int(coarse[1])))
    # Half of a matt surface's light comes from within its distance from the opening.
    sigmas = 0.85 * distance * scale
    seen = cv2.GaussianBlur(mask, (0, 0), sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_CONSTANT)
    return np.sqrt(cv2.resize(seen, (int(size[0]), int(size[1])), interpolation=cv2.INTER_LINEAR))


def _white_of_eyes(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A bright, nearly colourless sample: how white things look in the photo's light."""
    samples = []
    for upper, lower in LIDS:
        outline = np.concatenate((landmarks[list(upper), :2], landmarks[list(lower[1:-1])[::-1], :2]))
        box = box_around(outline, image.shape[1], image.shape[0])
        if box is None:
            continue
        mask = soft_polygon(outline.astype(np.float32), box) > 0.9
        samples.append(image[box[1] : box[3], box[0] : box[2]][mask])
    pixels = np.concatenate(samples).astype(np.float32) if samples else np.full((1, 3), 160, np.float32)
    light = pixels.mean(1)
    return pixels[light >= np.quantile(light, 0.75)].mean(0) if len(pixels) else np.full(3, 160.0)


def _color_at(image: np.ndarray, landmarks: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """The median colour of some landmarks."""
    at = np.rint(landmarks[list(places), :2]).astype(int)
    at = at.clip(0, np.array(image.shape[1::-1]) - 1)
    return np.median(image[at[:, 1], at[:, 0]].astype(np.float32), 0)


def _flesh(lips: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The colour of gums and tongue: between lips and skin, but more rosy where those are red."""
    flesh = 0.6 * lips + 0.4 * skin
    flesh[1:] = flesh[1:].mean()
    return (flesh + 0.4 * (flesh - flesh.mean())).clip(0, 255)


def _enamel(image: np.ndarray, landmarks: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The colour of teeth: the white of the eyes, warmed by the skin, as bright as bright skin at most."""
    white = _white_of_eyes(image, landmarks)
    face = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(face, [np.rint(landmarks[list(OVAL), :2]).astype(np.int32)], 1)
    brightest = np.quantile(image[face > 0].mean(-1), 0.97)
    # Eyes may lie in shadow or in glare.
    light = min(max(white.mean(), 1.5 * skin.mean()), brightest)
    tint = 0.3 + 0.4 * white / white.mean().clip(1) + 0.3 * skin / skin.mean().clip(1)
    tint[1] += 0.35 * (tint[0] - tint[1])  # ivory where those are rosy, and grey where they are grey
    return light * tint / tint.mean()


def _shown_teeth(
    picture: np.ndarray, inside: np.ndarray, aside: np.ndarray, down: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The colour of teeth that a photo shows, how far down it shows them, and how far they reach.

    Teeth that end at the photo's lower lip go on behind it.
    """
    light = picture.mean(-1)
    enamel = picture[inside & (light >= np.median(light[inside]))].mean(0)
    teeth = inside & (light > 0.75 * enamel.mean())
    columns = np.flatnonzero(teeth.any(0))
    shown, open_to = (np.where(where, down, -np.inf)[:, columns].max(0) for where in (teeth, inside))
    places = aside.mean(0)[columns]
    curve = np.polyval(np.polyfit(places, shown, 2), aside.clip(places.min(), places.max()))
    return enamel, curve, curve + 0.0012 * np.mean(open_to - shown < 0.0007)


def _cavity(aside: np.ndarray, down: np.ndarray, flesh: np.ndarray) -> np.ndarray:
    """Darkness, and the tongue that lies behind the lower teeth, its back in shadow."""
    height = np.hypot(aside / 0.024, (down - 0.010) / 0.031)
    body = smoothstep((1 - height) / 0.35)
    shade = 0.42 + 0.63 * smoothstep((down + 0.021) / 0.020)
    groove = 1 - 0.15 * np.exp(-((aside / 0.0018) ** 2))
    light = 0.25 + (shade * groove - 0.25) * body
    return np.dstack((flesh * light[..., None], np.full(aside.shape, 255.0)))


def _row(
    aside: np.ndarray,
    inwards: np.ndarray,
    widths: tuple[float, ...],
    edges: tuple[float, ...],
    enamel: np.ndarray,
    gum: np.ndarray,
) -> np.ndarray:
    """Colours and alpha of one row of teeth.

    Args:
        aside: Metres to the side of the middle.
        inwards: Metres from where the first tooth's biting edge is towards its gum.
        widths: Of the teeth of one side, metres.
        edges: How far they reach beyond the first one, metres.
        enamel: Colour of the teeth.
        gum: Colour of the gum.
    """
    # An arch seen from the front: teeth grow narrower and darker towards the cheeks.
    angle = np.arcsin((np.abs(aside) / _ARCH).clip(0, 0.98))
    ends = np.cumsum(widths)
    number = np.searchsorted(ends, angle * _ARCH).clip(0, len(widths) - 1)
    width = np.array(widths)[number]
    across = (angle * _ARCH - ends[number]) / width * 2 + 1  # -1 to 1 over each tooth
    uneven = 0.0002 * np.sin(5.0 * number + 2.5 * (aside > 0))
    reach = np.array(edges)[number] + uneven
    reach -= np.array(_ROUND)[number] * np.abs(across) ** np.array(_BOXY)[number]
    into = inwards + reach
    beside = (1 - np.abs(across)) * width / 2 * np.cos(angle)
    shade = (1 - 0.12 * across**2) * (0.82 + 0.18 * smoothstep(beside / 0.0004)) * np.cos(angle) ** 0.6
    is_gum = smoothstep((into - _TOOTH_HEIGHT + 0.0015 * across**2) / 0.001)[..., None]
    color = (enamel + (gum - enamel) * is_gum) * shade[..., None]
    alpha = smoothstep(into / 0.0009) * smoothstep((0.0225 - np.abs(aside)) / 0.006)
    return np.dstack((color, alpha * 255))


def _from_photo(shown: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What the photo shows of the inside, continued a little under the lips."""
    filled = fill_holes(shown, inside < 0.6)
    color = shown * inside[..., None] + filled * (1 - inside[..., None])
    near = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    alpha = np.maximum(cv2.GaussianBlur(near, (0, 0), 1.0), inside)
    return np.dstack((color, alpha * 255))
