import cv2
import numpy as np
import pytest
import torch

from cameo3d.media.images import read_image
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.sight import eye_patch, judge_sight, load_sight_nets, mouth_patch

SCALE = 4


@pytest.fixture(scope="module")
def photo(astronaut_path) -> np.ndarray:
    return cv2.resize(read_image(astronaut_path)[:256, 90:346], None, fx=SCALE, fy=SCALE)


@pytest.fixture(scope="module")
def face(photo) -> np.ndarray:
    return find_faces(photo)[0]


def _judged(photo, face):
    return judge_sight(photo, face, expression_scores(face[None])[0], 0.0)


def _point(face, *vertices):
    return face[list(vertices), :2].mean(0).astype(int).tolist()


def test_an_ordinary_face_is_all_seen(photo, face):
    for picture in (photo, cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)):
        sight = _judged(picture, face)
        assert sight.covered_eyes == sight.shut_eyes == (False, False)
        assert not sight.still_mouth


def test_dark_glasses_cover_both_eyes(photo, face):
    size = int(np.linalg.norm(face[33, :2] - face[263, :2]))
    for corners in ((33, 133), (263, 362)):
        cv2.ellipse(
            photo := photo.copy(), _point(face, *corners), (size // 4, size // 5), 0, 0, 360, (20, 15, 15), -1
        )
        cv2.ellipse(
            photo, _point(face, *corners), (size // 4, size // 5), 0, 0, 360, (90, 60, 20), size // 40
        )
    sight = _judged(photo, face)
    assert sight.covered_eyes == (True, True)
    assert not sight.still_mouth


def test_clear_spectacles_cover_nothing(photo, face):
    size = int(np.linalg.norm(face[33, :2] - face[263, :2]))
    for corners in ((33, 133), (263, 362)):
        cv2.ellipse(
            photo := photo.copy(),
            _point(face, *corners),
            (size // 4, size // 5),
            0,
            0,
            360,
            (30, 25, 20),
            size // 40,
        )
    sight = _judged(photo, face)
    assert sight.covered_eyes == (False, False)


@pytest.mark.parametrize("color", [(150, 190, 215), (240, 240, 240), (25, 25, 30), (120, 40, 50)])
def test_a_mask_covers_the_mouth(photo, face, color):
    mask = [*(face[i, :2] for i in (234, 6, 454, 365, 152, 136))]
    cv2.fillPoly(photo := photo.copy(), [np.array(mask).astype(np.int32)], color)
    sight = _judged(photo, face)
    assert sight.mouth_covered > 0.5
    assert sight.covered_eyes == (False, False)


def test_a_microphone_before_the_lips_covers_the_mouth_and_one_below_does_not(photo, face):
    size, lips = int(np.linalg.norm(face[33, :2] - face[263, :2])), _point(face, 13, 14)
    near, low = photo.copy(), photo.copy()
    cv2.circle(near, lips, int(0.38 * size), (40, 40, 45), -1)
    cv2.circle(low, (lips[0], lips[1] + int(1.1 * size)), int(0.38 * size), (40, 40, 45), -1)
    assert _judged(near, face).mouth_covered > 0.5 > _judged(low, face).mouth_covered


def test_what_lies_beyond_the_photo_is_covered(photo, face):
    left = int(face[[33, 133], 0].mean()) + 5
    cut, moved = np.ascontiguousarray(photo[:, left:]), face - np.array((left, 0, 0), np.float32)
    assert _judged(cut, moved).right_covered == 1
    bottom = int(face[13, 1]) - 20
    assert _judged(np.ascontiguousarray(photo[:bottom]), face).mouth_covered == 1


def test_patches_are_the_same_for_a_photo_that_is_turned_or_mirrored(photo, face):
    turned = np.ascontiguousarray(np.rot90(photo, 2))
    points = face.copy()
    points[:, :2] = np.array(photo.shape[1::-1]) - face[:, :2]
    for cut in (lambda image, at: eye_patch(image, at, 1, 40), lambda image, at: mouth_patch(image, at, 40)):
        assert np.abs(cut(photo, face).astype(float) - cut(turned, points)).mean() < 1
    mirrored = face.copy()
    mirrored[:, 0] = photo.shape[1] - face[:, 0]
    other = eye_patch(np.ascontiguousarray(photo[:, ::-1]), _sides_swapped(mirrored), 0, 40)
    assert np.abs(eye_patch(photo, face, 1, 40).astype(float) - other).mean() < 1


def _sides_swapped(face):
    swapped = face.copy()
    swapped[[33, 133, 263, 362]] = face[[263, 362, 33, 133]]
    return swapped


def test_the_networks_are_small():
    assert sum(tensor.numel() for tensor in load_sight_nets().parameters()) < 100_000
    assert not any(torch.isnan(tensor).any() for tensor in load_sight_nets().parameters())
