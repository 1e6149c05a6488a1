"""Fitting the face model to landmarks: identity once a person, then pose, expression and gaze of every frame.

All is least squares on where the vertices fall in the crop camera's picture, solved by Gauss-Newton.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.geometry.cameras import CROP_DISTANCE, CROP_FOCAL
from cameo3d.geometry.crops import Crop, crop_from_pixels
from cameo3d.geometry.eyes import Lids, gaze_angles, lid_closures, lid_gaps
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
from cameo3d.geometry.fitting_kernel import equations, solve_bounded
from cameo3d.geometry.rotations import angles_from_matrices

_PIXELS = 512.0
"""Residuals are counted in pixels of a crop of this side."""
_POINT_SIGMA = 6.0
"""How far, in pixels, a landmark may lie off. Much more than its noise, since neighbours err together."""
_GAP_SIGMA = 1.0
"""The same for the opening between two facing points of the lips or the lids."""
_DEPTH_SIGMA = 20.0
"""The same for MediaPipe's depth, which is rough, but tells a turned head from a lopsided one."""
_SCORE_SIGMA = 0.06
"""How far a weight may lie off the network's score where the points do not tell."""
_OVAL_WEIGHT, _EDGE_WEIGHT = 0.15, 3.0
"""Importance of the face's outline, which slides over the skin, and of lips and lids; other points have 1."""
_INDEPENDENT_FRAMES = 4
"""Frames of one person err alike; however many there are, they count as so many."""
_TURNED_DEGREES, _EVEN = (15.0, 40.0), 4.0
"""Turns to the side from which on a picture tells less, and nothing more, of how a face's halves differ, and
how much more firmly they are then believed to be alike."""
_FARTHEST = 1e6
"""Bounds of a step in pose that never hold it up; the compiled loops know no infinity."""
_FACING = np.array(
    (
        (*INNER_LIP_LOWER[1:-1], *LEFT_LID_LOWER[1:-1], *RIGHT_LID_LOWER[1:-1]),
        (*INNER_LIP_UPPER[1:-1], *LEFT_LID_UPPER[1:-1], *RIGHT_LID_UPPER[1:-1]),
    )
)
"""Points that face each other over an opening: below, above."""
_EDGES = (
    *(*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIP_UPPER, *OUTER_LIP_LOWER),
    *(*LEFT_LID_UPPER, *LEFT_LID_LOWER, *RIGHT_LID_UPPER, *RIGHT_LID_LOWER),
)


@dataclass(frozen=True)
class FaceFit:
    """The face model as it lies over one picture, seen by the camera of `crop_intrinsics()` over the crop."""

    identity: Float[Tensor, " components"]
    """Face shape in standard deviations of the face model."""
    expression: Float[Tensor, "52"]
    """ARKit weights in [0, 1]. The eyeBlinks say how far each lid has closed: 0 as wide as this person's eyes
    usually are, 1 closed."""
    rotation: Float[Tensor, "3"]
    """Head yaw, pitch and roll in radians."""
    translation: Float[Tensor, "3"]
    """Head origin in the camera's axes, in metres."""
    gaze: Float[Tensor, "2 2"]
    """Yaw and pitch in radians of the left, then the right eye against the head."""


def fit_portrait(
    model: FaceModel,
    landmarks: Float[np.ndarray, "478 3"],
    crop: Crop,
    scores: Float[np.ndarray, "52"],
) -> FaceFit:
    """Fit identity, expression, pose and gaze to one picture.

    Args:
        model: The face model.
        landmarks: Face mesh and irises in pixels of the picture.
        crop: The square of the picture that the camera looks at.
        scores: The expression network's ARKit scores, which decide where landmarks do not tell.
    """
    identity = fit_identity(model, landmarks[None], crop, scores[None])
    return FrameFitter(model, identity, crop)(landmarks, scores)


