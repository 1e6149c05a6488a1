"""Numbers that one look at a face gives: how far lips are apart, how open eyes are, where the head is."""

import numpy as np
from jaxtyping import Float32

from cameo3d.evaluation.measures import SeenFace
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.values import BLENDSHAPES

_EYE_CORNERS = (33, 263)
_BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
_JAW = BLENDSHAPES.index("jawOpen")


def lip_opening(landmarks: Float32[np.ndarray, "478 3"]) -> float:
    """Mean gap between the inner edges of the lips, corners left out, in distances of the outer eye corners.

    Gap and distance are taken in space, so that turning the head changes neither.
    """
    gaps = landmarks[list(INNER_LIP_UPPER[1:-1])] - landmarks[list(INNER_LIP_LOWER[1:-1])]
    width = np.linalg.norm(landmarks[_EYE_CORNERS[0]] - landmarks[_EYE_CORNERS[1]])
    return float(np.linalg.norm(gaps, axis=1).mean() / width)


def eye_opening(landmarks: Float32[np.ndarray, "478 3"]) -> float:
    """Mean gap between the middles of the lids' edges, in widths of the eye, taken in space; of both eyes."""
    gaps = []
    for upper, lower in ((RIGHT_LID_UPPER, RIGHT_LID_LOWER), (LEFT_LID_UPPER, LEFT_LID_LOWER)):
        gap = landmarks[list(upper[3:-3])] - landmarks[list(lower[3:-3])]
        width = np.linalg.norm(landmarks[upper[0]] - landmarks[upper[-1]])
        gaps.append(np.linalg.norm(gap, axis=1).mean() / width)
    return float(np.mean(gaps))


def eyes_of(face: SeenFace | None) -> float | None:
    """Eye opening of a face; None where none is seen."""
    return None if face is None else eye_opening(face.landmarks)


def head_box(landmarks: Float32[np.ndarray, "478 3"], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the head: the face box, half as wide again, half of it on top, an eighth below."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    aside, (_, tall) = (high[0] - low[0]) / 4, high - low
    left, right = np.clip((low[0] - aside, high[0] + aside), 0, width).round().astype(int)
    top, bottom = np.clip((low[1] - tall / 2, high[1] + tall / 8), 0, height).round().astype(int)
    return slice(top, bottom), slice(left, right)


def opening_of(face: SeenFace | None) -> float | None:
    """Lip opening of a face; None where none is seen."""
    return None if face is None else lip_opening(face.landmarks)


def blink_of(face: SeenFace | None) -> float | None:
    """Mean of both eyes' eyeBlink weights; None where no face is seen."""
    return None if face is None else float(face.expression[_BLINKS].mean())


def jaw_of(face: SeenFace | None) -> float | None:
    """The jawOpen weight; None where no face is seen."""
    return None if face is None else float(face.expression[_JAW])
