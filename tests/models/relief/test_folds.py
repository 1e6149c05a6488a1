import cv2
import numpy as np
import pytest

from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.relief.folds import find_folds
from cameo3d.values import BLENDSHAPES

SIDE = 400
SMILE = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]


@pytest.fixture(scope="module")
def points():
    """The mean face, seen from the front, on a canvas."""
    return (load_face_model().mean.numpy()[:, :2] * 1800 + SIDE / 2).astype(np.float32)


def smiling(weight: float) -> np.ndarray:
    expression = np.zeros(52, np.float32)
    expression[SMILE] = weight
    return expression


def folded(points) -> np.ndarray:
    """Plain skin with a dark fold from the nose past a corner of the mouth."""
    skin = np.full((SIDE, SIDE, 4), (200, 160, 140, 255), np.uint8)
    start, end = points[129] - (12, 0), points[61] - (14, -8)
    cv2.line(skin, start.astype(int).tolist(), end.astype(int).tolist(), (140, 105, 90, 255), 5, cv2.LINE_AA)
    return cv2.GaussianBlur(skin, (0, 0), 1.5)


def test_folds_of_a_smile_fade_as_it_goes_and_come_back_with_it(points):
    photo = folded(points)
    folds = find_folds(photo, points, smiling(0.8))
    assert folds is not None
    texture = photo.copy()
    depth = []
    for weight in (0.8, 0.4, 0.0):
        folds.fade(texture, folds.gone(smiling(weight)))
        depth.append(160 - int(texture[..., 1].min()))
    assert depth[0] > 40
    assert depth[0] > depth[1] > depth[2]
    assert depth[2] < 0.7 * depth[0]
    folds.fade(texture, folds.gone(smiling(0.9)))
    np.testing.assert_array_equal(texture, photo)


def test_nothing_but_the_skin_around_the_mouth_is_touched(points):
    photo = folded(points)
    noise = np.random.default_rng(0).integers(-20, 21, (SIDE, SIDE, 1))
    photo[..., :3] = np.clip(photo[..., :3] + noise, 0, 255)
    texture = photo.copy()
    folds = find_folds(photo, points, smiling(0.8))
    assert folds is not None
    folds.fade(texture, 1.0)
    changed = np.abs(texture[..., :3].astype(int) - photo[..., :3]).max(-1)
    for name, landmark in (("eye", 159), ("forehead", 10), ("lip", 17), ("tip of the nose", 1)):
        column, row = points[landmark].astype(int)
        assert changed[row, column] <= 1, name
    np.testing.assert_array_equal(texture[..., 3], photo[..., 3])


def test_a_face_that_does_not_smile_has_no_folds_of_a_smile(points):
    assert find_folds(folded(points), points, smiling(0.05)) is None
