from dataclasses import replace

import numpy as np
import pytest
import torch
from made_person import made_person
from synthetic_basel import basel_face

from cameo3d.geometry.basel.fitting import fit_clip
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, OUTER_LIP_LOWER
from cameo3d.media.images import read_image
from cameo3d.models.avatar import Avatar
from cameo3d.models.relief import RELIEF
from cameo3d.pipeline.motion import TrackedVideo
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.reading import BaselReader, ExpressionReader, _in_crop, with_read_expressions
from cameo3d.pipeline.shots import Shots
from cameo3d.values import Crop
from cameo3d.values.motion import still_motion


class Brightness:
    """Reads the mean of each picture."""

    picture_size = 20

    def read_expression(self, picture):
        assert picture.shape == (20, 20, 3)
        return torch.full((64,), float(picture.mean()))

    def read_rotation(self, avatar, picture):
        assert picture.shape == (224, 224, 3)
        return torch.full((3,), float(picture.mean()) / 100)


def tracked(count: int) -> TrackedVideo:
    motion = still_motion(count)
    motion.translation[1, 0] = 0.05
    shots, seen = Shots((0,), (Crop(50.0, 40.0, 30.0),)), torch.ones(len(motion), 4)
    return TrackedVideo(motion, shots, torch.zeros(10), (100, 80), 0, seen)


def test_each_frame_is_read_in_a_square_that_follows_the_face():
    frames = np.zeros((3, 80, 100, 3), np.uint8)
    frames[:, 25:55, 35:65] = 100
    # In the second frame the head is 0.05 m to the right, 4.2647 * 0.05 * 30 = 6.4 pixels.
    frames[1] = np.roll(frames[1], 6, axis=1)
    read = with_read_expressions(tracked(3), iter(frames), Brightness(), Avatar(made_person()))
    assert read.basel is not None
    assert read.basel.shape == (3, 64)
    assert (read.basel > 95).all()


def test_a_missing_last_frame_keeps_the_expression_before():
    frames = np.full((2, 80, 100, 3), 50, np.uint8)
    frames[1] = 90
    read = with_read_expressions(tracked(4), iter(frames), Brightness(), Avatar(made_person()))
    torch.testing.assert_close(read.rotation[:, 0], torch.tensor([0.5, 0.9, 0.9, 0.9]))
    assert read.basel is not None
    torch.testing.assert_close(read.basel[:, 0], torch.tensor([50.0, 90, 90, 90]))


def test_the_relief_reads_nothing():
    assert isinstance(Brightness(), ExpressionReader)
    assert not isinstance(RELIEF, ExpressionReader)


def read_with(sightings, portrait, study_frames, joint_frames=0):
    """Let a reader see landmarks, or None."""
    reader = BaselReader(basel_face(), study_frames, joint_frames)
    for landmarks in sightings:
        reader.see(landmarks, portrait.person.crop)
    return reader.on(still_motion(len(sightings) + 1))


@pytest.fixture(scope="module")
def portrait(astronaut_path):
    return make_portrait(read_image(astronaut_path))


@pytest.mark.parametrize(("study_frames", "joint_frames"), [(10, 0), (2, 0), (5, 0), (2, 3), (2, 100)])
def test_a_drivers_landmarks_give_the_basel_models_expressions(portrait, study_frames, joint_frames):
    shut = portrait.landmarks.numpy()
    agape = shut.copy()
    agape[sorted({*INNER_LIP_LOWER[1:-1], *OUTER_LIP_LOWER[1:-1]}), 1] += 0.05 * portrait.person.crop.side
    read = read_with([None, shut, None, agape, shut], portrait, study_frames, joint_frames)
    assert read.basel is not None
    assert read.basel.shape == (6, 64)
    # Before the face is first seen its first expression is held, and where it is lost the one before.
    assert torch.equal(read.basel[0], read.basel[1])
    assert torch.equal(read.basel[1], read.basel[2])
    assert torch.equal(read.basel[4], read.basel[5])
    points = basel_face().mesh.shape(torch.zeros(6, 80), read.basel)
    gaps = (points[:, 13] - points[:, 14]).norm(dim=1)  # between the middles of the inner lips, decimetres
    assert gaps[3] > gaps[1] + 0.05
    assert gaps[4] < gaps[3] - 0.05


@pytest.mark.parametrize("joint_frames", [0, 10])
def test_a_driver_who_is_never_seen_changes_nothing(portrait, joint_frames):
    assert read_with([None, None], portrait, 2, joint_frames).basel is None


def test_a_clip_is_fitted_as_a_whole_each_shot_smoothly_for_itself(portrait):
    crop, noise = portrait.person.crop, np.random.default_rng(3)
    shown = [portrait.landmarks.numpy() + noise.normal(0, 1.0, (478, 3)).astype(np.float32) for _ in range(6)]
    reader = BaselReader(basel_face(), 2)
    other = replace(crop, center_x=crop.center_x + 3)
    for landmarks, square in zip((*shown[:3], None, *shown[3:]), (*[crop] * 3, *[other] * 4), strict=True):
        reader.see(landmarks, square)
    read = reader.on(still_motion(7))
    points = np.stack(
        [_in_crop(x, square) for x, square in zip(shown, (*[crop] * 3, *[other] * 3), strict=True)]
    )
    expected = fit_clip(basel_face(), points, 512, starts=(0, 3))
    assert reader.fit is not None
    assert read.basel is not None
    torch.testing.assert_close(reader.fit.angles, expected.angles)
    torch.testing.assert_close(read.basel, expected.expression[[0, 1, 2, 2, 3, 4, 5]])
    torch.testing.assert_close(reader.identity, expected.identity)
