"""Upper lids: the skin that they unfold as they close, and their lashes.

Stretched over the eye, the photo's own narrow strip between lash line and fold would smear lashes and
make-up over the whole lid. The more a lid has grown, the less of the strip is seen: clean skin unfolds out of
the fold, as wrinkled as that below the eye and lit as on the ball that it covers, and the lash line travels
with the lid's edge. How strong light and shade are was read off real blinks.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.face_topology import (
    LEFT_LID_TOP,
    LEFT_LID_UPPER,
    LEFT_LOWER_FOLD,
    LEFT_UPPER_FOLD,
    RIGHT_LID_TOP,
    RIGHT_LID_UPPER,
    RIGHT_LOWER_FOLD,
    RIGHT_UPPER_FOLD,
)
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.lid_edges import spread_out
from cameo3d.models.relief.patch import look_up
from cameo3d.models.relief.skin_sheets import draw_sheet

_LINES = (
    (LEFT_LID_UPPER, LEFT_UPPER_FOLD, LEFT_LID_TOP, LEFT_LOWER_FOLD),
    (RIGHT_LID_UPPER, RIGHT_UPPER_FOLD, RIGHT_LID_TOP, RIGHT_LOWER_FOLD),
)
"""Edge and fold of the upper lid, the line below the brow, and the fold below the eye; left, then right."""
_WIDTH = 65
"""Pixels of a lid's texture from one corner of the eye to the other."""
_LASHES, _SKIN, _FOLD, _ABOVE = 28, 32, 16, 16
"""Rows of a lid's texture, from the bottom."""
_LASH = 0.052
"""Half the thickness of a lash line, as a share of the eye's width."""
_HANGING, _ROOTS = 3.0, 1.6
"""How far lashes hang down and their roots reach up from the lid's edge, in halves of the lash line."""
_STANDING = 0.25
"""How much of the hanging lashes is seen before a lid closes: until then they stand towards the camera."""
_TOGETHER = 0.75
"""Light left by the lashes of both lids, together, of what the photo's upper ones alone leave."""
_DENSE, _STRANDS = 0.7, 2.5
"""How dense hanging lashes are, and how much denser where the photo shows single ones."""
_KEPT = 0.5
"""On the way from edge to fold, where the photo's own fold begins."""
_UNFOLDED = 0.7
"""How much of the crease there is smoothed away."""
_FRONTAL = 0.5
"""How far the unfolded skin next to the lashes looks like that below the eye."""
_AMBIENT, _DIRECT = 0.67, 0.34
"""Light on a closed lid from everywhere and from above, as shares of that on the skin below the brow."""
_LOWEST, _HIGHEST, _LAMP, _SIDE = np.radians((-15, 70, 60, 50))
"""How far upwards a closed lid faces at the lashes and at the fold, from where the light comes, and how far
to the sides it faces in the corners."""
_CHEEK, _GRAIN, _COARSEST = (0.13, 0.4), 0.8, 4.0
"""How far below the fold under the eye, in the eye's widths, skin is as wrinkled as a lid, how much of that a
lid shows, and the standard deviation of the blur that leaves none, rows of the texture."""
_DEEPEST = 0.2
"""Share of the light that a wrinkle, or a glint next to it, differs by at most."""
_GROWTH = 0.5
"""By how many of its lengths in the photo a lid has grown when nothing of the strip is seen any more."""


@dataclass(frozen=True)
class Lid:
    """One upper lid. Its columns are the vertices of its edge, from the outer to the inner corner."""

    edge: list[int]
    fold: list[int]
    top: list[int]
    """Vertices of its edge, of its fold, and below the brow."""
    texture: UInt8[np.ndarray, "height width 4"]
    """From below the lashes over skin and fold to the line below the brow, transparent at both ends."""
    lengths: Float32[np.ndarray, " columns"]
    """From edge to fold in the photo, metres."""
    lash: float
    """Half the thickness of the lash line, metres."""


