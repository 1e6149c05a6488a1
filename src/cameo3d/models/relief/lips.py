"""Lips that meet, where the photo shows them apart: clean edges, and the dark line between them.

Pixels at the edge of a lip are part lip, part teeth, and landmarks leave some teeth to the lip; so lips that
close would keep a bright seam. And no photo of parted lips shows the shadow in which they meet. So the nearer
they come, the more their edges are redrawn: lip from further out, with that shadow on it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.lid_edges import spread_out
from cameo3d.models.relief.patch import look_up
from cameo3d.models.relief.skin_sheets import draw_sheet

PARTED = 0.0012
"""Metres between the lips from which on the photo shows what is inside."""
_LIPS = ((INNER_LIP_UPPER, OUTER_LIP_UPPER), (INNER_LIP_LOWER, OUTER_LIP_LOWER))
_WIDTH, _ROWS = 64, 12
"""Pixels of a lip's texture, from corner to corner and from its edge outwards."""
_SOFT = 0.7
"""Pixels of the output by which it is softened."""
REACH = 0.65
"""How far out a lip is redrawn, as a share of its height."""
_MIXED, _MOST_MIXED = 0.0013, 0.6
"""Metres from the photo's opening within which lip is always mixed with teeth, and the largest share of what
is redrawn that may be."""
_TEETH, _CONTRAST = 0.3, 12
"""Lip that is brighter than usual by this share of the teeth's lead, and by so much at least, is mixed."""
_PATCH = 15
"""Columns; lips change their brightness more slowly."""
_CLOSING = 0.003
"""Metres between lips from which on they are redrawn, more and more, until they meet."""
_LINE, _LINE_SHADE = 0.0005, 0.55
"""Metres to either side that the line between lips is wide, and the light that it takes away."""
_ROLL, _ROLL_SHADE = 0.0022, (0.25, 0.12)
"""The same of the shadow around it, where the upper and the lower lip roll inwards."""


@dataclass(frozen=True)
class Lips:
    """Both lips. Their columns go from the right corner of the mouth to the left one."""

    parted: float
    """How far they are apart in the photo, metres, on average."""
    texture: UInt8[np.ndarray, "height width 4"]
    """From within the upper lip to its edge, and from the lower one's edge into that; transparent around."""


