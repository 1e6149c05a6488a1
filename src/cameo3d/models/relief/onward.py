"""What lies beyond the photo's border where it shows the head: hair, cloth and background go on.

At the sides and below, strands, folds and outlines go on in their own direction, ever softer; above them lies
the crown of the head. Nothing of the person is mirrored: hair that a border cuts would become a herringbone,
and a cheek a second face.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.imaging.inpainting import fill_holes, inpaint_background
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.crown import crown

_PERSON = 0.95
"""Coverage from which on a pixel's colour is the person's own."""
_STRIP, _LIKE = 0.025, 0.04
"""Sides of the canvas: how wide the strip at the border is whose lines go on, and over how much of the border
their directions are averaged."""
_STEEPEST = 1.2
"""How steeply lines may run along the border: pixels along it for each one away from it."""
_BLURS, _BLURRED = (0.7, 1.5, 3.0, 6.0, 12.0), 0.012
"""Pixels by which lines are blurred across, and how far out by the second of them, in sides of the
canvas; each next one twice as far out."""
_STRAND, _STRANDS = 2.0, 0.7
"""Pixels across a strand, and how much of them stays however far out."""
_GAP, _CAP, _SOFT, _FRAY = 0.08, 0.05, 0.02, 0.1
"""Heights of the face over which gaps between strands are closed at a side of the photo, by which hair goes
on beyond it, and over which it ends; and the part of the second by which strands differ."""
_BACKDROP = 0.06
"""Sides of the canvas from the border over which the background loses its detail."""
_COARSE = 8
"""Pixels that count as one where it is blurred most."""


class Continued(NamedTuple):
    """A canvas that reaches over the photo's border."""

    image: UInt8[np.ndarray, "side side 3"]
    """The photo, and beyond it the person's colours."""
    matte: Float32[np.ndarray, "side side"]
    """The person's coverage."""