def fit_identity(
    model: FaceModel,
    landmarks: Float[np.ndarray, "frames 478 3"],
    crop: Crop,
    scores: Float[np.ndarray, "frames 52"],
    rounds: int = 4,
) -> Float[Tensor, " components"]:
    """Fit one person's face shape to one or more frames; the size of the head comes with it.

    In turns, the pose and expression of every frame, then the shape that serves all frames, in the knowledge
    that poses and expressions will follow it; components are drawn to zero as normally distributed ones are.

    Args:
        model: The face model.
        landmarks: Face meshes in pixels.
        crop: The square of the pictures that the camera looks at.
        scores: The expression network's scores of each frame.
        rounds: How often both turns are taken.

    Raises:
        ValueError: If there is no frame.
    """
    if len(landmarks) == 0:
        raise ValueError("Identity needs at least one frame.")
    mean, shapes = model.mean.double().numpy(), model.identity_basis.double().numpy()
    axes, identity = _by_axis(shapes), np.zeros(len(shapes))
    share = min(len(landmarks), _INDEPENDENT_FRAMES) / len(landmarks)
    states: list[_State | None] = [None] * len(landmarks)
    lopsided = _lopsided(model)
    for _ in range(rounds):
        neutral = mean + np.einsum("i,ijk->jk", identity, shapes)
        solver = _Solver(neutral, model.expression_basis.numpy())
        turned = np.mean([0.0 if state is None else _turn(state.rotation) for state in states])
        low, high = np.radians(_TURNED_DEGREES)
        hidden = min(1.0, max(0.0, (turned - low) / (high - low)))
        prior = np.where(lopsided, 1 + _EVEN * hidden, 1.0)
        hessian, gradient = np.diag(prior), -prior * identity
        for i, points in enumerate(landmarks):
            observed = _Observed(points, crop)
            state = solver.solve(observed, scores[i].astype(np.float64), states[i], 3)
            states[i] = state
            part, slope = solver.identity_equations(observed, state, axes)
            hessian += part * share
            gradient += slope * share
        identity = identity + np.linalg.solve(hessian, gradient)
    return torch.from_numpy(identity.astype(np.float32))


def _lopsided(model: FaceModel) -> np.ndarray:
    """Which components of identity tell the halves of a face apart."""
    shapes = model.identity_basis.numpy()
    mirrored = shapes[:, model.mirror.numpy()] * (-1, 1, 1)
    return np.abs(shapes - mirrored).sum((1, 2)) > np.abs(shapes + mirrored).sum((1, 2))


def _turn(rotation: np.ndarray) -> float:
    """Radians that a head is turned to the side."""
    return abs(float(np.arctan2(rotation[0, 2], rotation[2, 2])))


class FrameFitter:
    """Fits pose, expression and gaze of one person, frame by frame; each fit starts from the one before.

    Args:
        model: The face model.
        identity: The person's shape.
        crop: The square of the pictures that the camera looks at.
        open_gaps: How far the lids of the left and the right eye usually stand apart, in metres; by default
            as far as those of the fitted shape.
    """

    def __init__(
        self,
        model: FaceModel,
        identity: Float[Tensor, " components"],
        crop: Crop,
        open_gaps: Float[np.ndarray, "2"] | None = None,
    ) -> None:
        self.identity, self.crop = identity, crop
        neutral = model.vertices(identity, torch.zeros(52)).double().numpy()
        self._neutral = neutral
        self._solver = _Solver(neutral, model.expression_basis.numpy())
        self._lids = Lids(neutral, model.expression_basis.double().numpy())
        self._open_gaps = self._lids.neutral_gaps if open_gaps is None else open_gaps
        self._state: _State | None = None

    def __call__(self, landmarks: Float[np.ndarray, "478 3"], scores: Float[np.ndarray, "52"]) -> FaceFit:
        """Fit one frame.

        Args:
            landmarks: Face mesh and irises in pixels.
            scores: The expression network's scores.
        """
        observed = _Observed(landmarks, self.crop)
        first = self._state is None
        state = self._solver.solve(observed, scores.astype(np.float64), self._state, 8 if first else 2)
        self._state = state
        closures = lid_closures(self.lid_gaps(landmarks), self._open_gaps)
        expression = self._lids.settle(state.expression, closures)
        irises = _rays(crop_from_pixels(landmarks[[473, 468], :2].astype(np.float64), self.crop))
        gaze = gaze_angles(irises, self._neutral, state.rotation, state.translation)
        return FaceFit(
            self.identity,
            _tensor(expression),
            angles_from_matrices(torch.from_numpy(state.rotation)).float(),
            _tensor(state.translation),
            _tensor(gaze),
        )

    def lid_gaps(self, landmarks: Float[np.ndarray, "478 3"]) -> Float[np.ndarray, "2"]:
        """How far the lids of the left and the right eye stand apart in the frame fitted last, metres."""
        assert self._state is not None, "a frame is fitted first"
        posed = self._solver.posed(self._state)
        seen = _rays(crop_from_pixels(landmarks[:468, :2].astype(np.float64), self.crop)) * posed[:, 2:]
        return lid_gaps((seen - self._state.translation) @ self._state.rotation)


@dataclass
class _State:
    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


class _Observed:
    """Landmarks in the units of the residuals."""

    def __init__(self, landmarks: np.ndarray, crop: Crop) -> None:
        points = crop_from_pixels(landmarks[:468, :2].astype(np.float64), crop)
        depths = landmarks[:468, 2].astype(np.float64) / crop.side
        self.points = (points - 0.5) * _PIXELS
        self.depths = (depths - depths.mean()) * _PIXELS


