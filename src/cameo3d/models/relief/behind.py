"""The back of a head, of which a photo shows nothing: as deep as heads are, in the colours of the hair."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from cameo3d.imaging.inpainting import fill_holes
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.surface import Heights

_HEAD_RADIUS, _HEAD_DEPTH = 0.08, 0.06
"""Half the width of a head, and how far its back lies behind its widest part, metres."""
_NAPE = 0.35
"""How much less deep it is, for each metre below the ears."""
_BODY_DEPTH = 0.05
"""How far the back of neck and shoulders lies behind theirs."""
_SURELY = 0.95
"""Coverage from which on the photo surely shows the person."""
_FAINT = 0.35
"""Coverage up to which a gap is filled: earrings are covered more."""
_EARS, _LOBES = -0.045, 0.025
"""Where ears begin and end, metres below the tragus: the back of a head is covered as it is above them."""
_SCALP = 0.03
"""Metres from the outline within which what lies above the ears is hair, a hat, or a bald head."""
_STRANGE, _BALD = 0.4, 0.25
"""How unlike skin hair is, and the share of such cells up to which a head is bald."""
_ALIKE, _WITNESSES, _NEIGHBOURS = 12.0, 400, 6
"""Difference in Lab up to which hair by an ear is like that above it: like how many of how many cells."""
_GRAIN, _SHADE = 0.006, 0.3
"""Sides of the canvas below which hair has grain, and how much darker than a face the back of a head is."""
_NEAR = 0.02
"""Metres within the outline over which the back goes on in the colours of the front."""
_GAP, _COARSE = 0.015, 4
"""Metres to both sides over which a gap is closed, and pixels that count as one."""
_LEAST = 12
"""Cells that must be known to lend their colours."""


def back_heights(
    inside: Float32[np.ndarray, "*points"],
    head: Float32[np.ndarray, "*points"],
    level: Float32[np.ndarray, "*points"],
) -> Float32[np.ndarray, "*points"]:
    """How far the back of a person lies behind the outline's plane: round at the outline, then level, metres.

    Args:
        inside: How far points lie within the person's outline, metres.
        head: How far they follow the head.
        level: How far they lie below the ears' middle, metres.
    """
    share = (inside / _HEAD_RADIUS).clip(0, 1)
    skull = _HEAD_DEPTH - _NAPE * level.clip(0, 0.1)
    depth = _BODY_DEPTH + (skull - _BODY_DEPTH) * head
    return (np.sqrt(share * (2 - share)) * depth).astype(np.float32)


def back_colors(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    strange: Float32[np.ndarray, "half half"],
    outward: Float32[np.ndarray, "rows columns 3"],
    heights: Heights,
    ears: Bool[np.ndarray, "rows columns"],
    level: Float32[np.ndarray, "rows columns"],
) -> UInt8[np.ndarray, "side side 3"]:
    """The canvas as the back of a person has it: nothing of a face is seen there.

    Hair lies behind hair. Behind face and ears lies what covers the head above them, below the ears the neck,
    both ever smoother.

    Args:
        image: The canvas.
        matte: The person's coverage.
        strange: How little each pixel looks like the face's skin.
        outward: The colours in which the front ends at the outline.
        heights: The person's surface.
        ears: Cells of it that show an ear.
        level: How far each cell lies below the ears' middle, metres.
    """
    rows, columns = level.shape
    small, cover, odd = (
        cv2.resize(each.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        for each in (image, matte, strange)
    )
    around = (cover > _SURELY) & (cv2.dilate(heights.face, np.ones((3, 3))) == 0)
    of_head = around & (heights.head > 0.5)
    hair, above = of_head & (level < _EARS) & (heights.inside < _SCALP), level < _LOBES
    if hair.sum() < _LEAST:
        return image
    if (hair & (odd > _STRANGE)).sum() > max(_LEAST, _BALD * hair.sum()):
        hair = _alike(small, of_head & above, hair & (odd > _STRANGE))
    neck = of_head & ~above & (odd < 1 - _STRANGE)
    smooth = fill_holes(small, ~hair)
    if neck.sum() >= _LEAST:
        smooth += (fill_holes(small, ~neck) - smooth) * smoothstep(level / (2 * _LOBES))[..., None]
    known = hair | neck | (around & ~of_head)
    fine = len(image) // 2
    half = cv2.resize(image, (fine, fine), interpolation=cv2.INTER_AREA).astype(np.float32)
    sharp = cv2.resize(cv2.blur(known.astype(np.float32), (3, 3)), (fine, fine))
    share = smoothstep(2 * sharp - 1)[..., None]
    grain = (half - cv2.GaussianBlur(half, (0, 0), _GRAIN * fine)) * share
    mirror = cv2.resize(_mirror(known), (fine, fine)) * np.float32(fine / columns)
    lent = cv2.remap(grain, mirror[..., 0], mirror[..., 1], cv2.INTER_LINEAR)
    behind = cv2.resize(smooth, (fine, fine)) + lent
    turned = back_heights(heights.inside, heights.head, level) / _HEAD_DEPTH * heights.head
    # Little next to the outline, where it shines through the front's soft edge.
    light = cv2.resize(1 - np.float32(_SHADE) * turned**2, (fine, fine))[..., None]
    colors = (behind + (half - behind) * share) * light
    near = (1 - smoothstep(heights.inside / _NEAR)) * heights.head
    near *= 1 - cv2.blur(cv2.dilate(ears.astype(np.float32), np.ones((7, 7))), (5, 5))
    outward, near = (cv2.resize(each.astype(np.float32), (fine, fine)) for each in (outward, near))
    colors += (outward - colors) * near[..., None]
    colors = colors.clip(0, 255)
    return cv2.resize(np.rint(colors).astype(np.uint8), (len(image), len(image)))


def closed_gaps(
    matte: Float32[np.ndarray, "side side"], oval: Float32[np.ndarray, "oval 2"], per_meter: float
) -> UInt8[np.ndarray, "side side"]:
    """Where a turned face lets nothing be seen that the matte lets be seen: in it, and between it and an ear.

    Args:
        matte: The person's coverage.
        oval: The face's outline, pixels.
        per_meter: Pixels across a metre at the head's depth.
    """
    scale, reach = _COARSE, _GAP * per_meter / _COARSE
    size = -(-len(matte) // scale)
    solid = (cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
    face = np.zeros_like(solid)
    cv2.fillPoly(face, [np.rint(oval / scale).astype(np.int32)], 1)
    near = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5) < 2 * reach
    grown = cv2.distanceTransform(1 - (solid | face), cv2.DIST_L2, 5) < reach
    closed = cv2.distanceTransform(grown.astype(np.uint8), cv2.DIST_L2, 5) > reach
    gaps = cv2.dilate(face | (closed & near).astype(np.uint8), np.ones((3, 3))).astype(np.float32)
    soft = cv2.resize(cv2.blur(gaps, (3, 3)), (len(matte), len(matte)))
    return np.rint(soft * 255).astype(np.uint8)


def filled_gaps(
    colors: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    gaps: UInt8[np.ndarray, "side side"],
) -> UInt8[np.ndarray, "side side 3"]:
    """The person's colours, which in closed gaps are those around them, with nothing of the background.

    Args:
        colors: The canvas.
        matte: The person's coverage.
        gaps: What `closed_gaps` closes.
    """
    share = smoothstep(1 - matte / _FAINT) * (gaps / np.float32(255))
    rows, columns = np.flatnonzero(share.any(1)), np.flatnonzero(share.any(0))
    if not len(rows):
        return colors
    part = tuple(slice(max(0, each[0] - 8 * _COARSE), each[-1] + 8 * _COARSE) for each in (rows, columns))
    size = tuple(max(2, length // _COARSE) for length in share[part].shape[::-1])
    small = cv2.resize(colors[part], size, interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.erode(cv2.resize(matte[part], size, interpolation=cv2.INTER_AREA), np.ones((3, 3)))
    smooth = cv2.resize(fill_holes(small, cover < _SURELY), share[part].shape[::-1])
    result = colors.copy()
    result[part] = np.rint(colors[part] + (smooth - colors[part]) * share[part][..., None]).clip(0, 255)
    return result


def _mirror(known: Bool[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns 2"]:
    """Where each cell's mirror image at the nearest known one lies, in cells."""
    rows, columns = np.asarray(distance_transform_edt(~known, return_distances=False, return_indices=True))
    y, x = np.mgrid[: len(known), : known.shape[1]]
    return np.stack((2 * columns - x, 2 * rows - y), -1).astype(np.float32)


def _alike(
    colors: Float32[np.ndarray, "rows columns 3"],
    where: Bool[np.ndarray, "rows columns"],
    hair: Bool[np.ndarray, "rows columns"],
) -> Bool[np.ndarray, "rows columns"]:
    """Hair, and what looks like it somewhere."""
    lab = cv2.cvtColor(colors / 255, cv2.COLOR_RGB2LAB)
    witnesses = lab[hair]
    witnesses = witnesses[:: max(1, len(witnesses) // _WITNESSES)]
    found = hair.copy()
    if len(witnesses) >= _NEIGHBOURS:
        found[where] |= KDTree(witnesses).query(lab[where], _NEIGHBOURS)[0][:, -1] < _ALIKE
    return found
