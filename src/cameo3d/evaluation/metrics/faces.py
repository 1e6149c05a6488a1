"""Numbers that one look at a face gives: how far lips are apart, how shut eyes are."""

import numpy as np
from jaxtyping import Float32

from cameo3d.evaluation.measures import SeenFace
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER
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


def opening_of(face: SeenFace | None) -> float | None:
    """Lip opening of a face; None where none is seen."""
    return None if face is None else lip_opening(face.landmarks)


def blink_of(face: SeenFace | None) -> float | None:
    """Mean of both eyes' eyeBlink weights; None where no face is seen."""
    return None if face is None else float(face.expression[_BLINKS].mean())


def jaw_of(face: SeenFace | None) -> float | None:
    """The jawOpen weight; None where no face is seen."""
    return None if face is None else float(face.expression[_JAW])
