"""From ARKit's expressions to those of the Basel face model, by what both do to the same points of a face."""

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.basel.blendshapes import DECIMETRES
from cameo3d.geometry.face_model import load_face_model

_MESH_POINTS = (
    *(70, 63, 105, 66, 107),
    *(336, 296, 334, 293, 300),
    *(168, 197, 5, 4),
    *(75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144),
    *(362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)
"""Vertices of the shipped face model at the last 51 of the 68 landmarks: brows, nose, eyes, lips."""
_NOISE = 0.02
"""How well the two models' points correspond, decimetres; coefficients are of order 1."""


def basel_from_arkit(face: BaselFace) -> Float[Tensor, "52 64"]:
    """What each of ARKit's shapes at weight 1 is in coefficients of expression.

    For every shape, the coefficients that move the landmarks most nearly as the shipped face model moves its
    own, and are not larger than need be (least squares with a prior of unit deviation). `ExpressionMap` knows
    better where the user also has Real3D-Portrait's table of the mesh's vertices.
    """
    ours = load_face_model().expression_basis[:, list(_MESH_POINTS)] * torch.tensor(DECIMETRES)
    basis = face.expression_basis[:, face.landmarks[17:]].flatten(1).double()
    normal = basis @ basis.mT + _NOISE**2 * torch.eye(len(basis), dtype=basis.dtype, device=basis.device)
    return torch.linalg.solve(normal, basis @ ours.flatten(1).to(basis).mT).mT.float()
