import numpy as np
import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel import fitting as basel_fitting
from cameo3d.geometry.basel.bfm import move_to_camera, project
from cameo3d.geometry.basel.fitting import _bend_slope, fit_clip, fit_photo
from cameo3d.geometry.basel.real3d_face import picture_points
from cameo3d.geometry.basel.tracking import BaselTracker
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)

SIZE = 512
FRAMES = 6


def landmarks_of(identity, expression, angles, translation) -> np.ndarray:
    shape = basel_face().mesh.shape(identity.expand(len(expression), 80), expression)
    points = picture_points(move_to_camera(shape, angles, translation)) * SIZE
    return np.concatenate((points.numpy(), np.zeros((*points.shape[:2], 1), np.float32)), axis=2)


@pytest.fixture(scope="module")
def person():
    """One person's identity, and frames of expressions, angles and translations."""
    random = torch.Generator().manual_seed(5)
    time = torch.linspace(0, 1, FRAMES)[:, None]
    expression = torch.sin(3 * time * torch.rand(1, 64, generator=random))
    angles = torch.cat((0.2 * torch.sin(2 * time), 0.3 * torch.cos(2 * time), 0.1 * time), dim=1)
    translation = torch.cat((0.1 * time, -0.1 * time, 0.3 * time), dim=1)
    return torch.randn(80, generator=random), expression, angles, translation


def test_a_photo_is_fitted_to_its_landmarks(person):
    identity, expression, angles, translation = (x if x.ndim == 1 else x[:1] for x in person)
    seen = landmarks_of(identity, expression, angles, translation)
    fit = fit_photo(basel_face(), seen[0], SIZE)
    again = landmarks_of(fit.identity, fit.expression, fit.angles, fit.translation)
    matched = basel_face().mesh_vertices >= 0
    assert np.abs(again - seen)[:, matched].max() < 3  # pixels of 512
    torch.testing.assert_close(fit.angles, angles, atol=0.1, rtol=0)


def test_a_tracker_agrees_with_the_fit_of_the_whole_clip(person):
    seen = landmarks_of(*person)
    clip = fit_clip(basel_face(), seen, SIZE)
    track = BaselTracker(basel_face(), clip.identity, SIZE)
    frames = [track(landmarks) for landmarks in seen]
    torch.testing.assert_close(torch.cat([f.angles for f in frames]), clip.angles, atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cat([f.translation for f in frames]), clip.translation, atol=0.1, rtol=0)
    matched = basel_face().mesh_vertices >= 0
    for index, fit in enumerate(frames):
        again = landmarks_of(clip.identity, fit.expression, fit.angles, fit.translation)
        assert np.abs(again[0] - seen[index])[matched].max() < 4


def test_a_tracker_finds_the_very_pose_of_a_known_person(person):
    identity, expression, angles, translation = person
    still = torch.zeros_like(expression)
    seen = landmarks_of(identity, still, angles, translation)
    track = BaselTracker(basel_face(), identity, SIZE)
    for index, landmarks in enumerate(seen):
        fit = track(landmarks)
        torch.testing.assert_close(fit.angles[0], angles[index], atol=1e-4, rtol=0)
        torch.testing.assert_close(fit.translation[0], translation[index], atol=1e-3, rtol=0)
        assert fit.expression.abs().max() < 1e-3


def test_the_picture_size_does_not_matter(person):
    identity, expression, angles, translation = (x if x.ndim == 1 else x[:1] for x in person)
    seen = landmarks_of(identity, expression, angles, translation)[0]
    small = BaselTracker(basel_face(), identity, SIZE)(seen)
    large = BaselTracker(basel_face(), identity, 2 * SIZE)(2 * seen)
    torch.testing.assert_close(small.expression, large.expression, atol=1e-4, rtol=0)


def misfit(weights, identity, expression, angles, translation, seen) -> torch.Tensor:
    """The slow, clear twin of the compiled sums: weighted mean of squared distances in a picture of 224."""
    shape = basel_face().mesh.shape(identity.expand(len(expression), 80), expression)
    return (weights * (project(move_to_camera(shape, angles, translation)) - seen).square()).mean()


