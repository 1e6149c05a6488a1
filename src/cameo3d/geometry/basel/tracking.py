"""Following one person's expression and pose through a clip with the Basel face model, frame by frame."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FOCAL, PICTURE_SIZE
from cameo3d.geometry.basel.fitting import (
    CLIP,
    BaselFit,
    joined_basis,
    rotations_and_slopes,
    turn_row,
    upright,
)
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.compiled import compiled

_ROUNDS, _FIRST_ROUNDS = 3, 16
"""Steps of Gauss-Newton for a frame, and for the first one, half of them for the pose alone."""


class BaselTracker:
    """Fits expression and pose of one person frame by frame; each fit starts from the one before.

    It minimises what `fit_clip` does, but for the bend, which needs frames to come.

    Args:
        face: The face model.
        identity: The person's shape, for instance from `fit_clip` of a few frames.
        size: Side of the frames in pixels.
    """

    def __init__(self, face: Real3DFace, identity: Float[Tensor, "80"], size: int) -> None:
        none = torch.zeros(1, 64)
        self.identity, self._size = identity, size
        self._neutral = face.mesh.shape(identity[None], none)[0].double().numpy()
        self._basis = joined_basis(face.mesh.expression_basis)
        self._weights = CLIP.points(face) / (2 * 468)
        self._state = np.zeros(70)

    def __call__(self, landmarks: Float[np.ndarray, "points 3"]) -> BaselFit:
        """Fit the next frame.

        Args:
            landmarks: MediaPipe's 478 points, or their first 468, in pixels of the frame.
        """
        seen = upright(landmarks[None], self._size)[0]
        rounds = _ROUNDS if self._state.any() else _FIRST_ROUNDS
        for turn in range(rounds):
            pose_only = rounds == _FIRST_ROUNDS and turn < _FIRST_ROUNDS // 2
            self._step(seen, 6 if pose_only else 70)
        angles, translation, expression = np.split(self._state.astype(np.float32), (3, 6))
        return BaselFit(
            self.identity,
            torch.from_numpy(expression[None]),
            torch.from_numpy(angles[None]),
            torch.from_numpy(translation[None]),
        )

    def _step(self, seen: np.ndarray, unknowns: int) -> None:
        """One step of Gauss-Newton on the first unknowns: angles, translation, expression."""
        angles, translation, expression = np.split(self._state, (3, 6))
        shape = self._neutral + np.einsum("pki,i->pk", self._basis, expression)
        (rotation,), (slopes,) = rotations_and_slopes(angles[None])
        drawn = np.full(70, 1e-9)
        drawn[6:] = CLIP.expression / 64
        hessian, gradient = np.diag(drawn), -drawn * self._state
        _add_equations(
            shape,
            self._basis,
            rotation,
            slopes,
            translation,
            seen,
            self._weights,
            unknowns,
            hessian,
            gradient,
        )
        hessian, gradient = hessian[:unknowns, :unknowns], gradient[:unknowns]
        self._state[:unknowns] += np.linalg.solve(hessian + np.tril(hessian, -1).T, gradient)


@compiled
def _add_equations(shape, basis, rotation, slopes, translation, seen, weights, unknowns, hessian, gradient):
    """Add every point's part to the normal equations, of which the upper triangle stays as it is."""
    row = np.empty((70, 2))
    moved, move = np.empty(3), np.empty(3)
    for point in range(len(shape)):
        weight = weights[point]
        if weight == 0:
            continue
        turn_row(shape[point], rotation, moved)
        depth = CAMERA_DISTANCE - moved[2] - translation[2]
        flat_x, flat_y = (moved[0] + translation[0]) / depth, (moved[1] + translation[1]) / depth
        for i in range(unknowns):
            if i < 3:
                turn_row(shape[point], slopes[i], move)
            elif i < 6:
                move[:] = 0
                move[i - 3] = 1
            else:
                turn_row(basis[point, :, i - 6], rotation, move)
            row[i, 0] = FOCAL * (move[0] + flat_x * move[2]) / depth
            row[i, 1] = FOCAL * (move[1] + flat_y * move[2]) / depth
        apart_x = seen[point, 0] - FOCAL * flat_x - PICTURE_SIZE / 2
        apart_y = seen[point, 1] - FOCAL * flat_y - PICTURE_SIZE / 2
        for i in range(unknowns):
            across, up = weight * row[i, 0], weight * row[i, 1]
            gradient[i] += across * apart_x + up * apart_y
            for j in range(i + 1):
                hessian[i, j] += across * row[j, 0] + up * row[j, 1]
