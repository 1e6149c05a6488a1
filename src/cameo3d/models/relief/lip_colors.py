"""What lips look like once they leave the photo's expression: without its teeth on them, and with less gloss.

Pixels at the edge of a lip are part lip, part teeth, and where the mouth goes they would go along. Highlights
are where wet skin mirrors a lamp: skin that is stretched, or turned, shows no larger ones. Shadows in the
corners of a mouth go when it opens.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.models.relief.eyes import box_around
from cameo3d.models.relief.lips import PARTED, REACH, clean_lip, lip_gaps
from cameo3d.models.relief.mouth_corners import CORNER_REACH, corner_shadows
from cameo3d.models.relief.patch import grid_triangles

_LIPS = ((INNER_LIP_UPPER, OUTER_LIP_UPPER), (INNER_LIP_LOWER, OUTER_LIP_LOWER))
_GLOSS, _NOISE = 0.0045, 5.0
"""Metres across the largest highlight, and grey levels by which it must exceed the lip around."""
_MOVES = 0.0015
"""Metres by which lips part, meet or widen until nothing of the photo's teeth is left on them."""
_SPREADS = 1.5
"""By which power of a lip's area its highlights fade."""
_TURNED = 0.5
"""How much of them goes with the sine of a turn."""
_UNFOLDS = 0.003
"""Metres by which lips part, meet, widen or narrow until nothing of the shadow in their corners is left."""
_STEPS = 16
"""In which lips are seen to change."""


