"""The inside of the mouth: teeth, tongue and darkness, from the photo where it shows them, else drawn.

The upper teeth belong to the skull and the lower ones to the jaw, so that an opening mouth shows what a real
one would. White is taken from the person's eyes, so that the photo's light falls on the teeth, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER
from cameo3d.models.relief.eyes import LIDS, blend, box_around
from cameo3d.models.relief.patch import Patch, lattice, look_up, make_patch, soft_polygon, texture_positions
from cameo3d.models.relief.plates import fill_holes

_ROWS, _COLUMNS = 7, 9
_TOOTH_WIDTHS = (0.0086, 0.0067, 0.0077, 0.0069, 0.0067, 0.0095)
"""Metres across the upper teeth, from the middle outwards (usual anatomical means)."""
_LOWER_TOOTH_WIDTHS = (0.0053, 0.0060, 0.0069, 0.0070, 0.0071, 0.0105)
_OPEN = 0.0012
"""Metres between the lips from which on the photo shows what is inside."""
_FADE = 0.003
"""Metres of further opening over which darkness in the photo gives way to drawn teeth."""
_DUSK, _LIT = 0.5, 0.012
"""Share of the light that reaches the teeth through a slit, and metres of opening that let in all of it."""
_DEPTH = 0.006
"""Metres from the lips back to the teeth."""


@dataclass(frozen=True)
class Mouth:
    """Sheets behind the lips, back to front."""

    cavity: Patch
    lower: Patch
    upper: Patch
    seen: Patch
    """What the photo shows between the lips; transparent where it shows nothing."""
    fades: bool
    """Whether that is mere darkness, which gives way to drawn teeth when the mouth opens further."""


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
    skin = _skin(image, landmarks)
    white = _white_of_eyes(image, landmarks)
    # Eyes may lie in shadow or in glare; teeth are never far from the skin's own brightness.
    white = white * np.clip(white.mean(), 1.35 * skin.mean(), 2.0 * skin.mean() + 20) / white.mean().clip(1)

    cavity = np.dstack((_cavity(aside, down, skin), np.full(shape, 255.0)))
    lip_down = ((lower[5] - upper[5]) @ turn.T / per_meter)[1]
    lower_teeth = _lower_row(aside, down - lip_down, white, skin)
    upper_teeth = _upper_row(aside, down, white, skin)
    gap = float(np.linalg.norm(lower[3:8] - upper[3:8], axis=1).mean()) / per_meter
    seen, fades = np.zeros((*shape, 4)), False
    if gap > _OPEN:
        inside = soft_polygon((outline - (left, top)).astype(np.float32), (0, 0, shape[1], shape[0]))
        shown = image[top:bottom, left:right].astype(np.float32)
        seen = _from_photo(shown, inside)
        fades = bool(np.quantile(shown[inside > 0.9].mean(-1), 0.8) < 0.75 * skin.mean())

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
        sheet(cavity, 0.012), sheet(lower_teeth, 0.002), sheet(upper_teeth, 0.0), sheet(seen, 0.0), fades
    )


def draw_mouth(
    output: UInt8[np.ndarray, "height width 4"],
    mouth: Mouth,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    outline: Float32[np.ndarray, "corners 2"],
    opening: float,
    widened: float,
) -> None:
    """Draw the inside of the mouth into the opening of the lips.

    Args:
        output: The picture to draw into, straight colours and alpha.
        mouth: The sheets.
        pixels: The vertices of the four sheets in the output.
        outline: The opening between the lips in the output.
        opening: How far the lips are apart, metres; little light falls through a narrow opening.
        widened: How much further the lips are apart than in the photo, metres.
    """
    box = box_around(outline, output.shape[1], output.shape[0])
    if box is None:
        return
    mask = soft_polygon(outline, box)
    image = np.zeros((*mask.shape, 4), np.uint8)
    image[..., 3] = 255
    shares = (1, 1, 1, np.clip(1 - widened / _FADE, 0, 1) if mouth.fades else 1)
    sheets = (mouth.cavity, mouth.lower, mouth.upper, mouth.seen)
    for patch, at, share in zip(sheets, pixels, shares, strict=True):
        if patch is mouth.seen:  # the photo's own inside is lit already
            image[..., :3] = image[..., :3] * (_DUSK + (1 - _DUSK) * min(1, opening / _LIT))
        seen = look_up(patch.texture.numpy(), texture_positions(patch, at, box))
        blend(image, seen, np.full_like(mask, share), (0, 0, mask.shape[1], mask.shape[0]))
    blend(output, image, mask, box)


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


def _skin(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The colour of the cheeks and the chin."""
    at = np.rint(landmarks[[50, 280, 199, 205, 425], :2]).astype(int)
    at = at.clip(0, np.array(image.shape[1::-1]) - 1)
    return np.median(image[at[:, 1], at[:, 0]].astype(np.float32), 0)


