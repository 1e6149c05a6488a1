import numpy as np
import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel_fitting import fit_clip, fit_photo
from cameo3d.geometry.basel_tracking import BaselTracker
from cameo3d.geometry.bfm import move_to_camera
from cameo3d.geometry.real3d_face import picture_points

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
