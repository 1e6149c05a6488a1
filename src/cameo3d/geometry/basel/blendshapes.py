"""From expressions of the Basel face model to ARKit's weights and back, by how both move the same landmarks.

The Basel model is the user's, so the maps are fitted when it is loaded; nothing of it is shipped.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
    OVAL,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)

DECIMETRES = (10.0, -10.0, -10.0)
"""What turns our face model's axes and metres into the Basel model's."""
_IMPORTANT = (
    *(*INNER_LIP_LOWER, *INNER_LIP_UPPER, *OUTER_LIP_LOWER, *OUTER_LIP_UPPER),
    *(*LEFT_LID_LOWER, *LEFT_LID_UPPER, *RIGHT_LID_LOWER, *RIGHT_LID_UPPER),
)
_EDGE_WEIGHT, _OVAL_WEIGHT = 5.0, 0.1
"""Importance of lips and lids, and of the face's outline, where the two models mean different points."""
_EFFORT = 3e-6
"""What a full weight, or a coefficient of one, costs: as much as 0.17 mm at all landmarks."""
_SWEEPS = 300
"""Of the descent over the weights."""


class ExpressionMap:
    """Between coefficients of the Basel model and ARKit's weights, both from a neutral face.

    Args:
        basel: The user's Basel model.
        ours: The shipped model, whose expressions are ARKit's.
    """

    def __init__(self, basel: Real3DFace, ours: FaceModel) -> None:
        importance = torch.ones(468)
        importance[list(OVAL)] = _OVAL_WEIGHT
        importance[list(_IMPORTANT)] = _EDGE_WEIGHT
        importance[basel.mesh_vertices < 0] = 0
        importance = (importance / importance.sum()).sqrt()[:, None]
        theirs = (basel.mesh.expression_basis * importance).flatten(1).double()
        shapes = (ours.expression_basis * torch.tensor(DECIMETRES) * importance).flatten(1).double()
        self._shapes = shapes @ shapes.T + _EFFORT * torch.eye(52, dtype=torch.float64)
        self._across = theirs @ shapes.T
        own = theirs @ theirs.T + _EFFORT * torch.eye(64, dtype=torch.float64)
        self._to_basel = torch.linalg.solve(own, self._across).T.float()

    def to_arkit(self, coefficients: Float[Tensor, "frames 64"]) -> Float[Tensor, "frames 52"]:
        """The weights in [0, 1] that move the landmarks most like the coefficients."""
        weights = np.zeros((len(coefficients), 52))
        _descend(self._shapes.numpy(), (coefficients.double() @ self._across).numpy(), weights)
        return torch.from_numpy(weights.astype(np.float32))

    def to_basel(self, weights: Float[Tensor, "frames 52"]) -> Float[Tensor, "frames 64"]:
        """The coefficients that move the landmarks most like ARKit's weights; linear."""
        return weights @ self._to_basel


@compiled
def _descend(products, targets, weights):
    """Least squares within [0, 1]: one weight after the other at its best, again and again (Lawson, 1974)."""
    for frame in range(len(targets)):
        for _ in range(_SWEEPS):
            for i in range(len(products)):
                slope = targets[frame, i]
                for j in range(len(products)):
                    slope -= products[i, j] * weights[frame, j]
                best = weights[frame, i] + slope / products[i, i]
                weights[frame, i] = min(max(best, 0.0), 1.0)