def bend(x) -> torch.Tensor:
    before, after = torch.cat((x[:1], x[:-1])), torch.cat((x[1:], x[-1:]))
    return (x - (before + after) / 2).square().mean()


def test_the_fit_of_a_clip_takes_the_steps_of_a_plain_optimiser(person, monkeypatch):
    monkeypatch.setattr(basel_fitting, "_STEPS", 4)
    landmarks = landmarks_of(*person)
    seen, weights = upright_points(landmarks), point_weights()
    identity, expression, angles, translation = (
        torch.zeros(shape, requires_grad=True) for shape in ((1, 80), (FRAMES, 64), (FRAMES, 3), (FRAMES, 3))
    )
    adam = torch.optim.Adam((angles, translation, identity, expression), lr=0.1)
    for step in range(8):
        shapes = (identity, expression) if step >= 4 else (identity.detach(), expression.detach())
        loss = misfit(weights, shapes[0], shapes[1], angles, translation, seen)
        loss = loss + 0.2 * shapes[0].square().mean() + 0.6 * shapes[1].square().mean()
        loss = loss + bend(shapes[1]) + 0.3 * bend(angles) + 0.3 * bend(translation)
        adam.zero_grad()
        loss.backward()
        adam.step()
    fit = fit_clip(basel_face(), landmarks, SIZE)
    torch.testing.assert_close(fit.identity, identity[0].detach(), atol=2e-4, rtol=0)
    torch.testing.assert_close(fit.expression, expression.detach(), atol=2e-4, rtol=0)
    torch.testing.assert_close(fit.angles, angles.detach(), atol=2e-4, rtol=0)
    torch.testing.assert_close(fit.translation, translation.detach(), atol=2e-4, rtol=0)


def test_nothing_pulls_at_what_a_tracker_found(person):
    landmarks = landmarks_of(*person)[:1]
    track = BaselTracker(basel_face(), person[0], SIZE)
    fit = [track(landmarks[0]) for _ in range(4)][-1]

    def slopes(expression, angles, translation) -> tuple[torch.Tensor, ...]:
        free = tuple(x.clone().requires_grad_() for x in (expression, angles, translation))
        loss = misfit(point_weights(), fit.identity, free[0], free[1], free[2], upright_points(landmarks))
        return torch.autograd.grad(loss + 0.6 * free[0].square().mean(), free)

    found = slopes(fit.expression, fit.angles, fit.translation)
    unfitted = slopes(torch.zeros(1, 64), torch.zeros(1, 3), torch.zeros(1, 3))
    for here, there in zip(found, unfitted, strict=True):
        assert here.norm() < 1e-3 * there.norm()


def upright_points(landmarks) -> torch.Tensor:
    points = torch.from_numpy(landmarks[..., :2])
    return torch.stack((points[..., 0], SIZE - points[..., 1]), dim=-1) * (224 / SIZE)


def point_weights() -> torch.Tensor:
    """Of a clip: eyes 3, upper lids 20, lips 5, points without a match 0."""
    weights = torch.ones(468)
    weights[[*RIGHT_LID_UPPER, *RIGHT_LID_LOWER, *LEFT_LID_UPPER, *LEFT_LID_LOWER]] = 3
    weights[[161, 160, 159, 158, 157, 388, 387, 386, 385, 384]] = 20
    weights[[*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIP_UPPER, *OUTER_LIP_LOWER]] = 5
    weights[basel_face().mesh_vertices < 0] = 0
    return weights[:, None]


def test_shots_are_smooth_each_for_itself():
    random = np.random.default_rng(2)
    x = random.standard_normal((5, 4))
    apart = _bend_slope(x, [slice(0, 2), slice(2, 5)])
    for run in (slice(0, 2), slice(2, 5)):
        np.testing.assert_allclose(apart[run], _bend_slope(x[run], [slice(None)]) * x[run].size / x.size)
    whole, step = _bend_slope(x, [slice(0, 5)]), 1e-6

    def bend(y):
        extended = np.concatenate((y[:1], y, y[-1:]))
        return np.mean((y - (extended[:-2] + extended[2:]) / 2) ** 2)

    moved = x.copy()
    moved[1, 2] += step
    np.testing.assert_allclose(whole[1, 2], (bend(moved) - bend(x)) / step, rtol=1e-4)
