"""Telling hair, skin and clothes of a person apart without a network, in the classes of the official one.

The official code asks MediaPipe's selfie network for six classes. Here landmarks and the matte say what is
surely hair; what has its colours and hangs on it is hair, too, however long (`hair`). Hats count as hair: the
networks do not tell hair from others, since both are in the head's picture.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.geometry.face_topology import OVAL
from cameo3d.models.real3d.hair import below_the_jaw

BACKGROUND, HAIR, BODY_SKIN, FACE_SKIN, CLOTHES, OTHERS = range(6)
"""Classes of the released network's segmentation."""

_JAW_RIGHT, _JAW_LEFT, _NOSE = 58, 288, 1


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
    fallen, skin = below_the_jaw(image, person, face, above, landmarks)
    hair = person & ~face & (above | fallen)
    below = person & ~face & ~hair
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
