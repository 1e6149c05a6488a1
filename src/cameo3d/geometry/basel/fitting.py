"""Fitting the Basel face model to MediaPipe's landmarks, as Real3D-Portrait does it.

All pictures are square; distances are counted in pixels of Deep3D's picture of 224.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.bfm import (
    CAMERA_DISTANCE,
    FOCAL,
    PICTURE_SIZE,
    deep3d_rotation,
)
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_topology import EYES, LIPS, UPPER_LIDS

_STEPS = 200
"""Of the optimiser, for the pose alone, and again for everything."""
_RATE = 0.1
"""Of the optimiser."""


@dataclass(frozen=True)
class Importance:
    """What counts how much in a fit."""

    eyes: float
    upper_lids: float
    lips: float
    identity: float
    """Of the mean square of the coefficients of identity."""
    expression: float
    """Of the mean square of the coefficients of expression."""
    bend: float
    """Of the mean square of how far each frame lies off the middle between its neighbours."""

    def points(self, face: Real3DFace) -> Float[np.ndarray, "468"]:
        """Of each of MediaPipe's points."""
        weights = np.ones(468)
        weights[EYES] = self.eyes
        weights[UPPER_LIDS] = self.upper_lids
        weights[LIPS] = self.lips
        weights[face.mesh_vertices.numpy() < 0] = 0
        return weights


PHOTO = Importance(eyes=5.0, upper_lids=5.0, lips=2.0, identity=0.3, expression=0.05, bend=0.0)
CLIP = Importance(eyes=3.0, upper_lids=20.0, lips=5.0, identity=0.2, expression=0.6, bend=1.0)
_POSE_BEND = 0.3
"""Of the bend of angles and translations, against that of expressions."""


@dataclass(frozen=True)
class BaselFit:
    """The face model as it lies over one or more pictures of one person."""

    identity: Float[Tensor, "80"]
    expression: Float[Tensor, "frames 64"]
    angles: Float[Tensor, "frames 3"]
    """Radians about x, y and z; see `cameo3d.geometry.basel.bfm`."""
    translation: Float[Tensor, "frames 3"]
    """Decimetres."""


def fit_photo(face: Real3DFace, landmarks: Float[np.ndarray, "points 3"], size: int) -> BaselFit:
    """Fit one picture, exactly as the official release.

    Args:
        face: The face model.
        landmarks: MediaPipe's 478 points, or their first 468, in pixels of the picture.
        size: Side of the picture in pixels.
    """
    return _fit(face, landmarks[None], size, PHOTO)


def fit_clip(
    face: Real3DFace,
    landmarks: Float[np.ndarray, "frames points 3"],
    size: int,
    starts: Sequence[int] = (0,),
) -> BaselFit:
    """Fit all frames of a clip at once with one identity, by the objective of the official release.

    Time and memory grow with the clip; for a long one, take the identity from a few frames of it and the rest
    from a `basel_tracking.BaselTracker`.

    Args:
        face: The face model.
        landmarks: MediaPipe's 478 points, or their first 468, in pixels of the frames.
        size: Side of the frames in pixels.
        starts: Frames that do not go on from the one before, such as the first of each shot; 0 is one.
    """
    return _fit(face, landmarks, size, CLIP, starts)


def _fit(
    face: Real3DFace,
    landmarks: np.ndarray,
    size: int,
    importance: Importance,
    starts: Sequence[int] = (0,),
) -> BaselFit:
    count = len(landmarks)
    runs = [slice(*ends) for ends in pairwise((*starts, count))]
    seen, weights = upright(landmarks, size), importance.points(face) / (count * 2 * 468)
    mean = face.mesh.mean.double().numpy()
    basis = joined_basis(face.mesh.identity_basis, face.mesh.expression_basis)
    pose, identity, expression = np.zeros((count, 6)), np.zeros(80), np.zeros((count, 64))
    steppers = [_Adam(x) for x in (pose, identity, expression)]
    for step in range(2 * _STEPS):
        pose_slope = np.zeros_like(pose)
        identity_slope = 2 * importance.identity / identity.size * identity
        expression_slope = 2 * importance.expression / expression.size * expression
        if count > 1:
            expression_slope += importance.bend * _bend_slope(expression, runs)
            # Twice, since angles and translations are averaged apart.
            pose_slope += 2 * importance.bend * _POSE_BEND * _bend_slope(pose, runs)
        rotations, slopes = rotations_and_slopes(pose[:, :3])
        for frame in range(count):
            shape_slope = np.zeros(144)
            _add_slopes(
                mean,
                basis,
                np.concatenate((identity, expression[frame])),
                rotations[frame],
                slopes[frame],
                pose[frame, 3:],
                seen[frame],
                weights,
                pose_slope[frame],
                shape_slope,
            )
            identity_slope += shape_slope[:80]
            expression_slope[frame] += shape_slope[80:]
        moved = (pose_slope, identity_slope, expression_slope)[: 3 if step >= _STEPS else 1]
        for stepper, slope in zip(steppers, moved, strict=False):
            stepper.step(slope)
    return BaselFit(
        *(torch.from_numpy(x.astype(np.float32)) for x in (identity, expression, *np.split(pose, 2, 1)))
    )