def continue_onward(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    outside: Bool[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
) -> Continued:
    """Continue a photo that shows the whole head.

    Args:
        image: The canvas; what it holds beyond the photo is not read.
        matte: The person's coverage; likewise.
        outside: Which pixels lie beyond the photo.
        landmarks: Landmarks on the canvas, pixels.
    """
    (above, below), (left, right) = _borders(outside)
    inside = np.s_[above : len(matte) - below, left : len(matte) - right]
    colors = image.astype(np.float32)
    person = fill_holes(colors[inside], matte[inside] < _PERSON)
    everything = np.dstack((person, matte[inside] * 255))
    face_height = float(np.linalg.norm(landmarks[152, :2] - landmarks[10, :2]))
    level = landmarks[152, 1]  # above it there is hair, below it shoulders
    # Upper and lower border first: what they add is continued to the sides, too.
    if above > 0:
        of_it = landmarks - np.array((left, above, 0), np.float32)
        everything = np.concatenate((crown(everything, above, of_it), everything))
    for turns, length in ((1, below), (2, left), (0, right)):
        if length == 0:
            continue
        turned = np.rot90(everything, turns)  # this border to the right
        added = _onward(turned, length, len(matte))
        away = np.arange(length) + 0.5
        if turns != 1:
            height = np.arange(len(turned)) + 0.5
            height = height if turns == 0 else height[::-1]
            kept = smoothstep((height - level) / (0.3 * face_height))[:, None]
            added[..., 3] *= kept
            cap = _cap(turned[:, :-1], height < level, face_height, away)
            added[..., 3] = np.maximum(added[..., 3], cap * (1 - kept) * 255)
        everything = np.rot90(np.concatenate((turned, added), 1), -turns)
    result = np.rint(everything[..., :3]).clip(0, 255).astype(np.uint8)
    covered = (everything[..., 3] / 255).clip(0, 1).astype(np.float32)
    result[inside], covered[inside] = image[inside], matte[inside]
    return Continued(result, covered)


def _borders(outside: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many pixels lie above and below, and to the left and right, of the photo."""
    rows, columns = np.flatnonzero(~outside.all(1)), np.flatnonzero(~outside.all(0))
    side = len(outside) - 1
    return (int(rows[0]), int(side - rows[-1])), (int(columns[0]), int(side - columns[-1]))


def _onward(picture: np.ndarray, length: int, side: int) -> Float32[np.ndarray, "rows length channels"]:
    """Continue a picture to the right."""
    strip = max(6, round(_STRIP * side))
    slopes = _slopes(picture[:, -strip:], _LIKE * side)
    # The border itself may be mixed with what lies beyond it.
    edge = cv2.blur(picture[:, -4:-1], (3, 1))[:, 1:2]
    away = np.arange(length, dtype=np.float32)[None] + 3
    rows = np.arange(len(picture), dtype=np.float32)[:, None] - slopes[:, None] * away
    level = np.log2((away / (_BLURRED * side)).clip(0.5)) + 1
    result = np.zeros((len(picture), length, picture.shape[2]), np.float32)
    for index, blur in enumerate(_BLURS):
        last = index == len(_BLURS) - 1
        share = (1 - np.abs(level - index)).clip(0) if not last else (level - index + 1).clip(0, 1)
        smooth = cv2.GaussianBlur(edge, (1, 0), sigmaX=0.1, sigmaY=blur, borderType=cv2.BORDER_REPLICATE)
        looked = cv2.remap(
            smooth, np.zeros_like(rows), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        result += looked * share[..., None]
    # What is blurred looks like cloth; single strands go on.
    fine = edge - cv2.GaussianBlur(edge, (1, 0), sigmaX=0.1, sigmaY=_STRAND, borderType=cv2.BORDER_REPLICATE)
    fine = cv2.remap(fine, np.zeros_like(rows), rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result[..., :3] += fine[..., :3] * (_STRANDS * level.clip(0, 1))[..., None]
    return result


def _slopes(strip: np.ndarray, like: float) -> Float32[np.ndarray, " rows"]:
    """Rows that the lines of a strip go down for each pixel to the right, from its structure tensor."""
    soft = cv2.GaussianBlur(strip, (0, 0), 1.2)
    across, down = cv2.Sobel(soft, -1, 1, 0), cv2.Sobel(soft, -1, 0, 1)
    across, down = across[:, 1:-1], down[:, 1:-1]
    energies = [(a * b).sum((1, 2)) for a, b in ((across, across), (down, down), (across, down))]
    xx, yy, xy = (cv2.GaussianBlur(each[:, None], (1, 0), sigmaX=0.1, sigmaY=like)[:, 0] for each in energies)
    # Lines run at a right angle to the gradient, and are trusted as far as all agree.
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    agree = np.hypot(xx - yy, 2 * xy) / (xx + yy).clip(1e-6)
    x, y = np.cos(angle), np.sin(angle)
    slope = np.where(x < 0, -y, y) / np.abs(x).clip(1e-3)
    slope = slope.clip(-_STEEPEST, _STEEPEST) * agree
    return cv2.GaussianBlur(slope[:, None], (1, 0), sigmaX=0.1, sigmaY=like)[:, 0].astype(np.float32)


def _cap(picture: np.ndarray, hair: np.ndarray, face_height: float, away: np.ndarray) -> np.ndarray:
    """Round off hair that a side of the photo cuts, strand by strand: coverage by row and distance from it.

    Args:
        picture: Colours and coverage in [0, 255]; the border is its right end.
        hair: Rows in which there may be hair.
        face_height: Pixels.
        away: Distances from the border.
    """
    gap = max(3, round(_GAP * face_height)) | 1
    covered = (picture[:, -4:, 3].mean(1) > 127).astype(np.uint8)[:, None]
    covered = np.flatnonzero((cv2.morphologyEx(covered, cv2.MORPH_CLOSE, np.ones((gap, 1)))[:, 0] > 0) & hair)
    reach = np.zeros((len(picture), 1), np.float32)
    for part in np.split(covered, np.flatnonzero(np.diff(covered) > 1) + 1):
        half = (len(part) + 1) / 2
        round_ = np.sqrt((1 - ((part - part.mean()) / half) ** 2).clip(0)) if len(part) else np.zeros(0)
        reach[part, 0] = round_ * min(half / 4, _CAP * face_height)
    light = picture[:, -4:, :3].mean((1, 2), dtype=np.float32)[:, None]
    fine, wide = (cv2.GaussianBlur(light, (1, 0), sigmaX=0.1, sigmaY=blur) for blur in (1.5, 4))
    grain = fine - wide
    reach *= 1 + _FRAY * (grain / (np.abs(grain).mean() + 1)).clip(-2, 2)
    return np.clip((reach - away) / (_SOFT * face_height) + 0.5, 0, 1) * (reach > 0)


def plate_onward(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    outside: Bool[np.ndarray, "side side"],
    margin: int,
) -> UInt8[np.ndarray, "side side 3"]:
    """The canvas without the person; beyond the photo its mirror image goes on, ever softer.

    Args:
        image: The canvas; what it holds beyond the photo is not read.
        matte: The person's coverage; likewise.
        outside: Which pixels lie beyond the photo.
        margin: Pixels around the person that may still hold some of it.
    """
    (above, below), (left, right) = _borders(outside)
    inside = np.s_[above : len(matte) - below, left : len(matte) - right]
    plate = inpaint_background(image[inside], matte[inside], margin)
    if len(plate) == len(outside) == plate.shape[1]:
        return plate
    wide = cv2.copyMakeBorder(plate, above, below, left, right, cv2.BORDER_REFLECT_101)
    reach = _BACKDROP * len(wide)
    away = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 5)
    coarse = cv2.resize(wide, None, fx=1 / _COARSE, fy=1 / _COARSE, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), reach / 2 / _COARSE)
    soft = cv2.resize(coarse, wide.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    share = smoothstep(away / (2 * reach))[..., None]
    return np.rint(wide + (soft.astype(np.float32) - wide) * share).astype(np.uint8)