class _Solver:
    """Gauss-Newton over pose and bounded expression weights for one neutral face."""

    def __init__(self, neutral: np.ndarray, basis: np.ndarray) -> None:
        self._neutral, self._basis = neutral, _by_axis(basis)
        weights = np.ones(468)
        weights[list(OVAL)] = _OVAL_WEIGHT
        weights[list(_EDGES)] = _EDGE_WEIGHT
        self._scales = np.sqrt(weights) / np.array(((_POINT_SIGMA,), (_DEPTH_SIGMA,)))
        poses = np.full(6, _FARTHEST)
        self._lower = np.concatenate((-poses, np.zeros(len(basis))))
        self._upper = np.concatenate((poses, np.ones(len(basis))))

    def solve(self, observed: _Observed, scores: np.ndarray, state: _State | None, iterations: int) -> _State:
        """Improve a state, or find one."""
        state = state or self._first_state(observed, scores)
        for _ in range(iterations):
            hessian, gradient = self._equations(observed, state, self._basis)
            # The weights are solved for themselves, not for their change.
            gradient += hessian[:, 6:] @ state.expression
            weights = np.arange(6, len(hessian))
            hessian[weights, weights] += _SCORE_SIGMA**-2
            gradient[6:] += scores * _SCORE_SIGMA**-2
            start = np.concatenate((np.zeros(6), state.expression))
            step = solve_bounded(hessian, gradient, self._lower, self._upper, start)
            state = _State(
                _small_rotation(step[:3]) @ state.rotation, state.translation + step[3:6], step[6:]
            )
        return state

    def identity_equations(
        self, observed: _Observed, state: _State, shapes: Float[np.ndarray, "components 3 468"]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Normal equations for the shape alone, when pose and free weights follow it (Schur complement)."""
        hessian, gradient = self._equations(observed, state, np.concatenate((self._basis, shapes)))
        count = 6 + len(self._basis)
        weights = np.arange(6, count)
        hessian[weights, weights] += _SCORE_SIGMA**-2
        within = (state.expression > 0) & (state.expression < 1)
        free = np.concatenate((np.arange(6), 6 + np.flatnonzero(within)))
        follow = np.linalg.solve(hessian[np.ix_(free, free)], hessian[free, count:])
        # At a solved state the gradient by what is free is zero.
        return hessian[count:, count:] - hessian[count:, free] @ follow, gradient[count:]

    def posed(self, state: _State) -> np.ndarray:
        """Vertices in the camera's axes, metres."""
        moved = np.einsum("ijk,i->kj", self._basis, state.expression.astype(np.float32))
        return (self._neutral + moved) @ state.rotation.T + state.translation

    def _equations(
        self, observed: _Observed, state: _State, basis: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return equations(
            basis,
            self.posed(state),
            state.rotation,
            state.translation,
            observed.points,
            observed.depths,
            CROP_FOCAL * _PIXELS,
            self._scales,
            _FACING,
            1 / _GAP_SIGMA,
        )

    def _first_state(self, observed: _Observed, scores: np.ndarray) -> _State:
        """The similarity that best lays the neutral face onto the landmarks with their rough depth."""
        points = np.column_stack((observed.points, observed.depths))
        center, model_center = points.mean(0), self._neutral.mean(0)
        u, sizes, vt = np.linalg.svd((self._neutral - model_center).T @ (points - center))
        flip = np.array((1, 1, np.sign(np.linalg.det(u @ vt))))
        rotation = (vt.T * flip) @ u.T
        scale = (sizes * flip).sum() / ((self._neutral - model_center) ** 2).sum()
        distance = CROP_FOCAL * _PIXELS / scale
        if not 0.05 < distance < 50:
            distance = CROP_DISTANCE
        translation = np.array((center[0], center[1], 0)) / (CROP_FOCAL * _PIXELS) * distance
        translation[2] = distance
        return _State(rotation, translation - rotation @ model_center, scores.clip(0, 1))


def _by_axis(basis: np.ndarray) -> Float32[np.ndarray, "shapes 3 468"]:
    return np.ascontiguousarray(basis.transpose(0, 2, 1), np.float32)


def _small_rotation(vector: np.ndarray) -> np.ndarray:
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _rays(positions: np.ndarray) -> np.ndarray:
    """Directions at depth 1 of positions in the crop."""
    return np.concatenate(((positions - 0.5) / CROP_FOCAL, np.ones((len(positions), 1))), 1)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