class _Adam:
    """The optimiser of Kingma and Ba, 2015, with its usual settings, on one array in place."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self._count = values, 0
        self._mean, self._square = np.zeros_like(values), np.zeros_like(values)

    def step(self, slope: np.ndarray) -> None:
        self._count += 1
        self._mean += 0.1 * (slope - self._mean)
        self._square += 0.001 * (slope**2 - self._square)
        mean, square = self._mean / (1 - 0.9**self._count), self._square / (1 - 0.999**self._count)
        self._values -= _RATE * mean / (np.sqrt(square) + 1e-8)


def _bend_slope(x: np.ndarray, runs: Sequence[slice]) -> np.ndarray:
    """Slope of the mean square of how far each frame lies off the middle between its neighbours.

    The ends of each run are their own neighbours.
    """
    slopes = np.zeros_like(x)
    for run in runs:
        part, slope = x[run], slopes[run]
        extended = np.concatenate((part[:1], part, part[-1:]))
        off = part - (extended[:-2] + extended[2:]) / 2
        slope += off
        slope[:-1] -= off[1:] / 2
        slope[1:] -= off[:-1] / 2
        slope[0] -= off[0] / 2
        slope[-1] -= off[-1] / 2
    return 2 * slopes / x.size


@compiled
def turn_row(row, rotation, turned):
    """Write a row times a matrix of 3x3 into `turned`."""
    for k in range(3):
        turned[k] = row[0] * rotation[0, k] + row[1] * rotation[1, k] + row[2] * rotation[2, k]


@compiled
def _add_slopes(
    mean, basis, coefficients, rotation, slopes, translation, seen, weights, pose_slope, shape_slope
):
    """Add one frame's slope of the weighted squares; a matrix product would be slower.

    A library shares so small a product among threads that wait for each other, on a busy machine a hundred
    times longer than it takes.
    """
    point, moved, pull, back = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for p in range(len(mean)):
        if weights[p] == 0:
            continue
        for k in range(3):
            total = mean[p, k]
            for i in range(len(coefficients)):
                total += basis[p, k, i] * coefficients[i]
            point[k] = total
        turn_row(point, rotation, moved)
        depth = CAMERA_DISTANCE - moved[2] - translation[2]
        flat_x, flat_y = (moved[0] + translation[0]) / depth, (moved[1] + translation[1]) / depth
        scale = 2 * weights[p] * FOCAL / depth
        pull[0] = scale * (FOCAL * flat_x + PICTURE_SIZE / 2 - seen[p, 0])
        pull[1] = scale * (FOCAL * flat_y + PICTURE_SIZE / 2 - seen[p, 1])
        pull[2] = pull[0] * flat_x + pull[1] * flat_y
        for a in range(3):
            turn_row(point, slopes[a], moved)
            pose_slope[a] += moved[0] * pull[0] + moved[1] * pull[1] + moved[2] * pull[2]
            pose_slope[a + 3] += pull[a]
        turn_row(pull, rotation.T, back)
        for k in range(3):
            for i in range(len(coefficients)):
                shape_slope[i] += basis[p, k, i] * back[k]


def joined_basis(*parts: Tensor) -> np.ndarray:
    """Bases of all components, the last axis, of each point and axis."""
    return np.ascontiguousarray(torch.cat(parts).permute(1, 2, 0).double().numpy())


def rotations_and_slopes(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deep3D's rotations, and how each changes with each of its three angles."""
    quarter = np.eye(3) * (np.pi / 2)
    turns = angles[:, None] + np.concatenate((np.zeros((1, 3)), quarter, -quarter))
    matrices = deep3d_rotation(torch.from_numpy(turns.reshape(-1, 3))).numpy().reshape(-1, 7, 3, 3)
    # Exact: every entry is a constant plus a sine wave of each angle.
    return matrices[:, 0], (matrices[:, 1:4] - matrices[:, 4:]) / 2


def upright(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Landmarks in Deep3D's picture, y growing upwards."""
    points = landmarks[:, :468, :2].astype(np.float64)
    return np.stack((points[..., 0], size - points[..., 1]), axis=-1) * (PICTURE_SIZE / size)