@dataclass(frozen=True)
class LipColors:
    """The lips of a photo, in a part of the canvas."""

    left: int
    top: int
    skin: UInt8[np.ndarray, "height width 3"]
    """The part as the photo shows it."""
    teeth: Float32[np.ndarray, "height width 3"]
    """What is brighter there by teeth, grey levels."""
    gloss: Float32[np.ndarray, "2 height width 3"]
    """And by highlights, of the upper and of the lower lip."""
    corners: Float32[np.ndarray, "height width 3"]
    """What is darker there by the shadows in the corners of the mouth, grey levels."""
    rest: Float[np.ndarray, "4"]
    """How far they are apart in the photo, the mouth's width, and the heights of both, metres."""

    def change(
        self, positions: Float32[np.ndarray, "468 3"], turn: Float32[np.ndarray, "3 3"]
    ) -> tuple[float, float, float, float]:
        """How much is gone of teeth on lips, of each lip's highlights, and of the corners' shadows.

        In steps that nobody sees.

        Args:
            positions: The face's vertices, metres.
            turn: The head's, from the photo's pose.
        """
        now, rest = _sizes(positions), self.rest
        moved = max(abs(now[0] - rest[0]), abs(now[1] - rest[1]) / 2)
        spread = (now[2:] * now[1] / (rest[2:] * rest[1]).clip(1e-9)).clip(1) ** -_SPREADS
        sine = float(np.hypot(turn[0, 2], turn[1, 2]))
        gone = 1 - spread * (1 - _TURNED * sine)
        levels = np.array((moved / _MOVES, *gone, moved / _UNFOLDS)).clip(0, 1)
        return tuple((np.rint(levels * _STEPS) / _STEPS).tolist())

    def part(self, texture: UInt8[np.ndarray, "rows columns 4"]) -> UInt8[np.ndarray, "height width 3"]:
        """The colours of this part of a canvas, not copied."""
        height, width = self.skin.shape[:2]
        return texture[self.top : self.top + height, self.left : self.left + width, :3]

    def paint(
        self,
        texture: UInt8[np.ndarray, "rows columns 4"],
        gone: tuple[float, float, float, float],
        skin: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> None:
        """Put lips without what is gone into a canvas; skin is the whole part, by default the photo's."""
        gloss = cv2.addWeighted(self.gloss[0], gone[1], self.gloss[1], gone[2], 0.0)
        less = cv2.addWeighted(self.teeth, gone[0], gloss, 1.0, 0.0)
        less = cv2.addWeighted(self.corners, -gone[3], less, 1.0, 0.0)
        self.part(texture)[:] = cv2.subtract(self.skin if skin is None else skin, less, dtype=cv2.CV_8U)


def find_lip_colors(
    texture: UInt8[np.ndarray, "rows columns 4"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float32[np.ndarray, "468 3"],
    down: Float32[np.ndarray, "3"],
    per_meter: float,
) -> LipColors | None:
    """Find teeth and highlights on the lips of a photo; None if it does not show them.

    Args:
        texture: The person's colours.
        points: The face's vertices on the canvas, pixels.
        positions: The same vertices in space, metres.
        down: The head's own downward direction.
        per_meter: Canvas pixels in a metre.
    """
    around = points[[*OUTER_LIP_UPPER, *OUTER_LIP_LOWER]]
    reach, ends = 1.4 * CORNER_REACH * per_meter, points[[61, 291]]
    around = np.concatenate((around, ends - np.float32(reach), ends + np.float32(reach)))
    box = box_around(around, texture.shape[1], texture.shape[0])
    if box is None:
        return None
    left, top, right, bottom = box
    margin = max(2, round(_GLOSS * per_meter))
    wide = texture[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin, :3]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (margin // 2) + 1,) * 2)
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.5, 0.0003 * per_meter))
    shine = cv2.subtract(soft, cv2.morphologyEx(soft, cv2.MORPH_OPEN, kernel))
    row, column = top - max(0, top - margin), left - max(0, left - margin)
    shine = shine[row : row + bottom - top, column : column + right - left].astype(np.float32)
    shine *= 1 - _NOISE / shine.max(-1, keepdims=True).clip(_NOISE)
    skin = texture[top:bottom, left:right, :3].copy()
    parted = float(lip_gaps(positions, down).mean()) > PARTED
    teeth, gloss = np.zeros(skin.shape, np.float32), []
    for side, (edge, outer) in enumerate(_LIPS):
        along = np.linspace(0, 1, len(edge))
        corners = np.concatenate(
            [np.column_stack((along, np.full(len(edge), share))) for share in (0, 1)]
        ).astype(np.float32)
        found = rasterize(
            np.concatenate((points[list(edge)], points[list(outer)])) - np.array((left, top), np.float32),
            np.ones(2 * len(edge), np.float32),
            grid_triangles(2, len(edge)),
            corners,
            bottom - top,
            right - left,
        )
        inside = np.isfinite(found.depths)
        share = np.where(inside, found.attributes[..., 1], 1).astype(np.float32)
        soft_edge = cv2.blur(inside.astype(np.float32), (3, 3))[..., None]
        gloss.append(shine * soft_edge)
        if parted:
            lip = clean_lip(side, texture, points, positions)
            darker = (lip.seen - lip.colors) * (lip.seen.mean(-1) > lip.colors.mean(-1))[..., None]
            darker = (darker * lip.fade[..., None]).astype(np.float32)
            x = np.where(inside, found.attributes[..., 0], 0) * darker.shape[1] - 0.5
            y = share / REACH * len(darker) - 0.5
            y = np.where(y < len(darker), y.clip(0), 2 * len(darker))
            at = x.astype(np.float32), y.astype(np.float32)
            teeth += cv2.remap(darker, *at, cv2.INTER_LINEAR) * soft_edge
    # A highlight that counts as teeth is gone with them.
    both = np.stack(gloss)
    both = np.minimum(both, (skin - teeth).clip(0))
    corners = corner_shadows(texture, points, per_meter, box)
    return LipColors(left, top, skin, teeth, both.astype(np.float32), corners, _sizes(positions))


def _sizes(positions: np.ndarray) -> np.ndarray:
    """How far lips are apart, the mouth's width, and the heights of upper and lower lip, metres."""
    upper, lower = positions[list(INNER_LIP_UPPER)], positions[list(INNER_LIP_LOWER)]
    heights = [
        np.linalg.norm(positions[list(outer[2:-2])] - positions[list(edge[2:-2])], axis=1).mean()
        for edge, outer in _LIPS
    ]
    apart = np.linalg.norm(lower - upper, axis=1).mean()
    return np.array((apart, np.linalg.norm(upper[-1] - upper[0]), *heights))