def make_lid(
    side: int,
    image: UInt8[np.ndarray, "height width 4"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float32[np.ndarray, "468 3"],
) -> Lid:
    """Take a lid's skin and lashes from the canvas.

    Args:
        side: 0 for the left eye, 1 for the right one.
        image: The person's colours; alpha is not read.
        points: The face's vertices on the canvas, pixels.
        positions: The same vertices in space, metres.
    """
    edge, fold, top, bag = (list(line) for line in _LINES[side])
    low, high, brow, under = (spread_out(points[line], _WIDTH) for line in (edge, fold, top, bag))
    across = float(np.linalg.norm(positions[edge[0]] - positions[edge[-1]]))
    lash_pixels = _LASH * float(np.linalg.norm(low[0] - low[-1]))
    up = (high - low) / np.linalg.norm(high - low, axis=1, keepdims=True).clip(1e-6)

    last = np.array(image.shape[1::-1]) - 2

    def between(first: np.ndarray, second: np.ndarray, shares: np.ndarray) -> np.ndarray:
        places = (first + (second - first) * shares).clip(2, last).astype(np.float32)
        return look_up(image, places)[..., :3].astype(np.float32)

    # Clean skin: what is neither lash nor crease, nor shines, between the fold and the brow.
    band = between(high, brow, _rows(0.0, 0.8, 24))
    band = np.take_along_axis(band, band.sum(-1).argsort(0)[..., None], 0)
    clean = _smooth(band[len(band) * 6 // 10 : len(band) * 9 // 10].mean(0))
    # A closed lid looks to the front further down, as the skin below the eye does.
    below = _smooth(np.median(between(under - (high - low) / 2, under, _rows(0.0, 1.0, 12)), 0))
    rise = _rows(0.0, 1.0, _SKIN)
    skin = _shade(clean + (below - clean) * _FRONTAL * (1 - rise), _light_on_ball(rise))
    width = np.linalg.norm(low[0] - low[-1])
    cheek = between(under, under - up * width, _rows(*_CHEEK, _SKIN))
    skin *= _grain(cheek)

    away = _rows(-_HANGING, _ROOTS, _LASHES)  # From the lid's edge, in halves of the lash line.
    # As dark as the photo's, or darker; but they take no colour from the iris below them.
    dark = _brightness(between(low, low + up * lash_pixels, _rows(-0.5, 1.0, 7))).min(0)
    dark = _TOGETHER * cv2.blur(dark, (1, _WIDTH // 9))
    line = _shade(skin[0], (dark / _brightness(skin[0])).clip(max=1))
    lashes = skin[0] + (line - skin[0]) * smoothstep(1 - away / _ROOTS)
    # Closed, single lashes hang down as they stood up in the photo.
    standing = between(low, low + up * lash_pixels, 0.5 - away.clip(max=0))
    strands = 1 - _brightness(standing) / _brightness(_without_lashes(standing))
    ends = smoothstep((1 - np.abs(np.linspace(-1, 1, _WIDTH))) / 0.3)[:, None]
    hanging = (_DENSE + _STRANDS * strands).clip(max=1) * smoothstep(1 + away / _HANGING) * ends

    rise, leave = _rows(0.0, 1.0, _FOLD), _rows(0.0, 1.0, _ABOVE)
    upper = np.concatenate((between(low, high, _KEPT + (1 - _KEPT) * rise), between(high, brow, leave)))
    upper = _without_lashes(upper)
    upper += (cv2.GaussianBlur(upper, (0, 0), _WIDTH / 20, sigmaY=_FOLD / 2) - upper) * _UNFOLDED
    upper[:_FOLD] = skin[-1] + (upper[:_FOLD] - skin[-1]) * smoothstep(rise)

    colors = np.concatenate((lashes, skin, upper))
    alpha = np.ones((*colors.shape[:2], 1))
    alpha[:_LASHES] = np.maximum(smoothstep((1.3 + away) / 1.1), hanging)
    alpha[-_ABOVE:] = smoothstep((1 - leave) / 0.8)
    texture = np.rint(np.concatenate((colors, 255 * alpha), -1)).clip(0, 255).astype(np.uint8)
    lengths = np.linalg.norm(positions[fold] - positions[edge], axis=1)
    return Lid(edge, fold, top, texture, lengths, _LASH * across)


def draw_lid(
    output: UInt8[np.ndarray, "height width 4"],
    lid: Lid,
    positions: Float32[np.ndarray, "468 3"],
    pixels: Float32[np.ndarray, "468 2"],
    closed: float = 1.0,
) -> None:
    """Draw a lid over the face and the eye, as far as it has grown since the photo.

    Args:
        output: The picture to draw into, straight colours and alpha.
        lid: The lid.
        positions: The face's vertices, metres.
        pixels: The same vertices in the output.
        closed: How far it has closed since the photo, from 0 to 1.
    """
    lengths = np.linalg.norm(positions[lid.fold] - positions[lid.edge], axis=1)
    shown = smoothstep((lengths / lid.lengths.clip(1e-6) - 1) / _GROWTH)
    # Lashes and fold keep their size; the skin between them takes up the rest.
    lash = (lid.lash / lengths.clip(1e-6)).clip(max=0.4)
    kept = 1 - (1 - _KEPT) * (lid.lengths / lengths.clip(1e-6)).clip(max=1)
    roots = _ROOTS * lash
    hanging = _HANGING * (_STANDING + (1 - _STANDING) * closed**2)
    shares = np.stack((-hanging * lash, roots, np.maximum(kept, roots), np.ones_like(lash)))[..., None]
    places = pixels[lid.edge] + (pixels[lid.fold] - pixels[lid.edge]) * shares
    rows = np.cumsum((0, _LASHES, _SKIN, _FOLD, _ABOVE))
    draw_sheet(output, lid.texture, np.concatenate((places, pixels[lid.top][None])), rows, shown)


def _rows(start: float, end: float, count: int) -> np.ndarray:
    return np.linspace(start, end, count)[:, None, None]


def _light_on_ball(rise: np.ndarray) -> np.ndarray:
    """Light on a lid over its eyeball, from the lashes, at 0, to the fold, at 1."""
    up = _LOWEST + (_HIGHEST - _LOWEST) * rise
    across = _SIDE * np.linspace(-1, 1, _WIDTH)[:, None]
    return _AMBIENT + _DIRECT * np.cos(up - _LAMP) * np.cos(across)


def _shade(colors: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Take light away; what is left comes from the skin around, and so takes on its colour twice."""
    return colors * light * (colors / _brightness(colors)) ** (1 - light)


def _brightness(colors: np.ndarray) -> np.ndarray:
    return colors.mean(-1, keepdims=True).clip(1)


def _grain(skin: np.ndarray) -> np.ndarray:
    """How bright pores and wrinkles are, in the brightness of the skin around."""
    bright = _brightness(skin)[..., 0].astype(np.float32)
    soft = cv2.GaussianBlur(bright, (0, 0), 2 * _COARSEST, sigmaY=_COARSEST)
    return 1 + _GRAIN * (bright / soft - 1).clip(-_DEEPEST, _DEEPEST)[..., None]


def _smooth(skin: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(skin[None], (0, 0), _WIDTH / 10)[0]


def _without_lashes(skin: np.ndarray) -> np.ndarray:
    """Fill what is dark and narrow across the lid."""
    return cv2.morphologyEx(skin, cv2.MORPH_CLOSE, np.ones((1, _WIDTH // 7), np.uint8))
