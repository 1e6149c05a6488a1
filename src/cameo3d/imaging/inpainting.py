"""Take the photo apart: what lies behind the person, and the person's own colours at soft edges."""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.imaging.smoothstep import smoothstep

_UNCOVERED = 0.16
"""How deep inside a person's outline a turning head may uncover the background, in sides of the picture."""
_STRAY = 3
"""Margins around a person within which strays are looked for."""
_LIKE_PERSON, _UNLIKE = 0.25, 30
"""How far on the way from the background's colour to the person's a stray's is, and how long that way is."""
_HAIRS, _THIN, _STAND_OUT, _FAINT = 8, 7, 5.0, 0.05
"""Margins around a person within which single hairs are looked for, pixels that are wider than they, how many
times they stand out from the noise, and the least share of the way to the person's colour."""
_BEYOND_OWN = 1.1
"""How far from the background's colour unmixing may lead, in distances to the person's."""
_COARSE, _LINE_ROWS, _LINE_RADIUS = 400, 340, 5.0
"""Rows in which strays are looked for, those in which lines are continued, and pixels around one that say how
a line goes on there."""


def fill_holes(
    image: Float32[np.ndarray, "height width channels"], hole: Bool[np.ndarray, "height width"]
) -> Float32[np.ndarray, "height width channels"]:
    """Continue a picture smoothly into its holes (pull-push, Gortler et al., SIGGRAPH 1996)."""
    if hole.all():
        return image
    known = (~hole).astype(np.uint8)
    color, weight = cv2.copyTo(image, known, np.zeros(image.shape, np.float32)), known.astype(np.float32)
    levels: list[tuple[np.ndarray, np.ndarray]] = []
    while min(weight.shape) > 2:
        color, weight = cv2.pyrDown(color), cv2.pyrDown(weight)
        full = np.minimum(4 * weight, 1)
        color = color.reshape(*weight.shape, -1) * (full / weight.clip(1e-6))[..., None]
        weight = full
        levels.append((color, weight))
    result = color / weight.clip(1e-6)[..., None]
    for color, weight in reversed(levels[:-1]):
        result = color + _enlarged(result, weight.shape) * (1 - weight)[..., None]
    return cv2.copyTo(image, known, _enlarged(result, hole.shape)).reshape(image.shape)


def _enlarged(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(*shape, -1)


def inpaint_background(
    image: UInt8[np.ndarray, "height width 3"], matte: Float32[np.ndarray, "height width"], margin: int
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture without the person.

    What a turning head uncovers first continues the lines and edges of the background (Telea, "An image
    inpainting technique based on the fast marching method", 2004); deeper inside, colours go over smoothly.

    Args:
        image: The picture.
        matte: The person's coverage.
        margin: Pixels around the person that may still hold some of it and are not trusted.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
    hole = cv2.dilate((matte > 0.02).astype(np.uint8), kernel) > 0
    hole |= _strays(image, matte, hole, margin)
    smooth = fill_holes(image.astype(np.float32), hole)
    height, width = hole.shape
    rows = min(_LINE_ROWS, height)
    size = (math.ceil(width * rows / height), rows)
    coarse = cv2.resize(np.rint(smooth).clip(0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    unknown = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines = cv2.inpaint(coarse, unknown, _LINE_RADIUS, cv2.INPAINT_TELEA)
    # Added as a difference, which vanishes at the hole's border, they leave no seam there.
    lines = cv2.resize(lines.astype(np.float32) - coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5) / (_UNCOVERED * height)
    share = (smoothstep(1.5 - 1.5 * inside) * hole)[..., None]
    return np.rint(smooth + lines * share).clip(0, 255).astype(np.uint8)


def _strays(image: np.ndarray, matte: np.ndarray, hole: np.ndarray, margin: int) -> np.ndarray:
    """What lies near a person and is nearer to its colour than to the background's: loose hair, mostly."""
    height, width = hole.shape
    scale = min(1.0, _COARSE / height)
    size = (math.ceil(width * scale), math.ceil(height * scale))
    small, cover, known = (
        cv2.resize(each.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for each in (image, matte, hole)
    )
    away = cv2.distanceTransform((known < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    near = away < _STRAY * margin * scale
    behind = fill_holes(small, near)
    lead = fill_holes(small, cover < 0.95) - behind
    length = (lead**2).sum(-1)
    share = ((small - behind) * lead).sum(-1) / length.clip(1)
    strays = near & (share > _LIKE_PERSON) & (length > _UNLIKE**2)
    strays |= _hairs(small, lead, length, away < _HAIRS * margin * scale)
    strays = cv2.dilate(strays.astype(np.uint8), np.ones((3, 3), np.uint8)) * (away > 0).astype(np.uint8)
    return cv2.resize(strays, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _hairs(small: np.ndarray, lead: np.ndarray, length: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Single hairs: thin lines that stand out from a calm background towards the person's colours."""
    calm = cv2.medianBlur(np.rint(small).clip(0, 255).astype(np.uint8), _THIN).astype(np.float32)
    out = (small - calm) * lead
    along = out.sum(-1) / np.sqrt(length.clip(1))
    noise = max(1.0, float(np.median(np.abs(along[near]))) if near.any() else 1.0)
    return near & (along > _STAND_OUT * noise) & (along > _FAINT * np.sqrt(length)) & (length > _UNLIKE**2)


def foreground_colors(
    image: UInt8[np.ndarray, "height width 3"],
    matte: Float32[np.ndarray, "height width"],
    plate: UInt8[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "height width 3"]:
    """The person's own colour everywhere, free of background at soft edges and continued beyond them."""
    own = fill_holes(image.astype(np.float32), matte < 0.95)
    # Unmixing is exact where there is enough of the person, guesswork below.
    mixed = (matte > 0.3) & (matte <= 0.98)
    alpha = matte[mixed][:, None]
    lead, seen = own[mixed] - plate[mixed], image[mixed] - plate[mixed].astype(np.float32)
    along = (seen * lead).sum(-1, keepdims=True) / (lead**2).sum(-1, keepdims=True).clip(1)
    # Other tints are not made stronger, and a matte that is a little too low leads to no dark rim.
    unmixed = plate[mixed] + seen + (np.minimum(along / alpha, np.maximum(along, _BEYOND_OWN)) - along) * lead
    own[mixed] += ((alpha - 0.3) / 0.4).clip(0, 1) * (unmixed.clip(0, 255) - own[mixed])
    return cv2.copyTo(image, (matte > 0.98).astype(np.uint8), own.clip(0, 255).astype(np.uint8))


def cloth_likeness(
    image: UInt8[np.ndarray, "height width 3"], oval: Float32[np.ndarray, "oval 2"]
) -> Float32[np.ndarray, "height width"]:
    """How little each pixel looks like the skin of a face: 0 like it, 1 quite unlike.

    Colour counts for more than brightness, since necks lie in the shadow of the chin.

    Args:
        image: The picture.
        oval: Outline of the face, pixels.
    """
    lab = cv2.cvtColor(image * np.float32(1 / 255), cv2.COLOR_RGB2LAB)
    face = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(face, [np.rint(oval).astype(np.int32)], 1)
    skin = lab[face > 0]
    center = np.median(skin, 0)
    spread = np.median(np.abs(skin - center), 0) * 1.5
    spread = np.maximum(spread, (16, 4, 5)).astype(np.float32)
    away = (lab - center) / spread
    # A neck may be much darker than the face, but hardly brighter.
    away[..., 0] = np.where(away[..., 0] < 0, away[..., 0] * 0.5, away[..., 0])
    distance = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
    return np.clip((distance - 2) / 1.5, 0, 1)
