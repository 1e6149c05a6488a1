"""Which face model makes the conditions: the user's Basel model, or the one that the package ships."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.fitting import fit_clip, fit_photo
from cameo3d.geometry.basel.poses import deep3d_poses
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import FrameFitter, fit_identity
from cameo3d.models.real3d.conditioning import BaselSteering, ShippedSteering, SteeringFace
from cameo3d.perception.expression import expression_scores
from cameo3d.values import Crop
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED

FaceName = Literal["basel", "shipped"]
_STUDY_FRAMES = 24
"""Frames of a clip that tell the shape of the face."""

Fit = tuple[
    Float[Tensor, " components"],
    Float[Tensor, "frames coefficients"],
    Float[Tensor, "frames 3"],
    Float[Tensor, "frames 3"],
]
"""Identity, expressions, Deep3D's angles and translations."""


def load_basel() -> Real3DFace:
    """The user's Basel model.

    Raises:
        WeightsError: If it has not been imported; the message says how.
    """
    return Real3DFace.from_tensors(load_weights(RELEASED["real3d-face"].demand(), "real3d-face"))


def steering_face(name: FaceName, size: int) -> SteeringFace:
    """What draws PNCC pictures and key points.

    Raises:
        WeightsError: If it is the Basel model, and the user has not imported it.
    """
    model = load_face_model()
    return ShippedSteering(model, size) if name == "shipped" else BaselSteering(load_basel(), model, size)


def fit_frames(name: FaceName, landmarks: Float[np.ndarray, "frames 478 3"], size: int) -> Fit:
    """Lay a face model over the frames of a clip, with one identity.

    Args:
        name: Which model.
        landmarks: In pixels of the frames.
        size: Side of the frames in pixels.
    """
    if name == "basel":
        face = load_basel()
        fit = fit_photo(face, landmarks[0], size) if len(landmarks) == 1 else fit_clip(face, landmarks, size)
        return fit.identity, fit.expression, fit.angles, fit.translation
    model, crop = load_face_model(), Crop(size / 2, size / 2, float(size))
    scores = expression_scores(landmarks)
    chosen = np.linspace(0, len(landmarks) - 1, min(len(landmarks), _STUDY_FRAMES)).round().astype(int)
    identity = fit_identity(model, landmarks[chosen], crop, scores[chosen])
    fitter = FrameFitter(model, identity, crop)
    fits = [fitter(*frame) for frame in zip(landmarks, scores, strict=True)]
    rotation, translation, expression = (
        torch.stack([getattr(fit, field) for fit in fits]).float()
        for field in ("rotation", "translation", "expression")
    )
    return identity, expression, *deep3d_poses(rotation, translation)