def _cavity(aside: np.ndarray, down: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Darkness, with the tongue's rounded back lying low in it."""
    light = float(skin.mean()) / 255
    dark = np.array([74, 30, 28], np.float32) * (0.35 + 0.5 * light)
    tongue = np.array([176, 84, 82], np.float32) * (0.25 + 0.75 * light)
    height = np.hypot(aside / 0.019, (down - 0.027) / 0.017)
    body = np.clip((1.05 - height) / 0.35, 0, 1)[..., None]
    shade = (0.35 + 0.6 * np.clip((down - 0.010) / 0.02, 0, 1))[..., None]
    groove = 1 - 0.18 * np.exp(-((aside / 0.0016) ** 2))[..., None]
    return dark + (tongue * shade * groove - dark) * body


def _teeth(
    aside: np.ndarray,
    along: np.ndarray,
    widths: tuple[float, ...],
    heights: tuple[float, ...],
    edge_round: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and shading of one row; `along` grows from the gum (0) to the biting edge."""
    cover, shade = np.zeros_like(aside), np.ones_like(aside)
    # The arch foreshortens teeth towards the cheeks.
    outwards = np.abs(aside)
    start = 0.0
    for number, (width, height) in enumerate(zip(widths, heights, strict=True)):
        seen = width * np.cos(min(1.25, (start + width / 2) / 0.024))
        center = start + seen / 2
        inside = (outwards - center) / (seen / 2)
        rounding = np.abs(inside) ** 3 * edge_round
        low = np.clip((height - rounding - along) / 0.0007, 0, 1)
        sides = np.clip((1 - np.abs(inside)) * (seen / 2) / 0.00045, 0, 1)
        tooth = low * (0.78 + 0.22 * sides) * (np.abs(inside) <= 1.02)
        fall = 1 - 0.09 * number - 0.07 * np.abs(inside) ** 4
        shade = np.where(tooth > cover, fall, shade)
        cover = np.maximum(cover, tooth)
        start += seen
    return cover, shade


def _upper_row(aside: np.ndarray, down: np.ndarray, white: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Upper teeth, three millimetres below a resting lip, and the gum above them."""
    edge = 0.0028
    heights = (0.0098, 0.0086, 0.0094, 0.0084, 0.0078, 0.0072)
    gum_line = edge - 0.0098
    along = down - gum_line
    cover, shade = _teeth(aside, along, _TOOTH_WIDTHS, heights, 0.0008)
    enamel = _enamel(white)
    # The lip throws its shadow onto the upper half.
    light = (0.66 + 0.36 * np.clip(along / 0.0095, 0, 1)) * shade
    gum = skin * np.array([0.72, 0.42, 0.42])
    is_gum = np.clip((-along + 0.0004 - 0.0012 * np.abs(np.sin(aside / 0.0042))) / 0.0008, 0, 1)[..., None]
    color = enamel * light[..., None] * (1 - is_gum) + gum * 0.6 * is_gum
    alpha = np.maximum(cover, is_gum[..., 0]) * np.clip((0.028 - np.abs(aside)) / 0.006, 0, 1)
    return np.dstack((color, alpha * 255))


def _lower_row(aside: np.ndarray, down: np.ndarray, white: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Lower teeth, their edge a little below the lower lip's edge, darker than the upper ones."""
    edge = 0.0005 + 12 * aside**2
    heights = (0.0088, 0.0088, 0.0088, 0.0080, 0.0074, 0.0068)
    along = 0.0088 - (down - edge)
    cover, shade = _teeth(aside, along, _LOWER_TOOTH_WIDTHS, heights, 0.0005)
    light = (0.50 + 0.25 * np.clip(along / 0.0088, 0, 1)) * shade
    gum = skin * np.array([0.62, 0.36, 0.36]) * 0.6
    below = np.clip((-along) / 0.0008, 0, 1)[..., None]
    color = _enamel(white) * light[..., None] * (1 - below) + gum * below
    alpha = np.maximum(cover, below[..., 0]) * np.clip((0.024 - np.abs(aside)) / 0.006, 0, 1)
    return np.dstack((color, alpha * 255))


def _enamel(white: np.ndarray) -> np.ndarray:
    """Teeth are a little darker and yellower than the white of the eyes."""
    grey = white.mean()
    return (0.5 * white + 0.5 * grey) * np.array([1.03, 1.0, 0.95]) * 1.08


def _from_photo(shown: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What the photo shows of the inside, continued a little under the lips."""
    filled = fill_holes(shown, inside < 0.6)
    color = shown * inside[..., None] + filled * (1 - inside[..., None])
    near = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    alpha = np.maximum(cv2.GaussianBlur(near, (0, 0), 1.0), inside)
    return np.dstack((color, alpha * 255))
