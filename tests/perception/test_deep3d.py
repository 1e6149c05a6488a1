import numpy as np
import pytest

from cameo3d.perception.deep3d_reading import trained_square
from cameo3d.values import Crop


@pytest.mark.parametrize("side", [100.0, 700.0])
def test_the_square_keeps_its_middle_and_a_decimetre_is_102_pixels(side):
    picture = np.zeros((800, 900, 3), np.uint8)
    decimetre = side * 300 / 700
    for x in (450.0, 450 + decimetre / 2):
        width = max(2, round(side / 60))
        picture[400 - width : 400 + width, round(x) - width : round(x) + width] = 255
    square = trained_square(picture, Crop(450.0, 400.0, side)).astype(float)[..., 0]
    assert square.shape == (224, 224)
    columns = np.flatnonzero(square[112] > 127)
    left, right = np.split(columns, 1 + np.flatnonzero(np.diff(columns) > 1))
    assert left.mean() + 0.5 == pytest.approx(112, abs=1.5)
    assert right.mean() - left.mean() == pytest.approx(51, abs=2)


def test_what_lies_beyond_the_picture_is_black():
    white = np.full((100, 100, 3), 255, np.uint8)
    square = trained_square(white, Crop(0.0, 100.0, 100.0))
    assert square.shape == (224, 224, 3)
    assert square[:110, 114:].min() == 255
    assert square[:, :110].max() == 0
    assert square[114:].max() == 0
