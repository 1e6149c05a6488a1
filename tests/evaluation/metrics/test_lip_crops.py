import numpy as np
import pytest

from cameo3d.evaluation.measures import SeenFace
from cameo3d.evaluation.metrics.lip_crops import LipCrops


def face_in(left: float, top: float, right: float, bottom: float) -> SeenFace:
    landmarks = np.full((478, 3), (left, top, 0), np.float32)
    landmarks[1] = (right, bottom, 0)
    return SeenFace(landmarks, np.zeros(52, np.float32), np.zeros(3, np.float32))


def frame_of(value: int) -> np.ndarray:
    return np.full((100, 100, 3), value, np.uint8)


def all_crops(frames, faces):
    crops = LipCrops(56)
    found = [crop for pair in zip(frames, faces, strict=True) for crop in crops.add(*pair)]
    return [*found, *crops.rest()]


@pytest.mark.parametrize("count", [1, 5, 7, 13, 30])
def test_every_frame_gives_one_crop_in_order(count):
    crops = all_crops([frame_of(i) for i in range(count)], [face_in(40, 40, 60, 60)] * count)
    assert [int(crop[20, 28, 0]) for crop in crops] == list(range(count))


def test_the_square_reaches_below_the_face_and_beyond_the_picture():
    picture = frame_of(0)
    picture[90] = 255  # a line: half a box and 2 x 0.4 boxes below the middle is 40 + 1.8 x 30 = 94
    crop = all_crops([picture], [face_in(10, 10, 70, 70)])[0][..., 0]
    line = int(np.argmax(crop[:, 28]))
    assert line == pytest.approx((90 - 10) / 84 * 56, abs=1)
    assert crop[0, 0] == 110  # left of the picture: 40 - 1.4 x 30 = -2


def test_one_wrong_box_does_not_move_the_square():
    columns = np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (100, 1, 3))
    faces = [face_in(40, 40, 60, 60)] * 15
    faces[7] = face_in(5, 5, 95, 95)
    crops = all_crops([columns] * 15, faces)
    np.testing.assert_array_equal(crops[7], crops[0])


def test_a_lost_face_keeps_its_square():
    columns = np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (100, 1, 3))
    crops = all_crops([columns] * 3, [face_in(10, 10, 30, 30), None, None])
    np.testing.assert_array_equal(crops[2], crops[0])
