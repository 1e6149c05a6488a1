import numpy as np
import pytest

from cameo3d.models.relief.onward import continue_onward, plate_onward

SIDE, BORDER = 240, 60


def _landmarks() -> np.ndarray:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = 120
    landmarks[[10, 152], :2] = (120, 90), (120, 170)
    return landmarks


OUTSIDE = np.arange(SIDE)[:, None].repeat(SIDE, 1) < BORDER


def _continued(picture: np.ndarray, matte: np.ndarray):
    return continue_onward(picture, matte, OUTSIDE, _landmarks())


@pytest.mark.parametrize("slope", [-0.7, 0.0, 0.5])
def test_strands_go_on_in_their_own_direction_beside_the_photo(slope):
    y, x = np.mgrid[:SIDE, :SIDE]
    strands = 128 + 90 * np.sin((y - slope * x) / 4)
    picture = np.repeat(strands[..., None], 3, 2).astype(np.uint8)
    image = continue_onward(picture, np.ones((SIDE, SIDE), np.float32), OUTSIDE.T, _landmarks()).image
    np.testing.assert_array_equal(image[:, BORDER:], picture[:, BORDER:])
    near = np.s_[60:180, BORDER - 8 : BORDER - 2, 0]
    assert np.corrcoef(image[near].ravel(), picture[near].ravel())[0, 1] > 0.9
    mirrored = picture[:, ::-1][:, SIDE - 2 * BORDER :][:, :BORDER][near]
    assert slope == 0 or np.corrcoef(image[near].ravel(), mirrored.ravel())[0, 1] < 0.7


def test_a_head_that_the_upper_border_cuts_ends_as_a_dome_without_a_second_one_in_the_background():
    y, x = np.mgrid[:SIDE, :SIDE]
    matte = (np.hypot(x - 120, y - 100) < 60).astype(np.float32)
    picture = np.where(matte[..., None] > 0, 30, 200).astype(np.uint8).repeat(3, 2)
    result = _continued(picture, matte)
    assert result.matte[BORDER - 4, 120] > 0.9
    assert result.matte[:20].max() == 0
    widths = (result.matte[:BORDER] > 0.5).sum(1)
    assert (np.diff(widths) >= 0).all()
    plate = plate_onward(picture, matte, OUTSIDE, margin=3)
    assert np.abs(plate.astype(int) - 200).max() <= 3
