import math
from dataclasses import replace

import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel.poses import head_poses
from cameo3d.geometry.crops import crop_from_pixels
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.images import read_image
from cameo3d.models.real3d.conditioning import KEY_POINTS, BaselSteering, ShippedSteering, moved_poses
from cameo3d.models.real3d.poses import camera_of_pose, pose_rotation
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.retarget import motion_from_first
from cameo3d.values import BLENDSHAPES
from cameo3d.values.motion import still_motion

BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]


@pytest.fixture(scope="module")
def portrait(astronaut_path):
    return make_portrait(read_image(astronaut_path))


@pytest.fixture(scope="module", params=["basel", "shipped"])
def face(request):
    ours = load_face_model()
    return BaselSteering(basel_face(), ours) if request.param == "basel" else ShippedSteering(ours)


def motion_of(portrait, yaw=0.0, frame_count=4):
    return orbit_motion(portrait.person, frame_count / 25, yaw, 0.0)


def test_key_points_lie_on_the_photos_landmarks(face, portrait):
    state = face.fit(portrait)
    points = face.key_points(
        state.identity, state.expression[None], state.euler[None], state.translation[None]
    )
    seen = torch.from_numpy(
        crop_from_pixels(portrait.landmarks[list(KEY_POINTS), :2].numpy(), portrait.person.crop)
    )
    inner = slice(17, 68)  # the outline slides over the skin
    off = ((points[0, inner, :2] + 1) / 2 - seen[inner]).norm(dim=1)
    assert off.mean() < 0.012  # six pixels of 512
    assert (points[..., 2] == 0).all()


def test_the_photos_own_pose_and_expression_stay(face, portrait):
    state, motion = face.fit(portrait), motion_of(portrait)
    euler, translation = moved_poses(state, portrait.person, motion)
    torch.testing.assert_close(euler, state.euler.expand(4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(translation, state.translation.expand(4, 3), atol=1e-4, rtol=0)
    expressions = face.expressions(state, portrait.person.expression, motion)
    torch.testing.assert_close(expressions, state.expression.expand(4, -1), atol=1e-5, rtol=0)


def test_a_head_turns_by_what_the_motion_turns(face, portrait):
    state, motion = face.fit(portrait), motion_of(portrait, yaw=0.3)
    euler, translation = moved_poses(state, portrait.person, motion)
    turn = pose_rotation(euler[1:2]).mT @ pose_rotation(state.euler[None])
    angle = math.acos((float(turn[0].trace()) - 1) / 2)
    assert abs(angle - 0.3) < 0.02
    distance = camera_of_pose(euler, translation)[:, :3, 3].norm(dim=1)
    torch.testing.assert_close(distance, distance[:1].expand(4), atol=0.05, rtol=0)


def test_a_head_that_moves_right_moves_its_key_points_right(face, portrait):
    state, still = face.fit(portrait), motion_of(portrait)
    moved = replace(still, translation=still.translation + torch.tensor([0.02, 0.0, 0.0]))
    one, other = (
        face.key_points(
            state.identity, state.expression.expand(4, -1), *moved_poses(state, portrait.person, motion)
        )
        for motion in (still, moved)
    )
    assert 0.1 < (other - one)[..., 0].mean() < 0.3
    assert (other - one)[..., 1].abs().max() < 0.02


def test_face_maps_show_an_opened_mouth(face, portrait):
    state = face.fit(portrait)
    jaw = torch.zeros(52)
    jaw[17] = 0.8
    motion = replace(motion_of(portrait, frame_count=1), expression=(portrait.person.expression + jaw)[None])
    opened = face.expressions(state, portrait.person.expression, motion)[0]
    drawn = [face.pncc(state.identity, x) for x in (torch.zeros_like(opened), opened)]
    assert drawn[0].shape == (3, 512, 512)
    mouth = [x[:, 230:420, 180:332] for x in drawn]
    assert (mouth[0] - mouth[1]).abs().mean() > 0.01
    if isinstance(face, ShippedSteering):  # the stand-in for the Basel model has closed lips of one piece
        holes = [(x == -1).all(dim=0).sum() for x in mouth]
        assert holes[1] > holes[0] + 200


def test_basel_coefficients_of_a_motion_are_taken_as_they_are(portrait):
    face = BaselSteering(basel_face(), load_face_model())
    given = torch.randn(4, 64)
    motion = replace(motion_of(portrait), basel=given)
    assert torch.equal(face.expressions(face.fit(portrait), portrait.person.expression, motion), given)


def test_weights_that_differ_from_what_the_coefficients_stand_for_are_added_to_them(portrait):
    face = BaselSteering(basel_face(), load_face_model())
    state, given = face.fit(portrait), torch.randn(4, 64)
    known = motion_of(portrait).expression
    smile = known.clone()
    smile[2, BLENDSHAPES.index("mouthSmileLeft")] += 0.5
    motion = replace(motion_of(portrait), expression=smile, basel=given, basel_weights=known)
    moved = face.expressions(state, portrait.person.expression, motion)
    assert torch.equal(moved[[0, 1, 3]], given[[0, 1, 3]])
    assert (moved[2] - given[2]).norm() > 0.1


def test_a_blink_on_top_of_coefficients_is_painted_and_an_opening_moves_the_face(portrait):
    face = BaselSteering(basel_face(), load_face_model())
    state, given = face.fit(portrait), torch.randn(4, 64)
    known = torch.full((4, 52), 0.3)
    blink = known.clone()
    blink[1, BLINKS[0]], blink[2, BLINKS] = 1.0, 0.0
    motion = replace(motion_of(portrait), expression=blink, basel=given, basel_weights=known)
    lids = face.lids(portrait.person.expression, motion)
    torch.testing.assert_close(lids, torch.tensor([[0.0, 0.0], [0.7, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    moved = face.expressions(state, portrait.person.expression, motion)
    torch.testing.assert_close(moved[[0, 1, 3]], given[[0, 1, 3]])
    assert (moved[2] - given[2]).norm() > 0.01


def test_poses_from_the_first_frame_are_the_official_ones(portrait):
    """The rule of the official inference, written out: angles and shifts from the first frame are added."""
    random = torch.Generator().manual_seed(2)
    euler = torch.randn(6, 3, generator=random) * 0.4
    translation = torch.randn(6, 3, generator=random) * torch.tensor([0.3, 0.3, 1.0])
    face = BaselSteering(basel_face(), load_face_model())
    state = face.fit(portrait)
    frozen = translation.clone()
    frozen[:, 2] = frozen[0, 2]
    expected = euler + state.euler - euler[0], frozen + state.translation - frozen[0]
    rotation, moved = head_poses(euler, translation)
    driver = replace(still_motion(6), rotation=rotation, translation=moved)
    ours = moved_poses(state, portrait.person, motion_from_first(driver, portrait.person))
    torch.testing.assert_close(ours[0], expected[0], atol=2e-5, rtol=0)
    torch.testing.assert_close(ours[1], expected[1], atol=2e-5, rtol=0)
