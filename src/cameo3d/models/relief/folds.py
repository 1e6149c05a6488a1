"""Folds next to the mouth: those that the photo's smile makes fade as the smile goes.

A photo keeps the shade of its folds, and of the skin that they squeeze, wherever the skin goes, so a face at
rest would still look folded. What is broader than pores and narrower than a cheek counts as their shade.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.geometry.face_topology import OUTER_LIP_LOWER, OUTER_LIP_UPPER, OVAL
from cameo3d.imaging.inpainting import cloth_likeness
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.values import BLENDSHAPES

_NOSE = (168, 122, 196, 209, 129, 98, 97, 2, 326, 327, 358, 429, 419, 351)
_REACH = (0.40, 0.30, 0.05)
"""How far around the mouth folds are looked for: aside and up and down, and how much higher than the mouth's
middle that ellipse lies, in widths and in heights of the face."""
_AROUND_LIPS = 0.018
"""Widths of the face that the lips' red ends beyond their landmarks."""
_PORES, _CHEEK = 0.007, 0.12
"""Standard deviations of the blurs between which shade of folds lies, in widths of the face."""
_FADED = 0.5
"""How much of it goes with the smile."""
_SMILES = [BLENDSHAPES.index(name) for name in ("mouthSmileLeft", "mouthSmileRight")]
_STEPS = 32
"""In which a smile is seen to go."""
_LEAST, _FULL = 0.15, 0.5
"""Smiles below the first make no folds; those from the second on all."""


@dataclass(frozen=True)
class Folds:
    """Shade that a smile makes, in a part of the canvas."""

    left: int
    top: int
    skin: UInt8[np.ndarray, "height width 3"]
    """The part as the photo shows it."""
    shade: Float32[np.ndarray, "height width 3"]
    """What is added by folds, grey levels."""
    smile: float
    """How much the photo smiles."""

    def gone(self, expression: Float[np.ndarray, "52"]) -> float:
        """Which share of the photo's smile an expression has lost, in steps that nobody sees."""
        lost = 1 - float(expression[_SMILES].mean()) / self.smile
        return round(min(1.0, max(0.0, lost)) * _STEPS) / _STEPS

    def fade(self, texture: UInt8[np.ndarray, "side side 4"], gone: float) -> None:
        """Take away the shade of folds, in place, as far as the smile is gone."""
        height, width = self.skin.shape[:2]
        part = texture[self.top : self.top + height, self.left : self.left + width, :3]
        part[:] = cv2.addWeighted(self.skin, 1.0, self.shade, -gone * _FADED, 0.0, dtype=cv2.CV_8U)


def find_folds(
    texture: UInt8[np.ndarray, "side side 4"],
    points: Float32[np.ndarray, "468 2"],
    expression: Float[np.ndarray, "52"],
) -> Folds | None:
    """Find the shade of folds in a photo; None if it does not smile.

    Args:
        texture: The person's colours.
        points: The face's vertices on the canvas, pixels.
        expression: The photo's own.
    """
    smile = float(expression[_SMILES].mean())
    if smile < _LEAST:
        return None
    oval = points[list(OVAL)]
    width, height = np.ptp(oval, axis=0)
    middle = points[[61, 291]].mean(0) - (0, _REACH[2] * height)
    half = np.array((_REACH[0] * width, _REACH[1] * height))
    low = np.floor(middle - half - width * _CHEEK).astype(int).clip(0)
    high = np.ceil(middle + half + width * _CHEEK).astype(int).clip(max=len(texture))
    if (high <= low + 8).any():
        return None
    skin = texture[low[1] : high[1], low[0] : high[0], :3].copy()
    size = skin.shape[:2]
    known = _filled(oval - low, size) * (1 - _filled(points[list(_NOSE)] - low, size))
    lips = np.concatenate((points[list(OUTER_LIP_UPPER)], points[list(OUTER_LIP_LOWER)][::-1])) - low
    reach = 2 * round(_AROUND_LIPS * float(width)) + 1
    lips = cv2.dilate(_filled(lips, size), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    # Skin is what all of the face looks like, of which a part may lie beyond.
    start = np.minimum(low, np.floor(oval.min(0)).astype(int)).clip(0)
    stop = np.maximum(high, np.ceil(oval.max(0)).astype(int))
    face = np.ascontiguousarray(texture[start[1] : stop[1], start[0] : stop[0], :3])
    hair = cv2.blur(cloth_likeness(face, (oval - start).astype(np.float32)), (3, 3))
    hair = hair[low[1] - start[1] :, low[0] - start[0] :][: size[0], : size[1]]
    known = known * (1 - lips) * (hair < 0.9)
    known = cv2.GaussianBlur(known.astype(np.float32), (0, 0), max(0.5, _PORES * float(width) / 2))
    fine, broad = (_blurred(skin, known, sigma * float(width)) for sigma in (_PORES, _CHEEK))
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    away = np.hypot(*((np.stack((x, y), -1) + low - middle) / half).transpose(2, 0, 1))
    share = smoothstep(2.5 * (1 - away)) * known * min(1.0, (smile - _LEAST) / (_FULL - _LEAST))
    shade = (fine - broad) * share[..., None]
    return Folds(int(low[0]), int(low[1]), skin, shade.astype(np.float32), smile)


def _filled(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask


def _blurred(skin: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Blur of what is known alone."""
    weight = cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
    return cv2.GaussianBlur(skin * known[..., None], (0, 0), sigma) / weight.clip(1e-3)
