import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_person import made_person

from cameo3d.errors import InputError
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.avatar import Avatar
from cameo3d.pipeline.adjusting import adjusted, gaze_at_camera, looped
from cameo3d.pipeline.adjustments import NOTATIONS, Adjustments, over_stated, parsed
from cameo3d.pipeline.animation import Animation, scaled_crop
from cameo3d.pipeline.compare import compared, compared_size
from cameo3d.values import BLENDSHAPES, Crop, Motion
from cameo3d.values.motion import joined

LIPS = [i for i, n in enumerate(BLENDSHAPES) if n.startswith(("jaw", "mouth", "tongue", "cheekPuff"))]
EYES = [i for i, n in enumerate(BLENDSHAPES) if n.startswith("eye")]
BROWS = [i for i, n in enumerate(BLENDSHAPES) if n.startswith("brow")]
REST = sorted(set(range(52)) - {*LIPS, *EYES, *BROWS})


@pytest.fixture
def person():
    """Somebody who smiles a little, looks aside, and stands off the middle with a turned head."""
    return made_person(
        identity=torch.zeros(40),
        expression=torch.full((52,), 0.2),
        rotation=torch.tensor([0.2, -0.1, 0.1]),
        translation=torch.tensor([0.1, -0.05, 1.0]),
        gaze=torch.full((2, 2), 0.1),
    )


@pytest.fixture
def motion():
    generator = torch.Generator().manual_seed(1)
    return Motion(
        torch.rand(60, 52, generator=generator),
        torch.randn(60, 3, generator=generator) * 0.1,
        torch.randn(60, 3, generator=generator) * 0.01 + torch.tensor([0.1, -0.05, 1.0]),
        torch.randn(60, 2, 2, generator=generator) * 0.1,
        25.0,
        "test",
        basel=torch.ones(60, 64),
    )


def test_without_changes_the_motion_is_the_same_object(motion, person):
    assert adjusted(motion, person, Adjustments()) is motion


@pytest.mark.parametrize(
    ("only", "moving", "eyes_turn", "head_moves"),
    [
        ("lips", LIPS, False, False),
        ("eyes", EYES, True, False),
        ("brows", BROWS, False, False),
        ("pose", [], False, True),
        ("expression", [*range(52)], True, False),
        ("brows,pose", BROWS, False, True),
    ],
)
def test_only_what_is_named_moves_and_all_else_stays_as_in_the_photo(
    motion, person, only, moving, eyes_turn, head_moves
):
    result = adjusted(motion, person, Adjustments(only=parsed("only", only)))
    resting = sorted(set(range(52)) - set(moving))
    torch.testing.assert_close(result.expression[:, moving], motion.expression[:, moving])
    assert (result.expression[:, resting] == person.expression[resting]).all()
    torch.testing.assert_close(result.gaze, motion.gaze if eyes_turn else person.gaze.expand(60, 2, 2))
    torch.testing.assert_close(
        result.rotation, motion.rotation if head_moves else person.rotation.expand(60, 3)
    )
    torch.testing.assert_close(
        result.translation, motion.translation if head_moves else person.translation.expand(60, 3)
    )


def test_strength_goes_from_the_photo_through_the_driver_and_beyond(motion, person):
    still = adjusted(motion, person, Adjustments(strength=0.0))
    assert (still.expression == person.expression).all()
    assert (still.rotation == person.rotation).all()
    half = adjusted(motion, person, Adjustments(strength=0.5))
    torch.testing.assert_close(half.expression, (motion.expression + person.expression) / 2)
    torch.testing.assert_close(half.rotation, (motion.rotation + person.rotation) / 2)
    more = adjusted(motion, person, Adjustments(strength=1.5))
    expected = (1.5 * motion.expression - 0.5 * person.expression).clamp(0, 1)
    torch.testing.assert_close(more.expression, expected)


def test_the_most_exact_strength_counts(motion, person):
    given = Adjustments(strength=parsed("strength", "all=0,expression=0.5,lips=1"))
    result = adjusted(motion, person, given)
    torch.testing.assert_close(result.expression[:, LIPS], motion.expression[:, LIPS])
    torch.testing.assert_close(
        result.expression[:, REST], (motion.expression[:, REST] + person.expression[REST]) / 2
    )
    assert (result.rotation == person.rotation).all()


def test_a_strong_pose_stays_within_what_the_photo_shows(motion, person):
    result = adjusted(motion, person, Adjustments(strength={"pose": 4.0}))
    limits = torch.tensor([30.0, 22.0, 25.0]).deg2rad()
    assert ((result.rotation - person.rotation).abs() <= limits).all()
    assert (result.rotation - person.rotation).abs().max() > 0.3
    free = adjusted(motion, person, Adjustments(strength={"pose": 4.0}), limited=False)
    torch.testing.assert_close(free.rotation - person.rotation, 4 * (motion.rotation - person.rotation))


