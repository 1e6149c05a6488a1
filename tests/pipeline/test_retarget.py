import math
from dataclasses import replace

import pytest
import torch
from made_person import made_person

from cameo3d.geometry.basel.poses import deep3d_poses
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.real3d.avatar import Real3D
from cameo3d.models.relief import RELIEF
from cameo3d.pipeline.animate import create
from cameo3d.pipeline.retarget import (
    absolute_motion,
    motion_from_first,
    neutral_frame,
    relative_motion,
    voiced_motion,
    with_pose,
)
from cameo3d.pipeline.transfer import Transfer, is_free
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion import still_motion

DEGREE = math.pi / 180
BLINK, JAW, SMILE = (BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "jawOpen", "mouthSmileLeft"))


PHOTO = made_person(
    rotation=torch.tensor([0.2, -0.1, 0.05]),
    translation=torch.tensor([0.01, -0.02, 1.1]),
    gaze=torch.tensor([[0.1, 0.05], [0.12, 0.05]]),
)


def moving(frame_count=40, size=0.2):
    """A driver who starts neutral, but not in the middle, and turns, talks and blinks."""
    time = torch.linspace(0, 1, frame_count)
    motion = still_motion(frame_count)
    expression = motion.expression.clone()
    expression[:, JAW] = 0.1 + 0.5 * (time * 9).sin().abs() * (time > 0.1)
    expression[frame_count // 2, BLINK] = 1.0
    expression[:, SMILE] = 0.2
    rotation = size * torch.stack(((time * 5).sin(), (time * 3).sin(), (time * 4).sin()), 1) - 0.1
    translation = motion.translation + 0.02 * torch.stack((time, -time, time), 1)
    return replace(motion, expression=expression, rotation=rotation, translation=translation)


def test_in_the_reference_frame_the_photo_keeps_its_pose_and_relaxes():
    driver = moving()
    index = 3
    moved = relative_motion(driver, PHOTO, driver.frame(index))
    torch.testing.assert_close(moved.rotation[index], PHOTO.rotation)
    torch.testing.assert_close(moved.translation[index], PHOTO.translation)
    torch.testing.assert_close(moved.gaze[index], PHOTO.gaze)
    torch.testing.assert_close(moved.expression[index], torch.zeros(52))


def test_the_head_turns_as_the_drivers_head_does():
    driver = moving(size=0.1)
    moved = relative_motion(driver, PHOTO, driver.frame(0))
    turn = matrices_from_angles(driver.rotation) @ matrices_from_angles(driver.rotation[0]).T
    expected = turn @ matrices_from_angles(PHOTO.rotation)
    torch.testing.assert_close(matrices_from_angles(moved.rotation), expected, atol=1e-5, rtol=0)


def test_a_full_blink_stays_full_though_the_drivers_eyes_are_narrow():
    driver = moving()
    driver.expression[:, BLINK] = 0.35
    driver.expression[20, BLINK] = 1.0
    moved = relative_motion(driver, PHOTO)
    assert moved.expression[20, BLINK] == 1
    assert moved.expression[0, BLINK] == 0


def test_weights_stay_within_0_and_1():
    driver = moving()
    driver.expression[:] = torch.rand(40, 52)
    moved = relative_motion(driver, PHOTO)
    assert moved.expression.min() >= 0
    assert moved.expression.max() <= 1


def test_turns_and_moves_end_softly_at_their_limits():
    driver = still_motion(200)
    sweep = torch.linspace(0, 80 * DEGREE, 200)
    driver = replace(
        driver,
        rotation=torch.stack((sweep, 0 * sweep, 0 * sweep), 1),
        translation=driver.translation + torch.stack((sweep, 0 * sweep, 0 * sweep), 1),
    )
    photo = replace(PHOTO, rotation=torch.zeros(3))
    moved = relative_motion(driver, photo, driver.frame(0))
    yaw, across = moved.rotation[:, 0], moved.translation[:, 0] - photo.translation[0]
    for values, limit in ((yaw, 30 * DEGREE), (across, 0.06)):
        assert values.max() <= limit + 1e-6
        assert values[-1] > 0.95 * limit
        assert (values.diff() >= -1e-6).all()
        assert (values.diff().diff() < 1e-5).all()
    torch.testing.assert_close(yaw[:40], sweep[:40])


def test_the_neutral_frame_is_relaxed_with_open_eyes():
    driver = moving()
    driver.expression[7] = 0.0
    driver.expression[7, BLINK] = 0.9
    driver.expression[9, JAW] = 0.0
    driver.expression[9, SMILE] = 0.02
    driver.rotation[:] = 0
    assert neutral_frame(driver) == 9


def test_a_single_frame_has_a_neutral_frame():
    assert neutral_frame(still_motion(1)) == 0


def test_lips_that_are_apart_at_rest_stay_apart_and_can_still_close():
    driver = still_motion(40)
    driver.expression[:, JAW] = 0.18  # at rest, with lips apart
    driver.expression[10:14, JAW] = 0.08
    driver.expression[10:14, BLENDSHAPES.index("mouthRollLower")] = 0.5
    driver.expression[30:35, JAW] = 0.4
    assert driver.expression[neutral_frame(driver), JAW] == pytest.approx(0.18)
    jaw = relative_motion(driver, PHOTO).expression[:, JAW]
    torch.testing.assert_close(jaw[10:14], torch.zeros(4))
    torch.testing.assert_close(jaw[20], torch.tensor(0.1 / 0.92))
    torch.testing.assert_close(jaw[32], torch.tensor(0.32 / 0.92))


def test_absolute_motion_is_the_drivers():
    driver = moving()
    assert absolute_motion(driver, PHOTO) == driver


def test_a_motion_from_the_first_frame_begins_with_the_photo_and_keeps_its_distance():
    driver = moving(size=0.5)
    moved = motion_from_first(driver, PHOTO)
    torch.testing.assert_close(moved.rotation[0], PHOTO.rotation)
    torch.testing.assert_close(moved.translation[0], PHOTO.translation)
    torch.testing.assert_close(moved.rotation.diff(dim=0), driver.rotation.diff(dim=0))
    (_, places), (_, driven) = (deep3d_poses(each.rotation, each.translation) for each in (moved, driver))
    torch.testing.assert_close(places[:, :2].diff(dim=0), driven[:, :2].diff(dim=0), atol=1e-5, rtol=0)
    torch.testing.assert_close(places[:, 2], places[:1, 2].expand(40), atol=1e-5, rtol=0)
    assert torch.equal(moved.expression, driver.expression)


def test_without_limits_a_head_turns_as_far_as_the_driver():
    driver = moving(size=1.2)
    moved = relative_motion(driver, made_person(), driver.frame(0), limited=False)
    turn = matrices_from_angles(driver.rotation) @ matrices_from_angles(driver.rotation[0]).T
    torch.testing.assert_close(matrices_from_angles(moved.rotation), turn, atol=1e-5, rtol=0)
    assert moved.rotation[:, 0].abs().max() > 60 * DEGREE


def test_models_that_turn_freely_have_no_limits_unless_asked():
    driver = moving(size=1.2)
    for free, limited, goes_far in ((True, None, True), (True, True, False), (False, None, False)):
        moved = Transfer(limited=limited)(driver, made_person(), free)
        assert (moved.rotation[:, 0].abs().max() > 35 * DEGREE) == goes_far
    assert Real3D.turns_freely
    assert Goha.turns_freely
    assert not is_free(RELIEF)


def test_a_voices_coefficients_keep_what_life_adds_to_them_and_no_habits():
    spoken = still_motion(3)
    expression = spoken.expression.clone()
    expression[:, JAW] = 0.5
    said = expression.clone()
    expression[1, BLINK] = 1.0
    smiling = made_person(expression=torch.zeros(52).index_fill_(0, torch.tensor([SMILE]), 0.6))
    voice = replace(spoken, expression=expression, basel=torch.zeros(3, 64), basel_weights=said)
    moved = voiced_motion(voice, smiling)
    assert moved.expression[0, SMILE] > 0.2
    assert moved.basel_weights is not None
    torch.testing.assert_close(moved.expression - moved.basel_weights, expression - said)


def test_a_still_pose_is_held_while_the_face_moves_on():
    driver = moving()
    held = with_pose(driver, None, PHOTO)
    assert torch.equal(held.expression, driver.expression)
    assert (held.rotation == PHOTO.rotation).all()
    assert (held.translation == PHOTO.translation).all()


def test_a_short_pose_plays_forwards_and_backwards():
    pose = replace(still_motion(5), rotation=torch.arange(5.0)[:, None].expand(5, 3) / 10)
    moved = with_pose(moving(20), pose, PHOTO)
    expected = torch.tensor([0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0]) / 10
    torch.testing.assert_close(moved.rotation[:, 0], expected)
    assert torch.equal(moved.expression, moving(20).expression)


def test_a_pose_of_another_rate_keeps_its_speed():
    pose = replace(still_motion(101, 50.0), rotation=torch.arange(101.0)[:, None].expand(101, 3) / 100)
    moved = with_pose(moving(40), pose, PHOTO)
    torch.testing.assert_close(moved.rotation[:, 0], torch.arange(40) * 2 / 100)


@pytest.mark.parametrize("frame_count", [1, 2])
def test_poses_of_one_or_two_frames_work(frame_count):
    moved = with_pose(moving(10), still_motion(frame_count), PHOTO)
    assert moved.rotation.shape == (10, 3)
    assert isinstance(moved, Motion)


def test_a_reference_of_several_frames_is_refused():
    with pytest.raises(ValueError, match="one frame"):
        relative_motion(moving(), PHOTO, moving(2))


def test_a_driver_without_positions_turns_the_head_about_its_neck():
    turned = replace(still_motion(3), rotation=torch.tensor([[0.0, 0, 0], [0.2, 0, 0], [0, 0.2, 0.1]]))
    source = made_person(rotation=torch.tensor([0.1, 0.0, 0.0]))
    moved = absolute_motion(turned, source)
    neck = torch.tensor([0.0, 0.1, 0.09])
    place = source.translation + matrices_from_angles(source.rotation) @ neck
    torch.testing.assert_close(
        moved.translation + matrices_from_angles(moved.rotation) @ neck, place.expand(3, 3)
    )


@pytest.mark.parametrize(("side_degrees", "back_degrees"), [(0, 30), (20, 30), (60, 8)])
def test_a_photo_from_the_side_turns_back_less(side_degrees, back_degrees):
    source = made_person(rotation=torch.tensor([math.radians(side_degrees), 0.0, 0.0]))
    wild = replace(still_motion(2), rotation=torch.tensor([[0.0, 0, 0], [-1.5, 0, 0]]))
    moved = relative_motion(wild, source, reference=still_motion(1))
    turned_back = math.degrees(float(source.rotation[0] - moved.rotation[1, 0]))
    assert 0.9 * back_degrees < turned_back <= back_degrees


def test_a_smile_shrinks_in_speech_and_comes_back_in_pauses():
    smiling = made_person(expression=torch.zeros(52).index_fill_(0, torch.tensor([SMILE]), 0.8))
    voice = still_motion(150)
    voice.expression[50:100:2, JAW] = 0.3  # lips that open and close while somebody talks
    smile = voiced_motion(voice, smiling).expression[:, SMILE]
    assert smile[:25].min() > 0.64
    assert smile[125:].min() > 0.64
    assert smile[60:90].max() < 0.4
    assert smile.diff().abs().max() < 0.05  # of itself, without a jump


def test_a_smile_stays_while_its_owner_speaks_and_an_open_mouth_closes(astronaut_path):
    avatar = create(astronaut_path)
    habits = {"mouthSmileLeft": 0.6, "browInnerUp": 0.3, "jawOpen": 0.4, "mouthUpperUpLeft": 0.5}
    expression = torch.zeros(52)
    for name, weight in habits.items():
        expression[BLENDSHAPES.index(name)] = weight
    person = replace(avatar.person, expression=expression)
    voice = still_motion(2)
    voice.expression[1, BLENDSHAPES.index("jawOpen")] = 0.5
    voice.expression[1, BLENDSHAPES.index("mouthPucker")] = 1.0
    voice.rotation[1, 1] = 0.05
    moved = voiced_motion(voice, person)
    weight = {name: moved.expression[:, BLENDSHAPES.index(name)].tolist() for name in habits}
    assert weight["jawOpen"] == [0.0, 0.5]
    assert weight["mouthUpperUpLeft"] == [0.0, 0.0]
    assert weight["browInnerUp"] == pytest.approx([0.3, 0.3])
    assert weight["mouthSmileLeft"][1] == 0  # fully rounded lips cannot smile
    face = load_face_model()
    lips = face.vertices(torch.zeros(face.identity_basis.shape[0]), moved.expression[0])
    assert lips[14, 1] - lips[13, 1] < 0.0003, "metres between lips that smile and say nothing"
    torch.testing.assert_close(moved.rotation[0], person.rotation)
    torch.testing.assert_close(moved.gaze, person.gaze.expand(2, 2, 2))
    assert moved.rotation[1, 1] > person.rotation[1] + 0.04
