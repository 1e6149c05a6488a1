"""Fitting the face model to landmarks: identity once a person, then pose, expression and gaze of every frame.

All is least squares on where the vertices fall in the crop camera's picture, solved by Gauss-Newton in numpy.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.cameras import CROP_DISTANCE, CROP_FOCAL
from cameo3d.geometry.crops import Crop, crop_from_pixels
from cameo3d.geometry.eyes import gaze_angles, lid_closures, lid_gaps
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
from cameo3d.geometry.rotations import angles_from_matrices

_PIXELS = 512.0
"""Residuals are counted in pixels of a crop of this side."""
_POINT_SIGMA = 6.0
"""How far, in pixels, a landmark may lie off. Much more than its noise, since neighbours err together."""
_GAP_SIGMA = 1.0
"""The same for the opening between two facing points of the lips or the lids."""
_DEPTH_SIGMA = 20.0
"""The same for MediaPipe's depth, which is rough, but tells a turned head from a lopsided one."""
_SCORE_SIGMA = 0.12
"""How far a weight may lie off the network's score where the points do not tell."""
_OVAL_WEIGHT, _EDGE_WEIGHT = 0.15, 3.0
"""Importance of the face's outline, which slides over the skin, and of lips and lids; other points have 1."""
_EYE_BLINKS = (0, 7)
"""eyeBlinkLeft and eyeBlinkRight in ARKit's order."""
_UPPER = (*INNER_LIP_UPPER[1:-1], *LEFT_LID_UPPER[1:-1], *RIGHT_LID_UPPER[1:-1])
_LOWER = (*INNER_LIP_LOWER[1:-1], *LEFT_LID_LOWER[1:-1], *RIGHT_LID_LOWER[1:-1])
_EDGES = (
    *(*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIP_UPPER, *OUTER_LIP_LOWER),
    *(*LEFT_LID_UPPER, *LEFT_LID_LOWER, *RIGHT_LID_UPPER, *RIGHT_LID_LOWER),
)


@dataclass(frozen=True)
class FaceFit:
    """The face model as it lies over one picture, seen by `crop_camera()` over the crop."""

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

    In turns, the pose and expression of every frame, then the shape that serves all frames; components are
    drawn to zero with the strength of a normal distribution.

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
    shapes = model.identity_basis.double().numpy()
    identity = np.zeros(len(shapes))
    states: list[_State | None] = [None] * len(landmarks)
    for _ in range(rounds):
        neutral = model.mean.double().numpy() + np.tensordot(identity, shapes, 1)
        solver = _Solver(neutral, model.expression_basis.double().numpy())
        hessian, gradient = np.eye(len(shapes)), np.zeros(len(shapes))
        for i, points in enumerate(landmarks):
            observed = _Observed(points, crop)
            state = solver.solve(observed, scores[i].astype(np.float64), states[i], 3)
            states[i] = state
            rows, residuals = solver.linearize(observed, state, shapes)
            residuals = residuals + identity @ rows
            hessian += rows @ rows.T / len(landmarks)
            gradient += rows @ residuals / len(landmarks)
        identity = np.linalg.solve(hessian, gradient)
    return torch.from_numpy(identity.astype(np.float32))


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
        self._solver = _Solver(neutral, model.expression_basis.double().numpy())
        self._open_gaps = lid_gaps(neutral) if open_gaps is None else open_gaps
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
        expression = state.expression.copy()
        expression[list(_EYE_BLINKS)] = lid_closures(self.lid_gaps(landmarks), self._open_gaps)
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
        self._neutral, self._basis = neutral, basis
        weights = np.ones(468)
        weights[list(OVAL)] = _OVAL_WEIGHT
        weights[list(_EDGES)] = _EDGE_WEIGHT
        self._point_scale = np.sqrt(weights) / _POINT_SIGMA
        self._depth_scale = np.sqrt(weights) / _DEPTH_SIGMA

    def solve(
        self, observed: _Observed, scores: np.ndarray, state: _State | None, iterations: int
    ) -> _State:
        """Improve a state, or find one."""
        state = state or self._first_state(observed, scores)
        count = 6 + len(scores)
        lower = np.concatenate((np.full(6, -np.inf), np.zeros(count - 6)))
        upper = np.concatenate((np.full(6, np.inf), np.ones(count - 6)))
        for _ in range(iterations):
            rows, residuals = self.linearize(observed, state, None)
            residuals = residuals + state.expression @ rows[6:]
            hessian, gradient = rows @ rows.T, rows @ residuals
            hessian[np.arange(6, count), np.arange(6, count)] += _SCORE_SIGMA**-2
            gradient[6:] += scores * _SCORE_SIGMA**-2
            start = np.concatenate((np.zeros(6), state.expression))
            step = _solve_bounded(hessian, gradient, lower, upper, start)
            state = _State(
                _small_rotation(step[:3]) @ state.rotation, state.translation + step[3:6], step[6:]
            )
        return state

    def posed(self, state: _State) -> np.ndarray:
        """Vertices in the camera's axes, metres."""
        shaped = self._neutral + np.tensordot(state.expression, self._basis, 1)
        return shaped @ state.rotation.T + state.translation

    def linearize(
        self, observed: _Observed, state: _State, shapes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows of derivatives and residuals, both over their sigmas.

        Derivatives are those by the shapes given, or else by a small rotation, a translation and the weights.
        """
        posed = self.posed(state)
        if shapes is None:
            arms = posed - state.translation
            zero, one = np.zeros(468), np.ones(468)
            x, y, z = arms.T
            turns = np.array([(zero, -z, y), (z, zero, -x), (-y, x, zero)]).transpose(0, 2, 1)
            shifts = np.array([(one, zero, zero), (zero, one, zero), (zero, zero, one)]).transpose(0, 2, 1)
            moves = np.concatenate((turns, shifts, self._basis @ state.rotation.T))
        else:
            moves = shapes @ state.rotation.T
        focal = CROP_FOCAL * _PIXELS
        image = posed[:, :2] / posed[:, 2:]
        by_image = (moves[..., :2] - moves[..., 2:] * image) * (focal / posed[:, 2:])
        away = observed.points - image * focal

        per_meter = focal / state.translation[2]
        by_depth = (moves[..., 2] - moves[..., 2].mean(-1, keepdims=True)) * per_meter
        away_depth = observed.depths - (posed[:, 2] - posed[:, 2].mean()) * per_meter

        upper, lower = list(_UPPER), list(_LOWER)
        rows = np.concatenate(
            (
                (by_image * self._point_scale[:, None]).reshape(len(moves), -1),
                by_depth * self._depth_scale,
                ((by_image[:, lower] - by_image[:, upper]) / _GAP_SIGMA).reshape(len(moves), -1),
            ),
            1,
        )
        residuals = np.concatenate(
            (
                (away * self._point_scale[:, None]).ravel(),
                away_depth * self._depth_scale,
                ((away[lower] - away[upper]) / _GAP_SIGMA).ravel(),
            )
        )
        return rows, residuals

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


def _solve_bounded(
    hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Minimise `x H x / 2 - g x` within bounds: Newton steps on the variables that are not stuck at one."""
    x = start.clip(lower, upper)
    for _ in range(12):
        slope = hessian @ x - gradient
        stuck = ((x <= lower) & (slope > 0)) | ((x >= upper) & (slope < 0))
        free = np.flatnonzero(~stuck)
        step = np.zeros_like(x)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], -slope[free])
        target = x + step
        clipped = target.clip(lower, upper)
        done = bool((np.abs(target - clipped) < 1e-9).all())
        x = clipped
        if done:
            break
    return x


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