def test_weights_are_added_and_stay_within_zero_and_one(motion, person):
    result = adjusted(motion, person, Adjustments(set={"mouthSmile": 0.3, "browInnerUp": -0.2, "eyes": -1.0}))
    changed = motion.expression.clone()
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        changed[:, BLENDSHAPES.index(name)] += 0.3
    changed[:, BLENDSHAPES.index("browInnerUp")] -= 0.2
    changed[:, EYES] = 0
    torch.testing.assert_close(result.expression, changed.clamp(0, 1))


def test_unknown_weights_are_named_with_the_nearest(motion, person):
    with pytest.raises(InputError, match="'mouthSmil'; did you mean mouthSmileLeft"):
        adjusted(motion, person, Adjustments(set={"mouthSmil": 0.3}))


def test_eyes_that_look_into_the_camera_point_at_it_however_the_head_turns(motion, person):
    result = adjusted(motion, person, Adjustments(gaze="camera"))
    torch.testing.assert_close(result.gaze, gaze_at_camera(motion, person).clamp(-0.6, 0.6))
    zero = torch.zeros(60, 2)
    eyes = torch.stack((result.gaze[..., 0], result.gaze[..., 1]), -1)
    for side, x in ((0, 0.03), (1, -0.03)):
        turn = matrices_from_angles(torch.stack((*eyes[:, side].unbind(-1), zero[:, 0]), -1))
        ahead = matrices_from_angles(motion.rotation) @ turn @ torch.tensor([0.0, 0.0, -1.0])
        # The ray from about where the eye is passes the camera within the size of an eye socket.
        eye = (
            motion.translation
            + (matrices_from_angles(motion.rotation) @ torch.tensor([x, -0.03, -0.05])[:, None])[..., 0]
        )
        missed = eye - ahead * (eye * ahead).sum(-1, keepdim=True)
        assert missed.norm(dim=-1).max() < 0.03


def test_a_given_gaze_is_held_and_lids_follow_it(motion, person):
    resting = replace(motion, gaze=torch.zeros(60, 2, 2), expression=torch.zeros(60, 52))
    result = adjusted(resting, person, Adjustments(gaze=(10.0, 20.0)))
    torch.testing.assert_close(result.gaze, torch.tensor([10.0, 20.0]).deg2rad().expand(60, 2, 2))
    down = result.expression[:, BLENDSHAPES.index("eyeLookDownLeft")]
    torch.testing.assert_close(down, torch.full((60,), 0.9 * math.radians(20)))
    # Positive yaw is the image's left: the person's own left eye looks in, the right one out.
    inward = result.expression[:, BLENDSHAPES.index("eyeLookInLeft")]
    assert (inward > 0.1).all()
    assert (result.expression[:, BLENDSHAPES.index("eyeLookOutLeft")] == 0).all()


def test_a_turned_head_keeps_its_neck_where_the_driver_has_it(motion, person):
    result = adjusted(motion, person, Adjustments(head=(10.0, 5.0, -3.0)))
    offset = torch.tensor([10.0, 5.0, -3.0]).deg2rad()
    small = (motion.rotation + offset - person.rotation).abs() < 0.2
    torch.testing.assert_close((result.rotation - motion.rotation)[small], offset.expand(60, 3)[small])
    neck = torch.tensor([0.0, 0.1, 0.09])
    before = motion.translation + matrices_from_angles(motion.rotation) @ neck
    after = result.translation + matrices_from_angles(result.rotation) @ neck
    torch.testing.assert_close(after, before)


def test_a_head_to_the_camera_faces_it_where_the_driver_rests(person):
    resting = Motion(
        person.expression[None],
        person.rotation[None],
        person.translation[None],
        person.gaze[None],
        25.0,
        "photo",
    )
    # From the side it may not come back all the way, so look at small turns.
    near = replace(person, rotation=torch.tensor([0.1, -0.05, 0.1]))
    facing = adjusted(replace(resting, rotation=near.rotation[None]), near, Adjustments(head="camera"))
    nose = matrices_from_angles(facing.rotation[0]) @ torch.tensor([0.0, 0.0, -1.0])
    to_camera = -person.translation / person.translation.norm()
    torch.testing.assert_close(nose, to_camera, atol=1e-4, rtol=0)
    assert abs(float(facing.rotation[0, 2])) < 1e-6


def test_chunks_of_a_motion_change_as_the_whole_does(motion, person):
    given = Adjustments(
        only=("lips", "pose"), strength=1.3, set={"jawOpen": 0.1}, gaze="camera", head=(5.0, 0.0, 0.0)
    )
    whole = adjusted(motion, person, given)
    parts = joined([adjusted(motion.part(at, at + 7), person, given) for at in range(0, 60, 7)])
    for name in ("expression", "rotation", "translation", "gaze"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))