def make_lips(
    image: UInt8[np.ndarray, "height width 4"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float32[np.ndarray, "468 3"],
    down: Float32[np.ndarray, "3"],
) -> Lips | None:
    """Take the lips from the canvas; None, if they meet there.

    Args:
        image: The person's colours; alpha is not read.
        points: The face's vertices on the canvas, pixels.
        positions: The same vertices in space, metres.
        down: The head's own downward direction.
    """
    parted = float(lip_gaps(positions, down).mean())
    if parted < PARTED:
        return None
    upper, lower = (_outwards(side, image, points, positions) for side in (0, 1))
    texture = np.concatenate((upper[::-1], lower))
    return Lips(parted, np.rint(texture).clip(0, 255).astype(np.uint8))


def draw_lips(
    output: UInt8[np.ndarray, "height width 4"],
    lips: Lips,
    positions: Float32[np.ndarray, "468 3"],
    down: Float32[np.ndarray, "3"],
    pixels: Float32[np.ndarray, "468 2"],
) -> None:
    """Draw lips over face and mouth, as far as they have closed since the photo.

    Args:
        output: The picture to draw into, straight colours and alpha.
        lips: The lips.
        positions: The face's vertices, metres.
        down: The head's own downward direction.
        pixels: The same vertices in the output.
    """
    gaps = lip_gaps(positions, down)
    closed = np.full_like(gaps, 1 - gaps.mean() / lips.parted)
    shown = smoothstep(1 - gaps / _CLOSING) * smoothstep(2 * closed)
    # One sheet from lip to lip, which also covers what is left of the opening.
    low, high = ([pixels[list(line)] for line in lines] for lines in zip(*_LIPS, strict=True))
    shares = np.linspace(0, REACH, 3)[:, None, None]
    upper, lower = (low[side] + (high[side] - low[side]) * shares for side in (0, 1))
    rows = np.concatenate((np.linspace(0, _ROWS, len(shares)), np.linspace(_ROWS, 2 * _ROWS, len(shares))))
    # Small lips have fewer pixels than their texture.
    draw_sheet(output, lips.texture, np.concatenate((upper[::-1], lower)), rows, shown, _SOFT)


def lip_gaps(positions: np.ndarray, down: np.ndarray) -> Float[np.ndarray, "11"]:
    """How far the lips are apart at their vertices, metres; in the corners as next to them."""
    gaps = (positions[list(INNER_LIP_LOWER)] - positions[list(INNER_LIP_UPPER)]) @ down
    gaps[[0, -1]] = gaps[[1, -2]]
    return gaps


class CleanLip(NamedTuple):
    """One lip from its inner edge outwards, without the teeth that the photo leaves on it."""

    colors: Float[np.ndarray, "height width 3"]
    seen: Float[np.ndarray, "height width 3"]
    """The same as the photo shows it."""
    bright: Float[np.ndarray, " width"]
    """The most that lip is bright at each column."""
    away: Float[np.ndarray, "height width"]
    """Metres from the edge."""
    fade: Float[np.ndarray, "height width"]
    """From 1 to 0 towards the outer end and the corners."""


def clean_lip(
    side: int,
    image: UInt8[np.ndarray, "height width 4"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float32[np.ndarray, "468 3"],
) -> CleanLip:
    """Read a lip, and from further out where it is mixed with teeth.

    Args:
        side: 0 for the upper lip, 1 for the lower one.
        image: The person's colours; alpha is not read.
        points: The face's vertices on the canvas, pixels.
        positions: The same vertices in space, metres.
    """
    edge, outer = (list(line) for line in _LIPS[side])
    low, high = (spread_out(points[line], _WIDTH) for line in (edge, outer))
    heights = np.linalg.norm(positions[outer] - positions[edge], axis=1)
    heights = np.interp(np.linspace(0, len(edge) - 1, _WIDTH), np.arange(len(edge)), heights)[:, None]
    out = (np.arange(_ROWS)[:, None, None] + 0.5) / _ROWS * REACH

    def look(shares: np.ndarray, to: np.ndarray) -> np.ndarray:
        return look_up(image, (low + (to - low) * shares).astype(np.float32))[..., :3].astype(np.float32)

    across = spread_out(points[list(_LIPS[1 - side][0])], _WIDTH)
    teeth = float(np.quantile(look(out, across).mean(-1), 0.8))
    away = (out * heights)[..., 0]
    seen = look(out, high)
    bright = seen.mean(-1)
    # Narrow patches that are brighter than the lip around are teeth, which thin lips leave in sight.
    lip = cv2.medianBlur(np.median(bright[_ROWS // 2 :], 0)[None].astype(np.uint8), _PATCH)[0].astype(float)
    bound = lip + np.maximum(_TEETH * (teeth - lip), _CONTRAST)
    # From the edge without a gap: further out are the lip's own highlights.
    mixed = ((bright > bound) | (away < _MIXED)).cumprod(0).sum(0)[None].astype(np.float32)
    mixed = cv2.GaussianBlur(cv2.dilate(mixed, np.ones((1, 5))), (0, 0), 2)[0] / _ROWS
    skipped = mixed.clip(max=_MOST_MIXED)[:, None] * REACH
    colors = look(skipped + out * (1 - skipped / REACH), high)
    ends = smoothstep((1 - np.abs(np.linspace(-1, 1, _WIDTH))) / 0.1)[:, None]
    fade = smoothstep((1 - out / REACH) / 0.4) * ends
    return CleanLip(colors, seen, bound, away, fade[..., 0])


def _outwards(side: int, image: np.ndarray, points: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Colours and alpha of one lip in the shadow of the other one, from its edge outwards."""
    lip = clean_lip(side, image, points, positions)
    colors, away = lip.colors, lip.away[..., None]
    bright = colors.mean(-1, keepdims=True).clip(1)
    light = 1 - _LINE_SHADE * np.exp(-((away / _LINE) ** 2))
    light *= 1 - _ROLL_SHADE[side] * np.exp(-((away / _ROLL) ** 2))
    light = np.maximum(light, (_darkest(image, points) / bright).clip(max=1))
    # Light in the shadow comes from the other lip, and so takes on the lips' colour twice.
    colors = colors * light * (lip.bright[:, None] / bright).clip(max=1) * (colors / bright) ** (1 - light)
    return np.dstack((colors, 255 * lip.fade))


def _darkest(image: np.ndarray, points: np.ndarray) -> float:
    """How dark the photo is around its mouth where it is darkest: haze lies on shadows, too."""
    mouth = points[list(OUTER_LIP_UPPER + OUTER_LIP_LOWER)]
    box = box_around(mouth, image.shape[1], image.shape[0])
    if box is None:
        return 0.0
    return float(np.quantile(image[box[1] : box[3], box[0] : box[2], :3].mean(-1), 0.01))
