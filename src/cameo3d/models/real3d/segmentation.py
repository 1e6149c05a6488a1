"""Telling hair, skin and clothes of a person apart without a network, in the classes of the official one.

The official code asks MediaPipe's selfie network for six classes. Here landmarks and the matte say what is
surely hair; what has its colours and hangs on it is hair, too, however long. Where a shirt has the hair's
colour, hair ends at the line of the jaw.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.geometry.crops import head_ellipse
from cameo3d.geometry.face_topology import OVAL
from cameo3d.imaging.inpainting import cloth_likeness

BACKGROUND, HAIR, BODY_SKIN, FACE_SKIN, CLOTHES, OTHERS = range(6)
"""Classes of the released network's segmentation."""

_SIDE = 256
"""Pixels across the picture in which is cut, as the official network's."""
_JAW_RIGHT, _JAW_LEFT, _CHIN, _NOSE = 58, 288, 152, 1
_SKIN_LIKE = 24.0
"""Distance in Lab from the face's median below which a colour may be skin."""
_ALIKE = 12.0
"""Distance in Lab between hair and clothes below which colours cannot tell them apart."""
_LONGEST = 1.5
"""Face heights below the chin where hair may still hang."""
_LIKE_HAIR = 14.0
"""Distance in Lab from one of the hair's colours below which a pixel may be hair."""
_TONES = 4
"""Colours that the hair is taken to have."""
_LEAST_HAIR = 40
"""Pixels of sure hair below which a head counts as bald."""


def classify(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
    covered_eyes: tuple[bool, bool] = (False, False),
) -> Bool[np.ndarray, "6 side side"]:
    """Which of the six classes each pixel belongs to.

    Args:
        image: The picture.
        matte: The person's coverage, in [0, 1].
        landmarks: The face mesh in pixels of the picture.
        covered_eyes: Whether dark lenses cover the left and the right eye.
    """
    side = len(image)
    person, oval = matte > 0.5, landmarks[list(OVAL), :2]
    face = _filled(oval, side)
    above = _above_jaw(face, landmarks)
    hair = person & ~face & (above | _fallen_hair(image, person, landmarks, above))
    below = person & ~face & ~hair
    skin = cloth_likeness(image, oval) < 0.5
    lenses = np.zeros_like(face)
    for covered, points in zip(covered_eyes, (_LEFT_LENS, _RIGHT_LENS), strict=True):
        if covered:
            lenses |= _filled(cv2.convexHull(landmarks[list(points), :2])[:, 0], side)
    inner = person & face & ~lenses
    return np.stack((~person, hair, below & skin, inner, below & ~skin, person & lenses))


_RIGHT_LENS = (70, 63, 105, 66, 107, 119, 118, 117, 111, 35)
_LEFT_LENS = (300, 293, 334, 296, 336, 348, 347, 346, 340, 265)
"""Vertices around an eye as far as lenses reach."""


def _filled(polygon: np.ndarray, side: int) -> Bool[np.ndarray, "side side"]:
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon - 0.5).astype(np.int32)], 1)
    return mask > 0


def _above_jaw(
    face: Bool[np.ndarray, "side side"], landmarks: Float32[np.ndarray, "478 3"]
) -> Bool[np.ndarray, "side side"]:
    """What lies above the line of the jaw, which goes on level beside the face."""
    side = len(face)
    rows, columns = np.mgrid[:side, :side]
    lowest = np.where(face.any(axis=0), side - 1 - face[::-1].argmax(axis=0), 0)
    corners = landmarks[[_JAW_RIGHT, _JAW_LEFT], 1]
    beside = np.where(columns[0] < landmarks[_NOSE, 0], corners[0], corners[1])
    return rows <= np.maximum(lowest, beside)


def _fallen_hair(
    image: UInt8[np.ndarray, "side side 3"],
    person: Bool[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
    above: Bool[np.ndarray, "side side"],
) -> Bool[np.ndarray, "side side"]:
    """Hair below the line of the jaw: what has the colours of the hair above it and hangs on it."""
    side = len(image)
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    within, line = (
        cv2.resize(x.astype(np.uint8), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > 0
        for x in (person, above)
    )
    points = landmarks[:, :2] * (_SIDE / side)
    likely = _hair_like(small, within, points)
    if likely is None:
        return np.zeros_like(person)
    likely = cv2.medianBlur(likely.astype(np.uint8), 5)
    likely = cv2.morphologyEx(likely, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, parts = cv2.connectedComponents(likely)
    hanging = np.unique(parts[line & (likely > 0)])
    joined = np.isin(parts, hanging[hanging > 0]).astype(np.float32)
    large = cv2.resize(joined, (side, side), interpolation=cv2.INTER_LINEAR)
    return person & ~above & (large > 0.5)


def _hair_like(
    small: UInt8[np.ndarray, "side side 3"],
    person: Bool[np.ndarray, "side side"],
    points: Float32[np.ndarray, "478 2"],
) -> Bool[np.ndarray, "side side"] | None:
    """What has the colours of the hair around the face; None if clothes have them, or hair is short."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] + 0.5
    oval, chin = points[list(OVAL)], points[_CHIN]
    face = _filled(oval, _SIDE)
    width, height = float(np.ptp(oval[:, 0])), float(np.ptp(oval[:, 1]))
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    unlike_skin = np.linalg.norm(lab - np.median(lab[face], axis=0), axis=2) > _SKIN_LIKE
    ellipse = head_ellipse(np.pad(points, ((0, 0), (0, 1))))
    head = ellipse.distances(np.stack((columns, rows), axis=-1)) < 1.15
    beyond = cv2.dilate(face.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    hair = head & person & beyond & unlike_skin & (rows < points[[_JAW_RIGHT, _JAW_LEFT], 1].min())
    if hair.sum() < _LEAST_HAIR:
        return None
    # In the middle, below the chin, no hair hangs: there clothes show their colours, or a beard does.
    aside = np.abs(columns - chin[0])
    clothes = person & (rows > chin[1] + 0.4 * height) & (aside < 0.25 * width) & unlike_skin
    if clothes.sum() >= _LEAST_HAIR:
        apart = np.linalg.norm(np.median(lab[hair], axis=0) - np.median(lab[clothes], axis=0))
        if apart < _ALIKE:
            return None
    reach = (aside > 0.25 * width) & (aside < 1.2 * width) | (rows < chin[1])
    low = rows < chin[1] + _LONGEST * height
    return hair | (person & ~face & unlike_skin & reach & low & (_from_hair(lab, hair) < _LIKE_HAIR))


def _from_hair(
    lab: Float32[np.ndarray, "side side 3"], hair: Bool[np.ndarray, "side side"]
) -> Float32[np.ndarray, "side side"]:
    """How far each colour is from the nearest of the hair's main ones."""
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(0)
    _, which, tones = cv2.kmeans(lab[hair], _TONES, np.empty(0), criteria, 1, cv2.KMEANS_PP_CENTERS)
    common = np.bincount(which[:, 0], minlength=_TONES) > 0.08 * len(which)
    return np.linalg.norm(lab[:, :, None] - tones[common], axis=3).min(axis=2)