def test_a_loop_leads_back_to_its_first_frame(motion):
    slow = replace(motion, rotation=torch.linspace(0, 1, 60)[:, None].expand(60, 3))
    loop = looped(slow)
    assert len(loop) == 60
    assert torch.equal(loop.rotation[:48], slow.rotation[:48])
    # Half a second before, it is as far away as it gets; the step over the seam is the smallest of the way.
    steps = torch.cat((loop.rotation[47:], loop.rotation[:1]))[:, 0].diff()
    assert steps[-1].abs() < 0.03
    assert loop.rotation[-1, 0] < 0.03
    assert loop.expression.shape == (60, 52)
    assert len(looped(motion.part(0, 1))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("only", "lips,chin"),
        ("strength", "high"),
        ("strength", "lips=x"),
        ("strength", "9"),
        ("strength", "chin=1"),
        ("set", "mouthSmileLeft"),
        ("set", "jawOpen=nan"),
        ("gaze", "up"),
        ("gaze", "1,2,3"),
        ("head", "10,0"),
        ("head", "200,0,0"),
        ("crop_scale", "0.1"),
        ("loop", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(name, text):
    with pytest.raises(InputError) as refused:
        Adjustments(**{name: parsed(name, text)})
    assert str(refused.value).count(". ") == 0


def test_every_notation_reads_what_it_writes():
    texts = ("lips,pose", "everything", "lips=1.5", "1.5", "nothing", "camera", "1,-2", "1,-2,3", "yes")
    for kind, notation in NOTATIONS.items():
        read = 0
        for text in texts:
            try:
                value = notation.parse(text)
            except (ValueError, InputError):
                continue
            assert notation.write(value) == text, kind
            read += 1
        assert read, kind


def test_what_a_motion_file_states_counts_where_the_user_says_nothing():
    stated = {"gaze": "camera", "strength": "lips=1.3", "source": "somebody", "frame_rate": "25"}
    merged = over_stated(Adjustments(gaze=(1.0, 2.0)), stated)
    assert merged == Adjustments(gaze=(1.0, 2.0), strength={"lips": 1.3})


def test_a_scaled_crop_stays_in_the_photo(person):
    wide = replace(
        person,
        photo=torch.zeros((300, 400, 3), dtype=torch.uint8),
        matte=torch.zeros((300, 400), dtype=torch.uint8),
        crop=Crop(200.0, 100.0, 120.0),
    )
    assert scaled_crop(wide, 1.5) == Crop(200.0, 100.0, 180.0)
    assert scaled_crop(wide, 2.0) == Crop(200.0, 120.0, 240.0)
    assert scaled_crop(wide, 4.0) == Crop(200.0, 150.0, 300.0)


class _Stripes:
    """A model that draws the photo as it is, opaque but for its left half."""

    def perform(self, avatar, view="crop", backdrop=None):
        assert view == "photo"
        return self

    def draw(self, motion):
        for _ in range(len(motion)):
            frame = np.zeros((300, 400, 4), np.uint8)
            frame[..., 0] = 200
            frame[:, 200:, 3] = 255
            yield frame

    def finish(self):
        return iter(())

    def size(self, avatar, view="crop"):
        return (512, 512) if view == "crop" else (400, 300)

    def encode(self, portraits):
        raise NotImplementedError

    def background(self, avatar, view="crop"):
        raise NotImplementedError


def test_frames_of_a_scaled_crop_are_cut_from_the_photos_view(person, motion):
    wide = replace(
        person,
        photo=torch.zeros((300, 400, 3), dtype=torch.uint8),
        matte=torch.zeros((300, 400), dtype=torch.uint8),
        crop=Crop(200.0, 150.0, 100.0),
    )
    behind = np.full((300, 400, 3), 50, np.uint8)
    shown = Crop(200.0, 150.0, 200.0)
    animation = Animation(_Stripes(), Avatar(wide), motion.part(0, 2), "photo", behind, part=shown)  # type: ignore[arg-type]
    frames = list(animation)
    assert len(frames) == 2
    assert frames[0].shape == (512, 512, 3)
    assert (frames[0][:, :250] == 50).all()
    assert (frames[0][:, 262:, 0] == 200).all()
    assert animation.size == (512, 512)
    transparent = next(iter(replace(animation, background=None)))
    assert transparent.shape == (512, 512, 4)
    assert (transparent[:, 252:260, 0][transparent[:, 252:260, 3] > 20] >= 198).all()
    assert next(compared(animation)).shape[1::-1] == compared_size(animation)
