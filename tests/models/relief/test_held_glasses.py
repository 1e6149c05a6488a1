from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.media.images import read_image
from cameo3d.models.avatar import Avatar, render
from cameo3d.models.relief import RELIEF, ReliefAvatar
from cameo3d.models.relief.glasses import take_off
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion, Portrait

EYES = ((263, 362), (33, 133))
INK = (20, 170, 60)
BROWS = {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0}


@pytest.fixture(scope="module")
def bare(astronaut_path) -> Portrait:
    return make_portrait(read_image(astronaut_path))


@pytest.fixture(scope="module")
def worn(bare) -> Portrait:
    """The same person with green rims, and maps of these."""
    photo, maps = bare.person.photo.numpy().copy(), np.zeros((*bare.person.photo.shape[:2], 2), np.uint8)
    middles, distance = _eyes(bare)
    for middle in middles:
        center, axes = np.rint(middle).astype(int).tolist(), (int(0.42 * distance), int(0.36 * distance))
        cv2.ellipse(photo, center, axes, 0, 0, 360, INK, 3, cv2.LINE_AA)
        for channel, thickness in ((1, -1), (0, 3)):
            drawn = np.ascontiguousarray(maps[..., channel])
            cv2.ellipse(drawn, center, axes, 0, 0, 360, 255, thickness, cv2.LINE_AA)
            maps[..., channel] = drawn
    person = replace(bare.person, photo=torch.from_numpy(photo))
    return replace(bare, person=person, glasses=torch.from_numpy(maps))


@pytest.fixture(scope="module")
def avatar(worn) -> ReliefAvatar:
    return RELIEF.encode([worn])


def _eyes(portrait):
    marks = portrait.landmarks.numpy()[:, :2]
    middles = [marks[list(corners)].mean(0) for corners in EYES]
    return middles, float(np.linalg.norm(middles[0] - middles[1]))


def _frame(avatar, turn=(0.0, 0.0, 0.0), **shapes):
    person = avatar.person
    expression = person.expression.clone()
    for name, weight in shapes.items():
        expression[BLENDSHAPES.index(name)] = weight
    rotation = matrices_from_angles(torch.tensor(turn).deg2rad()) @ matrices_from_angles(person.rotation)
    motion = Motion(
        *(expression[None], angles_from_matrices(rotation)[None], person.translation[None]),
        *(person.gaze[None], 25.0, "test"),
    )
    return next(render(RELIEF, avatar, motion))[..., :3].astype(int)


def _ink(frame):
    return np.abs(frame - INK).max(-1) < 30


def test_rims_are_where_they_were_whatever_brows_and_lids_do(avatar):
    rest = _ink(_frame(avatar))
    assert rest.sum() > 500
    for shapes in (
        BROWS,
        {"browDownLeft": 1.0, "browDownRight": 1.0},
        {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 0.5},
    ):
        moved = _ink(_frame(avatar, **shapes))
        assert (rest & moved).sum() / (rest | moved).sum() > 0.97


def test_rims_that_nobody_found_bend_with_the_brows(worn):
    painted = RELIEF.encode([replace(worn, glasses=None)])
    rest, moved = _ink(_frame(painted)), _ink(_frame(painted, **BROWS))
    assert (rest & moved).sum() / (rest | moved).sum() < 0.7


def test_brows_rise_above_held_rims(avatar, bare):
    still, other = _frame(avatar), _frame(avatar, **BROWS)
    above = int(_ink(still).any(1).argmax()) - 20
    assert np.abs(still - other)[above - 20 : above].mean() > 3


def test_at_rest_the_face_and_its_glasses_are_the_photo(avatar, worn):
    painted = RELIEF.encode([replace(worn, glasses=None)])
    difference = np.abs(_frame(avatar) - _frame(painted))
    assert difference.max() < 40
    assert difference.mean() < 0.3


def test_rims_turn_with_the_head(avatar):
    def ratio(frame):
        columns = np.flatnonzero(_ink(frame).any(0))
        split = columns[np.diff(columns).argmax()]
        return (columns <= split).sum() / (columns > split).sum()

    assert ratio(_frame(avatar, turn=(20.0, 0.0, 0.0))) < 0.8 * ratio(_frame(avatar))
    assert ratio(_frame(avatar, turn=(-20.0, 0.0, 0.0))) > 1.25 * ratio(_frame(avatar))


def test_nothing_of_the_rims_is_left_on_the_face(avatar):
    texture = avatar.texture.numpy()[..., :3].astype(int)
    assert _ink(texture).sum() < 0.02 * (avatar.glasses.texture.numpy()[..., 3] > 127).sum()


def test_without_glasses_there_is_no_sheet(bare):
    assert bare.glasses is None
    assert RELIEF.encode([bare]).glasses is None


def test_an_avatar_keeps_its_glasses_in_its_file(avatar, tmp_path):
    avatar.save(tmp_path / "a.avatar")
    back = Avatar.load(tmp_path / "a.avatar")
    assert isinstance(back, ReliefAvatar)
    assert back.glasses is not None
    assert torch.equal(back.glasses.texture, avatar.glasses.texture)
    np.testing.assert_array_equal(_frame(back, **BROWS), _frame(avatar, **BROWS))


def test_a_bright_spot_in_the_eye_is_the_eyes_own_and_one_beside_it_is_the_lenss(bare):
    middles, distance = _eyes(bare)
    landmarks = bare.landmarks.numpy()
    covers = []
    for middle, radius in ((middles[0], 0.03), (middles[0] + (0, 0.3 * distance), 0.08)):
        image, maps = (
            (bare.person.photo.numpy() * 0.6).astype(np.uint8),
            np.zeros((*bare.matte.shape, 2), np.uint8),
        )
        at = np.rint(middle).astype(int).tolist()
        cv2.circle(image, at, max(1, round(radius * distance)), (250, 250, 250), -1)
        maps[at[1] - 8 : at[1] + 9, at[0] - 8 : at[0] + 9, 1] = 255
        covers.append(take_off(image, maps, landmarks, (False, False)).cover[at[1], at[0]] > 127)
    assert covers == [False, True]


def test_a_dark_lens_goes_with_its_rim(bare, worn):
    maps, landmarks = worn.glasses.numpy(), bare.landmarks.numpy()
    image = worn.person.photo.numpy()
    left, right = (np.rint(middle).astype(int) for middle in _eyes(bare)[0])
    cover = take_off(image, maps, landmarks, (True, False)).cover
    assert (cover[left[1], left[0]], cover[right[1], right[0]]) == (255, 0)
